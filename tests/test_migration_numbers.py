"""Two migrations of one number, or one that follows another than it should, are found before they land."""

import subprocess
import sys
from pathlib import Path

from cairnfield.migration_numbers import VERSIONS, faults

ROOT = Path(__file__).resolve().parents[1]


def migration(folder: Path, name: str, revision: str, down_revision: str | None) -> None:
    told = "None" if down_revision is None else f'"{down_revision}"'
    (folder / name).write_text(f'"""What it brings."""\n\nrevision = "{revision}"\ndown_revision = {told}\n')


def test_ours_follow_each_other() -> None:
    assert list(faults(ROOT / VERSIONS)) == []
    assert (ROOT / VERSIONS / "0001_the_log.py").exists()


def test_two_of_one_number_are_refused(tmp_path: Path) -> None:
    migration(tmp_path, "0001_the_log.py", "0001", None)
    migration(tmp_path, "0002_who_signs_in.py", "0002", "0001")
    assert list(faults(tmp_path)) == []
    migration(tmp_path, "0002_who_is_told.py", "0002", "0001")
    told = "\n".join(faults(tmp_path))
    assert "0002_who_is_told.py and 0002_who_signs_in.py have the same number" in told


def test_one_that_says_another_number_than_its_file_or_follows_another_is_refused(tmp_path: Path) -> None:
    migration(tmp_path, "0001_the_log.py", "0001", None)
    migration(tmp_path, "0002_who_signs_in.py", "0002", "0001")
    migration(tmp_path, "0003_who_is_told.py", "0003", "0001")
    assert list(faults(tmp_path)) == ['0003_who_is_told.py must say `revision = "0003"` and `down_revision = "0002"`.']
    migration(tmp_path, "0003_who_is_told.py", "0007", "0002")
    assert len(list(faults(tmp_path))) == 1
    (tmp_path / "who_is_told.py").write_text("")
    assert any("four digits" in each for each in faults(tmp_path))


def test_cairn_check_asks_for_it(tmp_path: Path) -> None:
    (tmp_path / VERSIONS).mkdir(parents=True)
    for name in ("0001_the_log.py", "0001_who_signs_in.py"):
        migration(tmp_path / VERSIONS, name, "0001", None)
    command = [sys.executable, "-m", "cairnfield.migration_numbers"]
    done = subprocess.run(
        command, cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "the same number" in done.stdout
    assert "cairnfield.migration_numbers" in (ROOT / "cairnfield/develop.py").read_text()
