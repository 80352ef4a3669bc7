"""The embedded server survives what happens to it: several users, kill -9, a reboot, odd and closed folders."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from infra.postgres import place
from infra.postgres.cluster import Cluster, ServerUnavailable
from infra.postgres.embedded import embedded
from infra.postgres.place import PlaceClosed, find_place, own_account

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has to give its data to another account")

HOLD = """
import sys
from pathlib import Path
from infra.postgres.embedded import embedded
with embedded(Path(sys.argv[1])) as server:
    print(server.dsn, flush=True)
    sys.stdin.read()
"""


@contextmanager
def another_process(folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Another process that uses the server of the folder until its input ends, and the DSN it got."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    with process:
        yield process, process.stdout.readline().strip()


def postmaster(data: Path) -> int:
    return int((data / "postmaster.pid").read_text().splitlines()[0])


def is_up(data: Path) -> bool:
    return Cluster(binaries=Path("/"), data=data).running() is not None


def remember(dsn: str, word: str) -> None:
    with psycopg.connect(dsn) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS said (word text NOT NULL)")
        connection.execute("INSERT INTO said VALUES (%s)", [word])


def remembered(dsn: str) -> list[str]:
    with psycopg.connect(dsn) as connection:
        return [word for (word,) in connection.execute("SELECT word FROM said ORDER BY word")]


def test_what_was_written_is_there_when_it_is_started_again(open_folder: Path) -> None:
    with embedded(open_folder) as server:
        remember(server.dsn, "kept")
        data = server.data
    assert not is_up(data)
    with embedded(open_folder) as server:
        assert remembered(server.dsn) == ["kept"]


def test_it_promises_durability_and_listens_to_no_network(open_folder: Path) -> None:
    with embedded(open_folder) as server, psycopg.connect(server.dsn) as connection:
        names = ("fsync", "full_page_writes", "synchronous_commit", "data_checksums", "listen_addresses")
        found = {name: _setting(connection, name) for name in names}
        socket_folder = Path(_setting(connection, "unix_socket_directories"))
    assert found == {
        "fsync": "on",
        "full_page_writes": "on",
        "synchronous_commit": "on",
        "data_checksums": "on",
        "listen_addresses": "",
    }
    assert stat.S_IMODE(socket_folder.stat().st_mode) == 0o700


def _setting(connection: psycopg.Connection, name: str) -> str:
    row = connection.execute("SELECT current_setting(%s)", [name]).fetchone()
    assert row is not None
    return str(row[0])


def test_the_last_one_out_stops_it(open_folder: Path) -> None:
    with embedded(open_folder) as ours:
        with another_process(open_folder) as (_, theirs):
            assert theirs == ours.dsn
        assert is_up(ours.data)
        with embedded(open_folder) as ours_again:
            assert ours_again == ours
        remember(ours.dsn, "still here")
    assert not is_up(ours.data)


def test_it_outlives_the_process_that_started_it_while_another_uses_it(open_folder: Path) -> None:
    with another_process(open_folder) as (first, dsn):
        with embedded(open_folder) as server:
            assert first.stdin is not None
            first.stdin.close()
            assert first.wait(timeout=30) == 0
            remember(server.dsn, "after the first left")
            assert server.dsn == dsn
        assert not is_up(server.data)


def test_a_server_whose_owner_was_killed_is_adopted(open_folder: Path) -> None:
    with another_process(open_folder) as (owner, dsn):
        remember(dsn, "before")
        owner.kill()
        owner.wait()
    orphan = postmaster(open_folder / "postgres")
    with embedded(open_folder) as server:
        assert postmaster(server.data) == orphan
        assert remembered(server.dsn) == ["before"]
    assert not is_up(server.data)


def test_a_server_that_was_killed_itself_recovers(open_folder: Path) -> None:
    with embedded(open_folder) as server:
        remember(server.dsn, "confirmed")
        with psycopg.connect(server.dsn):  # a child that has not noticed yet still holds the old memory
            os.kill(postmaster(server.data), signal.SIGKILL)
            while is_up(server.data):
                pass
            with embedded(open_folder) as again:
                assert remembered(again.dsn) == ["confirmed"]


def test_after_a_reboot_its_old_number_may_be_anybodys(open_folder: Path) -> None:
    with embedded(open_folder) as server:
        remember(server.dsn, "kept")
        locks = {name: (server.data / name).read_text() for name in ("postmaster.pid", ".s.PGSQL.5432.lock")}
    account = own_account().uid if os.geteuid() == 0 else None
    with subprocess.Popen(["sleep", "60"], user=account) as somebody_else:
        for name, lock in locks.items():
            _, _, rest = lock.partition("\n")
            (server.data / name).write_text(f"{somebody_else.pid}\n{rest}")
        with embedded(open_folder) as again:
            assert remembered(again.dsn) == ["kept"]
        assert somebody_else.poll() is None
        somebody_else.kill()


def test_a_half_made_data_directory_is_made_anew(open_folder: Path) -> None:
    half_made = open_folder / "postgres.new-killed"
    half_made.mkdir()
    (half_made / "PG_VERSION").write_text("18\n")
    with embedded(open_folder) as server:
        remember(server.dsn, "whole")
    assert not half_made.exists()


@pytest.mark.parametrize(
    "name", ["so-long-" * 12, "a, b 'c' \"d\" $HOME `e`", "Zählerstände %20"], ids=["long", "odd", "utf-8"]
)
def test_a_path_that_no_socket_can_have_is_served(open_folder: Path, name: str) -> None:
    with embedded(open_folder / name) as server:
        remember(server.dsn, "reached")
        socket_folder = Path((server.data / "postmaster.pid").read_text().splitlines()[4])
        assert stat.S_IMODE(socket_folder.stat().st_mode) == 0o700
    assert not socket_folder.exists()


def test_eight_at_the_same_time_share_one(open_folder: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(open_folder)]
    processes = [
        subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) for _ in range(8)
    ]
    said = [process.communicate(timeout=120)[0].strip() for process in processes]
    assert [process.returncode for process in processes] == [0] * 8
    assert len(set(said)) == 1
    assert not is_up(open_folder / "postgres")


def test_a_start_that_fails_says_what_postgres_said(open_folder: Path) -> None:
    with embedded(open_folder) as server:
        data = server.data
    (data / "PG_VERSION").write_text("9.1\n")
    with pytest.raises(ServerUnavailable, match="not compatible"), embedded(open_folder):
        pass
    assert not is_up(data)


def test_a_folder_that_cannot_be_made_is_said(open_folder: Path) -> None:
    (open_folder / "file").write_text("")
    with pytest.raises(ServerUnavailable, match="Choose another with --data"), embedded(open_folder / "file" / "data"):
        pass


@pytest.fixture
def closed_home(open_folder: Path) -> Path:
    home = open_folder / "home"
    home.mkdir(mode=0o700)
    return home


@pytest.fixture
def open_place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="cairn-place-", dir="/tmp"))
    folder.chmod(0o755)
    monkeypatch.setattr(place, "OPEN_PLACE", folder / "cairnfield")
    yield folder / "cairnfield"
    shutil.rmtree(folder)


@as_root
def test_root_is_refused_a_data_folder_in_a_closed_home(closed_home: Path) -> None:
    with pytest.raises(PlaceClosed, match=f"inside {closed_home}, which is closed"), embedded(closed_home / "data"):
        pass
    assert stat.S_IMODE(closed_home.stat().st_mode) == 0o700


@as_root
def test_roots_data_may_move_to_an_open_place_and_are_found_again(closed_home: Path, open_place: Path) -> None:
    with embedded(closed_home / "data", may_move=True) as server:
        remember(server.dsn, "elsewhere")
        assert open_place in server.data.parents
    with embedded(closed_home / "data", may_move=True) as again:
        assert remembered(again.dsn) == ["elsewhere"]
    assert str(server.data) in (closed_home / "data" / place.NOTE).read_text()
    assert stat.S_IMODE(closed_home.stat().st_mode) == 0o700


@as_root
def test_a_new_clone_in_an_old_ones_place_starts_empty(closed_home: Path, open_place: Path) -> None:
    with embedded(closed_home / "data", may_move=True) as server:
        remember(server.dsn, "the clone that was thrown away")
    shutil.rmtree(closed_home / "data")
    with embedded(closed_home / "data", may_move=True) as fresh, psycopg.connect(fresh.dsn) as connection:
        assert connection.execute("SELECT to_regclass('said')").fetchone() == (None,)


@as_root
def test_binaries_in_a_closed_home_are_copied_to_an_open_place(
    closed_home: Path, open_place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = find_place(closed_home.parent, may_move=False).binaries.parents[1]
    for folder in (package, package.with_name(f"{package.name}.libs")):
        shutil.copytree(folder, closed_home / folder.name, ignore=shutil.ignore_patterns("pginstall", "include"))
    monkeypatch.syspath_prepend(str(closed_home))
    with embedded(closed_home / "data", may_move=True) as server:
        remember(server.dsn, "served by the copy")
    assert list(open_place.glob("postgresql-*/*/*/bin/postgres"))
    assert stat.S_IMODE(closed_home.stat().st_mode) == 0o700


@as_root
def test_data_that_a_plain_user_made_stay_theirs_when_root_serves_them(open_folder: Path) -> None:
    user = own_account()
    os.chown(open_folder, user.uid, user.gid)
    binaries = find_place(open_folder, may_move=False).binaries
    cluster = Cluster(binaries=binaries, data=open_folder / "postgres", user=user)
    cluster.create()
    with embedded(open_folder) as server:
        assert server.data.stat().st_uid == user.uid
