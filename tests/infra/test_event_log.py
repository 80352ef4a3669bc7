"""What every event log promises: the same tests for the one in memory and the one in Postgres."""

import hashlib
import threading
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from queue import Queue
from typing import Any, Final

import pytest

from infra.postgres.log import ROWS_WORTH_COLUMNS
from sync.frames import EVERYTHING, event_frame
from sync.log import Changes, Conflicting, Decision, Known, ReplicaTaken, TenantUnknown, Wanted
from sync.retelling import UNSETTLED
from sync.rows import CaseMoved, EventRow, HeldRow, LaterRow, QuarantinedRow, ReplicaRow, Settled, TrackedRow
from tests.devices import NOON, PERSON_1, PERSON_2, new_id, replica_named
from tests.infra.event_logs import REPLICA, Office, Offices, at, entity, event, events

SIZES: Final = pytest.mark.parametrize("size", [3, ROWS_WORTH_COLUMNS + 3], ids=["by JSON", "by columns"])
"""A small batch goes into Postgres by JSON, a large one by COPY."""
BEN: Final = replica_named("ben")
ODD_BODIES: Final = (
    b"\xff\xfe\x00",
    b"\x00",
    b"",
    b"\\x00",
    b"\xed\xa0\x80",
    "Größe 💧\\".encode(),
    b'"\\u0000"',
    bytes(range(256)) * 250,
)


@SIZES
def test_what_is_stored_is_read_as_it_was_given(office: Office, size: int) -> None:
    rows = events(size)
    entities = [entity(row.entity, version=7) for row in rows]
    office.store(Changes(events=rows, entities=entities, replicas=[at(size)]))
    assert office.events() == rows
    assert office.position == size
    assert [office.log.entity(office.tenant, row.entity) for row in rows] == entities
    assert office.log.replica(office.tenant, REPLICA) == at(size)


@SIZES
def test_a_body_is_bytes_whatever_they_are(office: Office, size: int) -> None:
    rows = [row._replace(body=ODD_BODIES[n % len(ODD_BODIES)]) for n, row in enumerate(events(max(size, 8)))]
    office.store(Changes(events=rows))
    assert [row.body for row in office.events()] == [row.body for row in rows]
    with office.log.moment(office.tenant) as moment:
        tail = moment.tail([EVERYTHING], after=0, until=99, limit=99, bytes_max=10**8)
    assert tail.lines == b"".join(map(event_frame, rows))


@pytest.mark.parametrize("told_first", [7, 1])
def test_what_waits_under_two_numbers_is_settled_by_the_first(office: Office, told_first: int) -> None:
    again, name, event_id = 8 - told_first, new_id(), new_id()
    first = HeldRow(REPLICA, told_first, event_id, name, ((BEN, 1),), PERSON_1, b"1")
    stand_in = HeldRow(REPLICA, again, event_id, name, ((REPLICA, told_first),), PERSON_1, b"2")
    office.store(Changes(held=[first], replicas=[at(7)]))
    office.store(Changes(held=[stand_in]))
    known = office.known(Wanted(ids=[event_id], entities=[name]))
    assert (known.by_id[event_id].seq, known.by_id[event_id].missing) == (told_first, ((BEN, 1),))
    assert sorted(known.held) == sorted([first, stand_in])


@pytest.mark.parametrize("body", ODD_BODIES)
def test_what_is_held_or_set_aside_is_bytes_too(office: Office, body: bytes) -> None:
    name = new_id()
    held = HeldRow(REPLICA, 1, new_id(), name, (("rbbbbbbbbbbbb", 1),), PERSON_1, body)
    aside = QuarantinedRow(REPLICA, 2, None, None, "not_json", "/: no", False, PERSON_1, body)
    office.store(Changes(held=[held], quarantined=[aside]))
    known = office.known(Wanted(entities=[name], spans=[(REPLICA, 1, 2)]))
    assert known.held == [held]
    assert [known.by_dot[REPLICA, seq].hash for seq in (1, 2)] == [hashlib.sha256(body).hexdigest()] * 2


def test_the_decision_sees_the_head_and_what_it_wants_and_no_more(office: Office) -> None:
    office.mint("ben", PERSON_2)
    rows = events(4)
    entities = [entity(row.entity) for row in rows]
    office.store(Changes(events=rows, entities=entities, replicas=[at(4)]))
    known = office.known(
        Wanted(
            replicas=frozenset({REPLICA, replica_named("nobody")}),
            ids=[rows[1].id, new_id()],
            entities=[rows[2].entity, new_id()],
            spans=[(REPLICA, 2, 3)],
        )
    )
    assert known.position == 4
    assert known.epoch == office.log.head(office.tenant).epoch == str(uuid.UUID(known.epoch))
    assert known.replicas == {REPLICA: at(4)}
    assert {name: each._replace(hash="") for name, each in known.by_id.items()} == {
        rows[1].id: Settled("accepted", rows[1].id, REPLICA, 2, "", position=2, body=rows[1].body)
    }
    assert without_bodies(known.by_dot) == {
        (REPLICA, row.seq): Settled(
            "accepted", row.id, REPLICA, row.seq, hashlib.sha256(row.body).hexdigest(), position=row.position
        )
        for row in rows[1:3]
    }
    assert known.entities == {rows[2].entity: entities[2]}
    assert known.held == []


def test_who_wants_nothing_is_shown_the_head_alone(office: Office) -> None:
    row = event(1)
    held = HeldRow(REPLICA, 2, new_id(), row.entity, ((BEN, 1),), PERSON_1, b"{}")
    office.store(Changes(events=[row], entities=[entity(row.entity)], replicas=[at(2)], held=[held]))
    assert office.known(Wanted()) == Known(position=1, epoch=office.log.head(office.tenant).epoch, held=[])


def test_a_decision_sees_what_was_committed_before_it(office: Office) -> None:
    heads = [office.store(Changes(events=[event(number)])).position for number in range(1, 6)]
    assert heads == [0, 1, 2, 3, 4]


def test_what_waits_is_shown_by_its_entity_and_by_the_replica_it_waits_for(office: Office) -> None:
    one, other, third = new_id(), new_id(), new_id()
    for name in ("ben", "eve"):
        office.mint(name, PERSON_2)
    eve = replica_named("eve")
    rows = [
        HeldRow(REPLICA, 1, new_id(), one, ((BEN, 7), (eve, 2)), PERSON_1, b"1"),
        HeldRow(REPLICA, 2, new_id(), other, ((eve, 3),), PERSON_1, b"2"),
        HeldRow(eve, 1, new_id(), third, ((REPLICA, 9),), PERSON_2, b"3"),
    ]
    states = [entity(one), entity(other), entity(third)]
    office.store(Changes(held=rows, entities=states, replicas=[at(2), at(1, replica=eve, person=PERSON_2)]))
    by_entity = office.known(Wanted(replicas=frozenset({REPLICA}), entities=[other]))
    assert (by_entity.held, list(by_entity.entities.values())) == ([rows[1]], [states[1]])
    assert set(by_entity.replicas) == {REPLICA, eve}
    for_ben = office.known(Wanted(replicas=frozenset({BEN}), spans=[(BEN, 1, 1)]))
    assert (for_ben.held, list(for_ben.entities.values())) == ([rows[0]], [states[0]])
    assert set(for_ben.replicas) == {BEN, eve}
    for_eve = office.known(Wanted(replicas=frozenset({eve}), entities=[third], spans=[(eve, 1, 1)]))
    assert for_eve.held == rows
    assert without_bodies(for_eve.by_dot)[eve, 1] == Settled(
        "held", rows[2].id, eve, 1, hashlib.sha256(b"3").hexdigest(), missing=rows[2].missing
    )
    assert office.known(Wanted(ids=[rows[1].id])).by_id[rows[1].id].missing == ((eve, 3),)


def test_what_was_released_waits_no_longer(office: Office) -> None:
    name = new_id()
    rows = [HeldRow(REPLICA, seq, new_id(), name, ((BEN, seq),), PERSON_1, b"{}") for seq in (1, 2)]
    office.store(Changes(held=rows, replicas=[at(2)]))
    office.store(Changes(released=[(REPLICA, 1)], events=[event(1, entity=name, id=rows[0].id, seq=1)]))
    known = office.known(Wanted(entities=[name], spans=[(REPLICA, 1, 2)]))
    assert known.held == [rows[1]]
    assert {seq: each.kind for (_, seq), each in known.by_dot.items()} == {1: "accepted", 2: "held"}


def without_bodies(known: Mapping[tuple[str, int], Settled]) -> dict[tuple[str, int], Settled]:
    """What is looked up by its dot need not say what was handed in; its hash does."""
    return {dot: each._replace(body=b"") for dot, each in known.items()}


def test_what_was_set_aside_is_known_by_its_seq_and_its_id_with_the_reason(office: Office) -> None:
    row = QuarantinedRow(REPLICA, 1, new_id(), new_id(), "bad_data", '/data/größe: \\ "no"', True, PERSON_1, b"{}")
    office.store(Changes(quarantined=[row], replicas=[at(1)]))
    known = office.known(Wanted(ids=[row.id or ""], spans=[(REPLICA, 1, 9)]))
    aside = Settled(
        "quarantined", row.id, REPLICA, 1, hashlib.sha256(b"{}").hexdigest(), 0, (), row.code, row.detail, True
    )
    assert without_bodies(known.by_dot) == {(REPLICA, 1): aside}
    assert {name: each._replace(hash=aside.hash) for name, each in known.by_id.items()} == {
        row.id: aside._replace(body=b"{}")
    }


@pytest.mark.parametrize("code", sorted(UNSETTLED))
def test_what_lies_beside_what_its_id_is_settled_by_is_known_by_its_seq_alone(office: Office, code: str) -> None:
    first, other, third = event(1), new_id(), new_id()
    held = HeldRow(REPLICA, 9, third, new_id(), ((BEN, 1),), PERSON_1, b"{}")
    aside = [
        QuarantinedRow(REPLICA, seq, name, new_id(), code, "/id: no", False, PERSON_1, b"{}")
        for seq, name in ((2, first.id), (3, other), (4, third))
    ]
    settles = aside[1]._replace(seq=5, code="bad_data")
    office.store(Changes(events=[first], held=[held], quarantined=[*aside, settles], replicas=[at(9)]))
    known = office.known(Wanted(ids=[first.id, other, third], spans=[(REPLICA, 1, 9)]))
    assert {name: (each.kind, each.seq) for name, each in known.by_id.items()} == {
        first.id: ("accepted", first.seq),
        other: ("quarantined", 5),
        third: ("held", 9),
    }
    assert {seq for _, seq in known.by_dot} == {1, 2, 3, 4, 5, 9}


@pytest.mark.parametrize("state", ["open", "dismissed", "resubmitted", "approved"])
def test_what_somebody_has_decided_of_a_case_is_known_with_it(office: Office, state: str) -> None:
    row = QuarantinedRow(REPLICA, 1, new_id(), new_id(), "bad_data", "/data: no", True, PERSON_1, b"{}")
    told = [LaterRow(REPLICA, 1, row.id, position, {"verdict": str(position)}) for position in (1, 2)]
    office.store(
        Changes(
            events=events(2),
            quarantined=[row],
            later=told,
            cases=[CaseMoved(REPLICA, 1, state, None)],
            replicas=[at(1)],
        )
    )
    known = office.known(Wanted(ids=[row.id or ""], spans=[(REPLICA, 1, 1)]))
    decided = {"open": None, "approved": None}.get(state, {"verdict": "2"})
    assert [each.decided for each in known.by_id.values()] == [decided] * (state != "approved")
    if state != "approved":
        assert known.by_dot[REPLICA, 1].decided == decided


def test_of_an_unknown_id_nothing_is_known(office: Office) -> None:
    assert office.known(Wanted(ids=[new_id()])).by_id == {}


class Change(Exception):
    """The decision's own reason to stop."""


@SIZES
def test_a_decision_that_raises_stores_nothing_and_burns_no_position(office: Office, size: int) -> None:
    wanted = Wanted(replicas=frozenset({REPLICA}), ids=[new_id() for _ in range(size)], spans=[(REPLICA, 1, size)])

    def stop(known: Known) -> tuple[Changes, None]:
        raise Change(known.position)

    with pytest.raises(Change):
        office.log.append(office.tenant, wanted, stop, now_ms=NOON)
    with pytest.raises(Change):
        office.log.append(office.tenant, wanted, stop, now_ms=NOON, moved=lambda answer, _: answer)
    assert office.position == 0
    office.store(Changes(events=events(size)))
    assert [row.position for row in office.events()] == list(range(1, size + 1))


def test_whoever_does_not_wait_is_told_what_the_append_came_to(office: Office) -> None:
    told: Queue[tuple[Any, Exception | None]] = Queue()

    def soon(decide: Decision[str]) -> tuple[Any, Exception | None]:
        office.log.append_soon(office.tenant, Wanted(), decide, now_ms=NOON, done=lambda *what: told.put(what))
        return told.get(timeout=30)

    def stop(known: Known) -> tuple[Changes, str]:
        raise Change(known.position)

    assert soon(lambda known: (Changes(events=events(2, after=known.position)), "two")) == ("two", None)
    assert office.position == 2
    _, why = soon(stop)
    assert isinstance(why, Change)
    _, taken = soon(lambda _: (Changes(events=[event(3, id=office.events()[0].id)]), "again"))
    assert isinstance(taken, Conflicting)
    assert office.position == 2
    assert soon(lambda known: (Changes(events=events(1, after=known.position)), "three")) == ("three", None)
    assert [row.position for row in office.events()] == [1, 2, 3]


TAKEN: Final[dict[str, Callable[[EventRow], dict[str, Any]]]] = {
    "id": lambda row: {"id": row.id},
    "seq": lambda row: {"seq": row.seq},
    "version": lambda row: {"entity": row.entity, "version": row.version},
}


@SIZES
@pytest.mark.parametrize("key", TAKEN)
def test_a_key_that_is_taken_leaves_nothing_of_all_the_rest(office: Office, key: str, size: int) -> None:
    first = event(1)
    office.store(Changes(events=[first], replicas=[at(1)]))
    rows = events(size, after=1)
    rows[-1] = rows[-1]._replace(**TAKEN[key](first))
    changes = Changes(
        events=rows,
        entities=[entity(row.entity) for row in rows],
        replicas=[at(size)],
        held=[HeldRow(REPLICA, 99, new_id(), rows[0].entity, ((BEN, 1),), PERSON_1, b"{}")],
        quarantined=[QuarantinedRow(REPLICA, 98, None, None, "x", "", False, PERSON_1, b"{}")],
        tracked=[TrackedRow("board", 1)],
    )
    with pytest.raises(Conflicting):
        office.store(changes)
    assert office.events() == [first]
    known = office.known(Wanted(replicas=frozenset({REPLICA}), entities=[rows[0].entity], spans=[(REPLICA, 1, 100)]))
    assert (known.position, known.replicas, known.entities, known.held) == (1, {REPLICA: at(1)}, {}, [])
    assert set(known.by_dot) == {(REPLICA, 1)}
    assert office.log.tracked(office.tenant, "board") is None
    office.store(replace(changes, events=events(size, after=1)))
    assert office.position == size + 1


def test_a_follower_only_goes_forward(office: Office) -> None:
    assert office.log.tracked(office.tenant, "board") is None
    office.store(Changes(tracked=[TrackedRow("board", 3)]))
    for position in (3, 2):
        with pytest.raises(Conflicting):
            office.store(Changes(events=[event(1)], tracked=[TrackedRow("board", position)]))
    office.store(Changes(tracked=[TrackedRow("board", 4), TrackedRow("search", 1)]))
    assert [office.log.tracked(office.tenant, name) for name in ("board", "search")] == [4, 1]
    assert office.position == 0


def test_a_decision_that_skips_a_position_is_a_bug(office: Office) -> None:
    for rows in ([event(2)], [event(1), event(3)], [event(2), event(1)]):
        with pytest.raises(AssertionError, match="without a gap"):
            office.store(Changes(events=rows))
    assert office.position == 0


@SIZES
def test_positions_are_dense_however_many_write(office: Office, size: int) -> None:
    writers, batches = 6, 4
    barrier = threading.Barrier(writers)

    def write(writer: int) -> list[int]:
        replica = office.mint(f"w{'abcdef'[writer]}")
        barrier.wait()
        return [
            office.log.append(office.tenant, Wanted(), decide(replica, batch), now_ms=NOON) for batch in range(batches)
        ]

    def decide(replica: str, batch: int) -> Callable[[Known], tuple[Changes, int]]:
        def decided(known: Known) -> tuple[Changes, int]:
            rows = [event(known.position + n, replica=replica, seq=batch * size + n) for n in range(1, size + 1)]
            return Changes(events=rows), known.position

        return decided

    with ThreadPoolExecutor(writers) as pool:
        shown = [position for each in pool.map(write, range(writers)) for position in each]
    assert sorted(shown) == [size * n for n in range(writers * batches)]
    assert [row.position for row in office.events()] == list(range(1, writers * batches * size + 1))


def test_tenants_are_apart(kind: Offices) -> None:
    one, other = kind.new(), kind.new()
    row = event(1)
    for number, office in enumerate((one, other)):
        mine = row._replace(body=b"%d" % number)
        office.store(Changes(events=[mine], entities=[entity(row.entity, state=b"%d" % number)], replicas=[at(1)]))
    assert one.log.head(one.tenant).epoch != other.log.head(other.tenant).epoch
    for number, office in enumerate((one, other)):
        assert [each.body for each in office.events()] == [b"%d" % number]
        assert dict(office.log.states(office.tenant)) == {row.entity: b"%d" % number}
        known = office.known(Wanted(ids=[row.id], entities=[row.entity], spans=[(REPLICA, 1, 9)]))
        assert [each.state for each in known.entities.values()] == [b"%d" % number]
        assert known.by_dot[REPLICA, 1].hash == hashlib.sha256(b"%d" % number).hexdigest()


def test_nobody_reads_or_writes_for_a_tenant_that_is_not_there(office: Office) -> None:
    stranger = str(uuid.uuid4())
    with pytest.raises(TenantUnknown):
        office.log.append(stranger, Wanted(), lambda _: (Changes(), None), now_ms=NOON)
    with pytest.raises(TenantUnknown):
        office.log.append(
            stranger,
            Wanted(ids=[new_id() for _ in range(ROWS_WORTH_COLUMNS)]),
            lambda _: (Changes(), None),
            now_ms=NOON,
            moved=lambda answer, _: answer,
        )
    with pytest.raises(TenantUnknown):
        office.log.head(stranger)


def test_a_replica_is_minted_once(office: Office) -> None:
    assert office.log.replica(office.tenant, REPLICA) == ReplicaRow(REPLICA, PERSON_1, 0, None)
    assert office.log.replica(office.tenant, BEN) is None
    with pytest.raises(ReplicaTaken):
        office.mint("ada", PERSON_2)
    assert office.log.replica(office.tenant, REPLICA) == ReplicaRow(REPLICA, PERSON_1, 0, None)
