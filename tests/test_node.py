"""Node comes along, and the packages of `pwa/` are there when they are needed: once, as locked, or with a reason."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cairnfield.failure import CannotGoOn
from cairnfield.node import node, packages

ROOT = Path(__file__).resolve().parents[1]
# Its Python may be in a closed home, so the user changes once everything is imported.
INSTALL = """
import os, sys
from pathlib import Path
from cairnfield.failure import CannotGoOn
from cairnfield.node import packages
if sys.argv[2:]:
    os.setgroups([])
    os.setuid(int(sys.argv[2]))
try:
    packages(Path(sys.argv[1]))
except CannotGoOn as failure:
    sys.exit(str(failure))
"""
INSTALLING = "cairn: installing the packages of pwa/\n"
NOBODYS_UID = 54321  # no account has it


@pytest.fixture
def clone(open_folder: Path) -> Path:
    """A checkout whose `pwa/` has one package, a folder of its own, so that nothing is fetched."""
    (open_folder / "pwa" / "sdk").mkdir(parents=True)
    lock(open_folder, "sdk")
    return open_folder


def lock(clone: Path, workspace: str) -> None:
    """The two files as npm writes them for one workspace, which is then linked from node_modules."""
    told = {"name": "cairnfield-pwa", "workspaces": [workspace]}
    linked = {f"node_modules/{workspace}": {"resolved": workspace, "link": True}, workspace: {"version": "1.0.0"}}
    write(clone / "pwa" / "package.json", told)
    write(clone / "pwa" / workspace / "package.json", {"name": workspace, "version": "1.0.0"})
    write(clone / "pwa" / "package-lock.json", {**told, "lockfileVersion": 3, "packages": {"": told, **linked}})


def write(path: Path, document: object) -> None:
    path.write_text(json.dumps(document))


def install(clone: Path, *, user: int | None = None, **environment: str | None) -> subprocess.Popen[str]:
    """Another process that needs the packages; a variable that is None is taken away."""
    told = {**os.environ, **environment}
    return subprocess.Popen(
        [sys.executable, "-P", "-c", INSTALL, str(clone), *([] if user is None else [str(user)])],
        cwd="/",
        env={name: value for name, value in told.items() if value is not None},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def other_user() -> int | None:
    """Nobody that has an account, where we may become anybody and they can walk to this Node; else who we are."""
    if os.geteuid() != 0:
        return None
    if not all(folder.stat().st_mode & 0o001 for folder in node().parents):
        pytest.skip(f"{node()} is in a closed folder, so only its owner can run it")
    return NOBODYS_UID


def test_this_node_runs_typescript_as_it_is_written(tmp_path: Path) -> None:
    program = tmp_path / "program.ts"
    program.write_text("const visits: number = 3; console.log(visits);")
    assert subprocess.run([node(), program], capture_output=True, text=True, check=True).stdout == "3\n"


def test_packages_are_installed_once_and_again_only_when_the_lock_changed(
    clone: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    packages(clone)
    assert (clone / "pwa" / "node_modules" / "sdk" / "package.json").exists()
    packages(clone)
    assert capsys.readouterr().err == INSTALLING
    (clone / "pwa" / "office").mkdir()
    lock(clone, "office")
    packages(clone)
    assert capsys.readouterr().err == INSTALLING
    assert (clone / "pwa" / "node_modules" / "office").exists()
    assert not (clone / "pwa" / "node_modules" / "sdk").exists()


def test_two_at_the_same_time_install_once(clone: Path) -> None:
    running = [install(clone) for _ in range(3)]
    said = [process.communicate(timeout=120)[1] for process in running]
    assert [process.returncode for process in running] == [0, 0, 0], said
    assert sorted(said) == ["", "", INSTALLING]


@pytest.mark.parametrize("home", [None, "", "/nonexistent", "/root"])
def test_a_user_without_a_home_can_install(clone: Path, other_user: int | None, home: str | None) -> None:
    for folder in (clone, clone / "pwa"):
        os.chown(folder, -1 if other_user is None else other_user, -1)
    running = install(clone, user=other_user, HOME=home)
    said = running.communicate(timeout=120)[1]
    assert (running.returncode, said) == (0, INSTALLING)
    assert (clone / "pwa" / "node_modules" / "sdk").exists()


def test_who_installs_for_production_elsewhere_has_the_developers_packages_here(
    clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = json.loads((clone / "pwa" / "package-lock.json").read_text())
    told["packages"][""]["devDependencies"] = {"tool": "file:tool"}
    told["packages"] |= {"node_modules/tool": {"resolved": "tool", "link": True, "dev": True}, "tool": {"dev": True}}
    write(clone / "pwa" / "package-lock.json", told)
    write(clone / "pwa" / "package.json", told["packages"][""])
    (clone / "pwa" / "tool").mkdir()
    write(clone / "pwa" / "tool" / "package.json", {"name": "tool"})
    monkeypatch.setenv("NODE_ENV", "production")
    packages(clone)
    assert (clone / "pwa" / "node_modules" / "tool").exists()


def test_a_lock_that_does_not_fit_is_said_with_the_end_of_the_log_and_tried_again(clone: Path) -> None:
    write(clone / "pwa" / "package.json", {"name": "cairnfield-pwa", "dependencies": {"no-such-tool": "1.0.0"}})
    for _ in range(2):
        with pytest.raises(
            CannotGoOn, match=r"npm could not install the packages of pwa/(?s:.)*npm\.log, its end:\nnpm"
        ):
            packages(clone)
    lock(clone, "sdk")
    packages(clone)


def test_a_clone_of_somebody_else_is_said_unless_its_packages_are_installed(
    clone: Path, other_user: int | None
) -> None:
    clone.chmod(0o555)
    said = install(clone, user=other_user).communicate(timeout=120)[1]
    assert f"{clone / '.cairn-tools'} cannot be written" in said
    clone.chmod(0o755)
    packages(clone)
    clone.chmod(0o555)
    running = install(clone, user=other_user)
    assert (running.communicate(timeout=120)[1], running.returncode) == ("", 0)
    clone.chmod(0o755)


def test_no_node_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    old = tmp_path / "node"
    old.write_text("#!/bin/sh\necho v22.1.0\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setattr(sys, "path_importer_cache", {})
    with pytest.raises(CannotGoOn, match="There is no Node 24 or newer"):
        node()
    old.write_text("#!/bin/sh\necho v26.0.0\n")
    assert node() == old


def test_the_lock_names_no_registry_and_every_package_of_every_platform() -> None:
    locked = json.loads((ROOT / "pwa" / "package-lock.json").read_text())["packages"]
    fetched = {path: told for path, told in locked.items() if "node_modules/" in path and not told.get("link")}
    assert [path for path, told in fetched.items() if "resolved" in told or "integrity" not in told] == []
    needed = {name for told in locked.values() for name in told.get("optionalDependencies", {})}
    assert needed - {path.rpartition("node_modules/")[2] for path in locked} == set(), "a registry did not have these"
