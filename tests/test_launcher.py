"""`./cairn` finds its way: from any folder, through links, with somebody else's environment, from nothing."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from infra.postgres.cluster import SystemUser

ROOT = Path(__file__).resolve().parents[1]
LAUNCHER = ROOT / "cairn"

pytestmark = pytest.mark.skipif(
    not (ROOT / ".venv" / "bin" / "python").exists(), reason="these tests are about a checkout whose .venv is made"
)


def run(command: list[str | Path], *, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=cwd, env={**os.environ, **environment}, capture_output=True, text=True, check=False, timeout=120
    )


@pytest.fixture
def clone(open_folder: Path) -> Path:
    """A checkout with nothing made yet: the launcher and what it installs from."""
    folder = open_folder / "a clone"
    folder.mkdir()
    for name in ("cairn", "pyproject.toml", "uv.lock"):
        shutil.copy2(ROOT / name, folder / name)
    return folder


@pytest.fixture
def fake_tools(clone: Path) -> Path:
    """A uv that makes, in no time, an environment whose Python says what it was asked, and notes how it was called."""
    folder = clone / ".cairn-tools" / "uv" / "bin"
    folder.mkdir(parents=True)
    uv = folder / "uv"
    uv.write_text(
        "#!/bin/sh\n"
        '[ "$1" = --version ] && exit 0\n'
        f'echo "$*" >>"{clone}/uv-calls"\n'
        "sleep 0.2\n"
        'mkdir -p "$UV_PROJECT_ENVIRONMENT/bin"\n'
        'printf \'#!/bin/sh\\necho "asked: $*"\\n\' >"$UV_PROJECT_ENVIRONMENT/bin/python"\n'
        'cp "$UV_PROJECT_ENVIRONMENT/bin/python" "$UV_PROJECT_ENVIRONMENT/bin/pytest"\n'
        'chmod +x "$UV_PROJECT_ENVIRONMENT/bin/"*\n'
    )
    uv.chmod(0o755)
    return folder


def uv_calls(clone: Path) -> list[str]:
    calls = clone / "uv-calls"
    return calls.read_text().splitlines() if calls.exists() else []


def test_it_works_from_any_folder_and_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "first").symlink_to(LAUNCHER)
    (tmp_path / "second").symlink_to("first")
    said = run([tmp_path / "second", "--help"], cwd=Path("/"))
    assert said.returncode == 0, said.stderr
    assert "Usage: cairn" in said.stdout


def test_what_lies_in_the_folder_it_is_called_from_is_not_imported(tmp_path: Path) -> None:
    for package in ("cairnfield", "infra", "typer"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text("raise SystemExit('somebody else was imported')")
    said = run([LAUNCHER, "--help"], cwd=tmp_path, PYTHONPATH=str(tmp_path), VIRTUAL_ENV=str(tmp_path))
    assert said.returncode == 0, said.stderr + said.stdout


def test_it_installs_once_and_again_only_when_the_lock_changed(clone: Path, fake_tools: Path) -> None:
    assert run([clone / "cairn", "up", "--port", "0"], cwd=Path("/")).stdout == "asked: -P -m cairnfield up --port 0\n"
    assert len(uv_calls(clone)) == 1
    run([clone / "cairn", "up"], cwd=Path("/"))
    assert len(uv_calls(clone)) == 1
    with (clone / "uv.lock").open("a") as lock:
        lock.write("\n# changed\n")
    run([clone / "cairn", "up"], cwd=Path("/"))
    assert len(uv_calls(clone)) == 2


def test_developers_tools_come_only_when_they_are_needed_and_stay(clone: Path, fake_tools: Path) -> None:
    run([clone / "cairn", "up"], cwd=clone)
    run([clone / "cairn", "test"], cwd=clone)
    run([clone / "cairn", "up"], cwd=clone)
    first, second = uv_calls(clone)
    assert "--no-dev" in first
    assert "--no-dev" not in second
    assert all("--frozen" in call and "--inexact" in call for call in (first, second))


def test_two_at_the_same_time_install_once(clone: Path, fake_tools: Path) -> None:
    command = [str(clone / "cairn"), "up"]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    said = [process.communicate(timeout=60) for process in running]
    assert [out for out, _ in said] == ["asked: -P -m cairnfield up\n"] * 3, said
    assert len(uv_calls(clone)) == 1


def test_a_moved_clone_is_made_anew_because_scripts_know_where_they_were(clone: Path, fake_tools: Path) -> None:
    run([clone / "cairn", "up"], cwd=clone)
    moved = shutil.copytree(clone, clone.with_name("moved"))
    said = run([moved / "cairn", "up"], cwd=moved)
    assert said.returncode == 0, said.stderr
    first, second = uv_calls(clone)
    assert "--reinstall" not in first
    assert "--reinstall" in second


def test_an_environment_whose_python_is_gone_is_made_anew(clone: Path, fake_tools: Path) -> None:
    run([clone / "cairn", "up"], cwd=clone)
    venv = clone / ".venv"
    (venv / "pyvenv.cfg").touch()
    (venv / "of-the-old-one").touch()
    (venv / "bin" / "python").unlink()
    (venv / "bin" / "python").symlink_to("/nonexistent/python3")
    said = run([clone / "cairn", "up"], cwd=clone)
    assert said.stdout == "asked: -P -m cairnfield up\n", said.stderr
    assert not (venv / "of-the-old-one").exists()


def a_python(folder: Path, name: str, *options: str) -> Path:
    """This Python under another name, with options that it is always started with."""
    folder.mkdir(exist_ok=True)
    python = folder / name
    python.write_text(f'#!/bin/sh\nexec "{os.path.realpath(sys.executable)}" {" ".join(options)} "$@"\n')
    python.chmod(0o755)
    return python


def made_with(clone: Path) -> Path:
    (call,) = uv_calls(clone)
    return Path(call.split("--python ")[1].split()[0])


def test_of_the_pythons_there_are_a_quick_one_is_taken(clone: Path, fake_tools: Path, tmp_path: Path) -> None:
    slow = a_python(tmp_path / "bin", "python3", "-X tracemalloc=10")
    a_python(tmp_path / "bin", "python3.11")
    run([clone / "cairn", "up"], cwd=clone, PATH=f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    assert made_with(clone) not in (slow, Path("python3"))


def test_a_quick_python_that_lacks_what_we_need_is_not_taken(clone: Path, fake_tools: Path, tmp_path: Path) -> None:
    a_python(tmp_path / "bin", "python3", "-X tracemalloc=10")
    lacking = a_python(tmp_path / "bin", "python3.11")
    lacking.write_text(lacking.read_text().replace("exec", '[ "$1" = -I ] && exit 1; exec'))
    run([clone / "cairn", "up"], cwd=clone, PATH=f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    assert made_with(clone) != lacking


def test_a_quick_python_of_another_version_is_not_taken_for_which_there_may_be_no_wheels(
    clone: Path, fake_tools: Path, tmp_path: Path
) -> None:
    a_python(tmp_path / "bin", "python3", "-X tracemalloc=10")
    newer = a_python(tmp_path / "bin", "python3.14")
    as_newer = "import sys, time; sys.version_info, time.perf_counter = (3, 99, 0), lambda: 0.0; exec(sys.argv[1])"
    said = newer.read_text().replace("exec", f'[ "$1" = -I ] && set -- -I -c "{as_newer}" "$3"\nexec')
    newer.write_text(said)
    run([clone / "cairn", "up"], cwd=clone, PATH=f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    assert made_with(clone) != newer


def test_the_python_that_was_named_is_taken_however_slow(clone: Path, fake_tools: Path, tmp_path: Path) -> None:
    slow = a_python(tmp_path / "bin", "python3", "-X tracemalloc=10")
    run([clone / "cairn", "up"], cwd=clone, CAIRN_PYTHON=str(slow))
    assert made_with(clone) == slow


def test_no_python_is_said(clone: Path) -> None:
    said = run([clone / "cairn", "up"], cwd=clone, CAIRN_PYTHON="/bin/false")
    assert said.returncode == 1
    assert "CAIRN_PYTHON is /bin/false, which is not a Python 3.11" in said.stderr


def test_a_clone_of_somebody_else_is_said(clone: Path, plain_user: SystemUser | None) -> None:
    clone.chmod(0o555)
    said = subprocess.run(
        [clone / "cairn", "up"],
        env={**os.environ, "CAIRN_PYTHON": "/usr/bin/python3"},
        user=plain_user.uid if plain_user else None,
        capture_output=True,
        text=True,
        check=False,
    )
    clone.chmod(0o755)
    assert said.returncode == 1
    assert "cannot be written by" in said.stderr


def test_it_is_quick_when_there_is_nothing_to_make(clone: Path, fake_tools: Path) -> None:
    run([clone / "cairn", "up"], cwd=clone)
    started = time.monotonic()
    for _ in range(10):
        run([clone / "cairn", "up"], cwd=clone)
    assert (time.monotonic() - started) / 10 < 0.05


def test_wrong_usage_ends_with_2_and_trouble_with_1_without_a_traceback(tmp_path: Path) -> None:
    cairn = [sys.executable, "-P", "-m", "cairnfield"]
    wrong = run([*cairn, "up", "--port", "x"], cwd=tmp_path)
    unset = run([*cairn, "up"], cwd=tmp_path, CAIRN_PORT="lots")
    trouble = run([*cairn, "up", "--port", "0"], cwd=tmp_path, DATABASE_URL="postgresql://127.0.0.1:1/none")
    assert (wrong.returncode, unset.returncode, trouble.returncode) == (2, 2, 1)
    assert "CAIRN_PORT is 'lots'. Set a number from 0 to 65535" in unset.stderr
    assert "The database does not answer" in trouble.stderr
    assert "Traceback" not in wrong.stderr + unset.stderr + trouble.stderr
