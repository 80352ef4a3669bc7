"""`cairn test` and `cairn check`: everything that must hold before a change is shown to anybody."""

import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from cairnfield.failure import CannotGoOn
from cairnfield.node import packages, tool

SERVER_MIN = 15
APT_TIMEOUT_S = 300
CHECKS_AT_A_TIME = 2


def test(context: typer.Context) -> None:
    """Run all tests. Arguments go to pytest: cairn test -k merge."""
    root = _checkout()
    _ensure_server_binaries()
    os.chdir(root)
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-P", "-m", "pytest", *context.args])  # noqa: S606 (no shell is wanted)


def check(
    fix: Annotated[bool, typer.Option("--fix", help="First let ruff and biome mend what they can.")] = False,
) -> None:
    """Check style, types, architecture, the order of migrations and locked dependencies."""
    from rich.console import Console
    from rich.table import Table

    root = _checkout()
    packages(root)
    if fix:
        subprocess.run([*_python("ruff"), "check", "--fix", "--quiet"], cwd=root, check=False)
        subprocess.run([*_python("ruff"), "format", "--quiet"], cwd=root, check=False)
        subprocess.run(
            tool(root, "biome", "check", "--write"), cwd=root / "pwa", stdout=subprocess.DEVNULL, check=False
        )
    with ThreadPoolExecutor(CHECKS_AT_A_TIME) as pool:
        results = list(pool.map(_run_check, _checks(root)))
    table = Table("Check", "Result", "Seconds", box=None, header_style="bold", pad_edge=False)
    for result in results:
        if not result.passed:
            print(f"── {result.name}\n{result.output}\n", flush=True)
        table.add_row(result.name, "[green]ok[/]" if result.passed else "[red]FAILED[/]", f"{result.seconds:.1f}")
    Console().print(table)
    if not all(result.passed for result in results):
        raise typer.Exit(1)


def server_binaries() -> Path | None:
    """The folder with `initdb` and `postgres` of an installed server that is new enough, the oldest of them."""
    installed = sorted(
        (int(folder.parent.name), folder)
        for folder in Path("/usr/lib/postgresql").glob("*/bin")
        if folder.parent.name.isdigit() and int(folder.parent.name) >= SERVER_MIN and (folder / "initdb").exists()
    )
    if installed:
        return installed[0][1]
    found = shutil.which("initdb")
    if found is None:
        return None
    said = subprocess.run([found, "--version"], capture_output=True, text=True, check=False).stdout
    version = said.split()[-1].partition(".")[0] if said else ""
    return Path(found).resolve().parent if version.isdigit() and int(version) >= SERVER_MIN else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Check:
    name: str
    command: list[str]
    folder: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class _Result:
    name: str
    passed: bool
    output: str
    seconds: float


def _checks(root: Path) -> list[_Check]:
    """The slowest first, so that two at a time end soonest."""
    python = {
        "pyright": _python("pyright"),
        "mypy": _python("mypy"),
        "ruff check": [*_python("ruff"), "check"],
        "ruff format": [*_python("ruff"), "format", "--check"],
        "import-linter": [str(Path(sys.executable).parent / "lint-imports"), "--no-cache", "--no-logo"],
        "migrations": _python("cairnfield.migration_numbers"),
        "locked dependencies": [_uv(root), "lock", "--check"],
    }
    typescript = {
        "tsc": tool(root, "tsc", "--noEmit"),
        "tsc, as published": tool(root, "tsc", "--noEmit", "--project", "sdk"),
        "biome": tool(root, "biome", "check", "--error-on-warnings"),
    }
    return [
        _Check(name=name, command=command, folder=folder)
        for folder, commands in ((root, python), (root / "pwa", typescript))
        for name, command in commands.items()
    ]


def _run_check(check: _Check) -> _Result:
    started = time.monotonic()
    done = subprocess.run(
        check.command, cwd=check.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    seconds = time.monotonic() - started
    return _Result(name=check.name, passed=done.returncode == 0, output=done.stdout.strip(), seconds=seconds)


def _python(module: str) -> list[str]:
    return [sys.executable, "-P", "-m", module]


def _uv(root: Path) -> str:
    own = root / ".cairn-tools" / "uv" / "bin" / "uv"
    found = str(own) if own.exists() else shutil.which("uv")
    if found is None:
        raise CannotGoOn("uv is not installed, so uv.lock cannot be checked. Remove .venv and run ./cairn again.")
    return found


def _checkout() -> Path:
    root = Path(__file__).resolve().parent.parent
    if not (root / "pyproject.toml").exists():
        raise CannotGoOn("This Cairnfield is installed, not a checkout. Clone the repository and run ./cairn there.")
    return root


def _ensure_server_binaries() -> None:
    """The contract suites run on a server of the oldest supported version too; on Debian root can have one."""
    if os.environ.get("CAIRN_TEST_DATABASE_URL") or server_binaries() is not None:
        return
    if os.geteuid() == 0 and shutil.which("apt-get"):
        _install_server()
    if server_binaries() is None:
        print(
            f"cairn: no PostgreSQL {SERVER_MIN} or newer is installed: the tests on a server are skipped here, and "
            "fail where CI=true. Debian: apt-get install postgresql-15; or name a server in CAIRN_TEST_DATABASE_URL.",
            file=sys.stderr,
            flush=True,
        )


def _install_server() -> None:
    """Install the binaries only: Debian would make and start a cluster, which nobody asked for."""
    print("cairn: installing PostgreSQL for the tests", file=sys.stderr, flush=True)
    no_cluster = Path("/etc/postgresql-common/createcluster.d/cairnfield-tests.conf")
    no_cluster.parent.mkdir(parents=True, exist_ok=True)
    no_cluster.write_text("create_main_cluster = false\n")
    apt = ["apt-get", "-q", "-y", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=120"]
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        for command in (["update"], ["install", "postgresql-15"], ["install", "postgresql"]):
            done = subprocess.run(
                [*apt, *command],
                env=environment,
                timeout=APT_TIMEOUT_S,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
            if server_binaries() is not None:
                return
            if done.returncode != 0:
                print(done.stdout.strip().rpartition("\n")[2], file=sys.stderr)
    finally:
        no_cluster.unlink()
