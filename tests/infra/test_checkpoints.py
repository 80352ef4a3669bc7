"""Checkpoints are signed while the server runs: when a log has grown, after a while, and whatever happens to others."""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from infra.checkpoint_signer import SIGNER_FOLDER
from infra.checkpoints import Checkpoints
from infra.doorbell import ProcessDoorbell
from infra.memory import MemoryEventLog
from infra.memory_proof_shelf import MemoryProofShelf
from infra.tree_keeper import TreeKeeper
from tests.devices import NOON
from tests.infra.event_logs import Office
from tests.infra.proving import Proven

WAIT_S: Final = 10.0


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not is_so():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.01)


class Served:
    """Logs of one server, in memory, with the thread that signs."""

    def __init__(self, folder: Path) -> None:
        self.doorbell = ProcessDoorbell()
        self.log = MemoryEventLog(self.doorbell.ring)
        self.shelf, self.folder, self.skipped_ms = MemoryProofShelf(self.log), folder, 0
        self.began_s = time.monotonic()

    def now_ms(self) -> int:
        return NOON + self.skipped_ms + int(1_000 * (time.monotonic() - self.began_s))

    def tenant(self, name: str) -> Proven:
        self.log.add_tenant(name)
        proven = Proven(Office(log=self.log, tenant=name), self.shelf, self.folder)
        proven.office.mint("ada")
        return proven

    def signed(self, proven: Proven) -> list[int]:
        return [row.size for row in self.shelf.signed(proven.tenant, after=0, limit=99)]

    @contextmanager
    def running(self, by: Proven, *, sweep_s: float = 60.0) -> Iterator[None]:
        keeper = type(by.keeper)(self.shelf, by.signer, now_ms=self.now_ms)
        running = Checkpoints(self.shelf, keeper, self.doorbell, now_ms=self.now_ms, sweep_s=sweep_s, pause_s=0.01)
        running.start()
        try:
            yield
        finally:
            running.stop()


@pytest.fixture
def served(tmp_path: Path) -> Served:
    return Served(tmp_path)


def test_a_log_is_signed_at_the_start_and_when_it_has_grown_by_many(served: Served) -> None:
    proven = served.tenant("00000000-0000-4000-8000-00000000000a")
    proven.grow(3)
    with served.running(proven):
        until(lambda: served.signed(proven) == [3])
        proven.grow(5)
        time.sleep(0.1)
        assert served.signed(proven) == [3]
        proven.grow(251)
        until(lambda: served.signed(proven) == [3, 259])


def test_a_few_events_are_signed_after_a_while(served: Served) -> None:
    proven = served.tenant("00000000-0000-4000-8000-00000000000a")
    proven.grow(3)
    with served.running(proven, sweep_s=0.05):
        until(lambda: served.signed(proven) == [3])
        proven.grow(1)
        time.sleep(0.1)
        assert served.signed(proven) == [3]
        served.skipped_ms = 60_000
        until(lambda: served.signed(proven) == [3, 4])


def test_a_log_that_was_touched_is_complained_of_and_in_nobodys_way(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    touched, other = (served.tenant(f"00000000-0000-4000-8000-00000000000{each}") for each in "ab")
    touched.grow(9)
    other.grow(9)
    rows = served.log._tenant(touched.tenant).events  # as whoever owns the database could
    rows[4] = rows[4]._replace(body=b"{}")
    with caplog.at_level(logging.ERROR), served.running(other):
        until(lambda: served.signed(other) == [9])
        until(lambda: any("is not what was appended to it" in each.getMessage() for each in caplog.records))
    assert served.signed(touched) == []


def test_a_disk_that_is_full_keeps_one_log_from_its_checkpoint_until_it_is_not(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    unlucky, other = (served.tenant(f"00000000-0000-4000-8000-00000000000{each}") for each in "ab")
    in_the_way = served.folder / SIGNER_FOLDER / f"{unlucky.tenant}.new"  # where the signer writes before it signs
    in_the_way.mkdir(parents=True)
    unlucky.grow(9)
    with served.running(other, sweep_s=0.05):
        for size in (3, 6):
            other.grow(3)
            served.skipped_ms += 60_000
            until(lambda size=size: size in served.signed(other))  # type: ignore[misc]
        in_the_way.rmdir()
        until(lambda: served.signed(unlucky) == [9])
    said = [
        each
        for each in caplog.records
        if each.getMessage().startswith(f"no checkpoints of the log of tenant {unlucky.tenant}")
    ]
    assert len(said) == 1, "said once, with however many sweeps"


def test_a_sweep_that_fails_is_said_once_and_the_next_looks_again(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    sweeps = 0

    class Unlucky(MemoryProofShelf):
        def tenants(self) -> Sequence[str]:
            nonlocal sweeps
            sweeps += 1
            if sweeps <= 3:
                raise OSError(28, "No space left on device")
            return super().tenants()

    served.shelf = Unlucky(served.log)
    proven = served.tenant("00000000-0000-4000-8000-00000000000a")
    proven.grow(3)
    with served.running(proven, sweep_s=0.05):
        until(lambda: served.signed(proven) == [3])
    assert len([each for each in caplog.records if "No space left on device" in each.getMessage()]) == 1


def test_who_was_overtaken_by_another_process_has_nothing_to_complain_of(served: Served) -> None:
    proven, overtaken = served.tenant("01900000-0000-7000-8000-0000000000f1"), False

    def overtake() -> int:
        """The clock is asked between reading the head and signing: meanwhile the log grows and another signs it."""
        nonlocal overtaken
        if not overtaken:
            overtaken = True
            proven.grow(5)
            assert proven.sign().checkpoint.size == 12
        return proven.now_ms

    proven.grow(7)
    late = TreeKeeper(proven.shelf, proven.signer, now_ms=overtake)
    assert late.keep_up(proven.tenant, at_once=True) is None
    assert overtaken
    newest = proven.signer.trust(proven.tenant).newest
    assert newest is not None
    assert newest.size == 12
