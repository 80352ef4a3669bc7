"""The server fails in the middle of a late hand-in, or of taking it in: nothing is lost, and nothing taken twice."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, Final

import psycopg
import pytest

from infra import failpoints
from sync.author import Author
from tests.api.signing import DAY_MS, Companies, Company, Session
from tests.devices import Device, new_id

POINTS: Final = ("push.locked", "push.inserted", "push.inserted@2", "push.before_commit", "push.committed")
COUNT: Final = 6
PATIENCE_S: Final = 30.0


@pytest.fixture
def late(server_here: Companies) -> "Late":
    return Late(server_here.new())


@contextmanager
def failing(said: str) -> Iterator[None]:
    """The next time that somebody comes to that place, that happens there, once."""
    failpoints.arm({"CAIRN_TESTING": "1", "CAIRN_FAILPOINTS": said})
    try:
        yield
    finally:
        failpoints.arm({})


class Late:
    """A technician's phone, whose session is over, with work on it."""

    def __init__(self, company: Company) -> None:
        self.company, self.session = company, company.device()
        device = Device("phone")
        device.author = Author(replica=self.session.replicas[0])
        job = new_id()
        said = {"home": f"work_order:{job}", "body": "x", "target": {"type": "work_order", "id": job}}
        self.raws = [device.create("work_order", job)]
        self.raws += [device.create("note", new_id(), said) for _ in range(COUNT - 1)]
        company.clock.ms += 40 * DAY_MS

    def hand_in(self) -> Any:
        return self.company.hand_in(self.session, *self.raws)

    def sign_in(self) -> Any:
        return self.company.sign_in(key=self.session.key)

    def cases(self) -> int:
        """How many are open."""
        office: Session = self.company.session("dispatcher")
        told = self.company.ask("GET", "/v1/quarantine?state=open", token=office.access)
        return len(told.json()["items"])

    def taken(self) -> list[bytes]:
        """What the log holds of the phone's, in order."""
        rows = self.company.services.log.page(self.company.tenant, after=0, limit=1_000)
        return [row.body for row in rows if row.replica == self.session.replicas[0]]

    def is_set_aside_once(self) -> None:
        """After a second try, which must be answered."""
        again = self.hand_in()
        assert again.status_code == 200, again.text
        assert [each["verdict"] for each in again.json()["verdicts"]] == ["quarantined"] * COUNT
        assert (self.cases(), self.taken()) == (COUNT, [])

    def is_taken_in_once(self) -> None:
        """By whoever signs in again, which must be answered; and by nothing that comes later."""
        assert self.sign_in().status_code == 200
        assert "late" not in self.sign_in().json()
        assert self.hand_in().status_code == 200
        assert (self.cases(), self.taken()) == (0, self.raws)


@pytest.mark.parametrize("point", POINTS)
def test_a_late_hand_in_that_fails_midway_is_sent_again_and_taken_once(late: Late, point: str) -> None:
    name, _, hit = point.partition("@")
    with failing(f"{name}=raise@{hit or 1}"):
        assert late.hand_in().status_code == 500
    assert late.cases() == (COUNT if point == "push.committed" else 0), "all of it is there, or nothing"
    late.is_set_aside_once()
    late.is_taken_in_once()


@pytest.mark.parametrize("point", POINTS)
def test_taking_in_that_fails_midway_leaves_it_waiting_for_the_next_sign_in(late: Late, point: str) -> None:
    assert late.hand_in().status_code == 200
    name, _, hit = point.partition("@")
    with failing(f"{name}=raise@{hit or 1}"):
        assert late.sign_in().status_code == 500
    waiting = late.cases()
    assert late.taken() == late.raws[: COUNT - waiting], "what does not wait was taken in"
    assert (waiting < COUNT) == (point == "push.committed")
    late.is_taken_in_once()


def test_a_late_hand_in_whose_database_goes_away_midway_is_sent_again_and_taken_once(late: Late, dsn: str) -> None:
    with ThreadPoolExecutor(1) as pool, failing("push.before_commit=sleep:1"):
        asked = pool.submit(late.hand_in)
        end_whoever_writes(dsn)
        answer = asked.result()
    assert answer.status_code >= 500, answer.text
    late.is_set_aside_once()
    late.is_taken_in_once()


def end_whoever_writes(dsn: str) -> None:
    """The database ends the connection that has written and not committed, as when it is stopped."""
    give_up = time.monotonic() + PATIENCE_S
    with psycopg.connect(dsn, autocommit=True) as superuser:
        while time.monotonic() < give_up:
            ended = superuser.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where datname = current_database() and backend_xid is not null"
            ).fetchall()
            if ended:
                return
            time.sleep(0.01)
    raise AssertionError("nobody writes")
