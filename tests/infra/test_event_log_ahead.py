"""What was decided before the lock is confirmed under it, and what is cut off leaves nothing: in Postgres alone."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest

from infra.postgres.pool import connect
from sync.envelope import parse
from sync.log import Known, LogUnavailable
from sync.push import Answer
from sync.rows import ReplicaRow
from tests.devices import PERSON_1, new_id
from tests.infra.event_logs import Office, Offices
from tests.infra.pushing import LARGE, Look, device, is_as_answered, pushed, verdicts

pytestmark = pytest.mark.parametrize("kind", ["embedded", "installed"], indirect=True, scope="module")


def once(act: Callable[[], None]) -> Look:
    """Do it the first time that a decision is made, and never again."""
    waiting = [act]
    return lambda _: waiting.pop()() if waiting else None


class Between:
    """What somebody else does after a push was decided ahead, before it has the lock."""

    def __init__(self, office: Office) -> None:
        self.office, self.seen = office, list[int]()

    def push(self, raws: Sequence[bytes], then: Callable[[], object]) -> Answer:
        act = once(lambda: void(then()))

        def look(known: Known) -> None:
            self.seen.append(known.position)
            act(known)

        return pushed(self.office, raws, look)


def void(_: object) -> None:
    return None


def test_what_was_decided_ahead_moves_behind_what_came_between(office: Office) -> None:
    ada, ben, between = device(office, "ada2"), device(office, "ben"), Between(office)
    raws = [ada.create("site", new_id()) for _ in range(LARGE)]
    theirs = [ben.create("site", new_id()) for _ in range(5)]
    answers = list[Answer]()
    answer = between.push(raws, lambda: answers.append(pushed(office, theirs)))
    assert between.seen == [0]
    assert [each["position"] for each in answer.verdicts] == list(range(6, LARGE + 6))
    assert answer.head == LARGE + 5
    is_as_answered(office, [answer, *answers])


def test_a_decision_ahead_is_made_anew_when_its_entity_was_changed_between(office: Office) -> None:
    ada, ben, between = device(office, "ada2"), device(office, "ben"), Between(office)
    site = new_id()
    created = ada.create("site", site)
    first = pushed(office, [created])
    ben.see(created)
    raws = [ada.tell("site", site, "Edited", {"name": f"{n}"}) for n in range(LARGE)]
    edit = ben.tell("site", site, "Edited", {"directions": "left"})
    answers = [first]
    answers.append(between.push(raws, lambda: answers.append(pushed(office, [edit]))))
    assert between.seen == [1, 2]
    is_as_answered(office, answers)
    assert [row.body for row in office.events()][1] == edit


def test_a_decision_ahead_is_made_anew_when_the_same_was_handed_in_between(office: Office) -> None:
    ada, between = device(office, "ada2"), Between(office)
    raws = [ada.create("site", new_id()) for _ in range(LARGE)]
    answer = between.push(raws, lambda: pushed(office, raws))
    assert between.seen == [0, LARGE]
    assert verdicts(answer) == ["duplicate"] * LARGE
    assert [row.body for row in office.events()] == raws


def test_a_decision_ahead_is_made_anew_when_an_event_came_by_another_device(office: Office) -> None:
    ada, ben, between = device(office, "ada2"), device(office, "ben"), Between(office)
    raws = [ada.create("site", new_id()) for _ in range(LARGE)]
    copy = ben.retell(raws[7])
    answer = between.push(raws, lambda: pushed(office, [copy]))
    assert between.seen == [0, 1]
    assert [each["seq"] for each in answer.verdicts if each["verdict"] == "duplicate"] == [8]
    assert answer.verdicts[7]["position"] == 1
    office.is_whole()


def test_a_decision_ahead_is_made_anew_when_one_of_its_events_was_set_aside_between(office: Office) -> None:
    ada, ben, between = device(office, "ada2"), device(office, "ben"), Between(office)
    raws = [ada.create("site", new_id()) for _ in range(LARGE)]
    copy, aside = ben.retell(raws[7]), list[Answer]()
    answer = between.push(raws, lambda: aside.append(pushed(office, [copy], role="auditor")))
    assert verdicts(aside[0]) == ["quarantined"]
    assert between.seen == [0, 0]
    assert [each["seq"] for each in answer.verdicts if each["verdict"] != "accepted"] == [8]
    assert answer.verdicts[7]["case"] == aside[0].verdicts[0]["case"]
    assert parse(copy).id not in {row.id for row in office.events()}
    office.is_whole()


def test_a_decision_ahead_is_made_anew_when_something_began_to_wait(office: Office) -> None:
    ada, ben, between = device(office, "ada2"), device(office, "ben"), Between(office)
    raws = [ada.create("site", new_id()) for _ in range(LARGE)]
    ben.see(raws[0])
    waiting = ben.tell("site", parse(raws[0]).entity, "Edited", {"name": "after"})
    held = list[Answer]()
    answer = between.push(raws, lambda: held.append(pushed(office, [waiting])))
    assert verdicts(held[0]) == ["held"]
    assert between.seen == [0, 0]
    assert verdicts(answer) == ["accepted"] * LARGE
    assert sorted(row.body for row in office.events()) == sorted([*raws, waiting])
    office.is_whole()


@contextmanager
def cut_when_decided(dsn: str) -> Iterator[Look]:
    """A look that ends the connection under which a head is locked, the first time that one is."""
    with connect(dsn, role=None) as owner:

        def cut() -> None:
            found = owner.execute(
                "select pg_terminate_backend(pid, 1000) from pg_stat_activity"
                " where datname = current_database() and state like 'idle in transaction%'"
            ).fetchall()
            assert found == [(True,)]

        yield once(cut)


@pytest.mark.parametrize("size", [3, LARGE])
def test_a_push_whose_connection_is_cut_stores_nothing_and_passes_the_next_time(kind: Offices, size: int) -> None:
    office = kind.new()
    ada = device(office, "ada2")
    raws = [ada.create("site", new_id()) for _ in range(size - 1)]
    raws.append(ada.hand_made(data={"nonsense": 1}))  # what must be looked at is never decided ahead
    unheard = ReplicaRow(ada.replica, PERSON_1, 0, None)
    decisions_ahead = [None] * (size == LARGE)
    with cut_when_decided(kind.dsn) as cut:

        def look(known: Known) -> None:
            assert known.replicas[ada.replica] == unheard
            if decisions_ahead:
                decisions_ahead.pop()
            else:
                cut(known)

        with pytest.raises(LogUnavailable):
            pushed(office, raws, look)
    assert (office.position, office.events()) == (0, [])
    assert office.log.replica(office.tenant, ada.replica) == unheard
    assert verdicts(pushed(office, raws)) == [*["accepted"] * (size - 1), "quarantined"]
    assert verdicts(pushed(office, raws)) == [*["duplicate"] * (size - 1), "quarantined"]
    assert [row.body for row in office.events()] == raws[:-1]
    office.is_whole()
