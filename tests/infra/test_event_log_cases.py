"""What was set aside, read as a queue, from every kind of log alike."""

from typing import Any

import psycopg
import pytest
from psycopg import sql

from infra.postgres.quarantine import CASES
from sync.frames import EVERYTHING, OFFICE_SCOPE
from sync.log import CasesWanted, Changes, Wanted
from sync.rows import CaseMoved, CaseRow, QuarantinedRow
from tests.devices import NOON, PERSON_1, PERSON_2, new_id
from tests.infra.event_logs import REPLICA, Office, Offices, entity, event, events

BEGINNING = (-1, "", 0)


def aside(seq: int, **other: Any) -> QuarantinedRow:
    row = QuarantinedRow(REPLICA, seq, new_id(), new_id(), "not_allowed", "/type: größe", True, PERSON_1, b'{"n":1}')
    return row._replace(**other)


def stored(office: Office, *rows: QuarantinedRow, at_ms: int = NOON) -> None:
    changes = Changes(quarantined=rows)
    office.log.append(office.tenant, Wanted(), lambda _: (changes, None), now_ms=at_ms)


def seqs(office: Office, limit: int = 99, after: tuple[int, str, int] = BEGINNING, **wanted: Any) -> list[int]:
    rows = office.log.cases(office.tenant, CasesWanted(**wanted), after=after, limit=limit)
    return [row.aside.seq for row in rows]


@pytest.mark.parametrize("body", [b"{}", b"\xff\x00", b""])
def test_a_case_holds_what_was_handed_in_byte_for_byte(office: Office, body: bytes) -> None:
    row = aside(1, body=body, id=None, entity=None)
    stored(office, row)
    assert office.log.case(office.tenant, REPLICA, 1) == CaseRow(row, NOON, "open", None)
    assert office.log.case(office.tenant, REPLICA, 2) is None
    (listed,) = office.log.cases(office.tenant, CasesWanted(), after=BEGINNING, limit=9)
    assert listed == CaseRow(row._replace(body=b""), NOON, "open", None)


def test_cases_come_in_the_order_of_their_arrival_page_by_page(office: Office) -> None:
    stored(office, aside(3), at_ms=NOON + 1)
    stored(office, aside(2), aside(1), at_ms=NOON + 2)
    stored(office, aside(9), at_ms=NOON)
    assert seqs(office) == [9, 3, 1, 2]
    assert seqs(office, limit=2) == [9, 3]
    assert seqs(office, after=(NOON + 1, REPLICA, 3)) == [1, 2]
    assert seqs(office, after=(NOON + 2, REPLICA, 1)) == [2]


def test_cases_are_found_by_state_code_owner_and_replica(office: Office) -> None:
    ben = office.mint("ben", PERSON_2)
    stored(office, aside(1), aside(2, code="bad_data"), aside(3), aside(3, replica=ben))
    moved = [CaseMoved(REPLICA, 2, "open", PERSON_2), CaseMoved(REPLICA, 3, "dismissed", PERSON_2)]
    office.store(Changes(cases=moved))
    assert seqs(office) == [1, 2, 3]
    assert seqs(office, code="bad_data") == seqs(office, owner=PERSON_2) == [2]
    assert seqs(office, state="dismissed") == seqs(office, state="dismissed", owner=PERSON_2) == [3]
    assert seqs(office, replica=ben) == [3]
    assert seqs(office, owner=PERSON_1) == seqs(office, state="approved") == []
    found = office.log.case(office.tenant, REPLICA, 3)
    assert found is not None
    assert (found.state, found.owner) == ("dismissed", PERSON_2)


@pytest.mark.parametrize("state", ["approved", "retried"])
def test_what_was_taken_in_after_all_is_known_as_accepted(office: Office, state: str) -> None:
    row = aside(1)
    stored(office, row)
    accepted = event(1, replica=REPLICA, seq=1, id=row.id, entity=row.entity, body=row.body)
    office.store(Changes(events=[accepted], cases=[CaseMoved(REPLICA, 1, state, None)]))
    known = office.known(Wanted(spans=[(REPLICA, 1, 1)]))
    assert known.by_dot[REPLICA, 1].kind == "accepted"


@pytest.mark.parametrize("state", ["open", "dismissed", "resubmitted"])
def test_what_is_left_out_is_known_as_set_aside(office: Office, state: str) -> None:
    stored(office, aside(1))
    office.store(Changes(cases=[CaseMoved(REPLICA, 1, state, None)]))
    assert office.known(Wanted(spans=[(REPLICA, 1, 1)])).by_dot[REPLICA, 1].kind == "quarantined"


def test_the_history_of_an_entity_is_its_events_by_version(office: Office) -> None:
    rows = events(4)
    ours = [event(5 + n, entity=rows[1].entity, version=2 + n) for n in range(3)]
    office.store(Changes(events=[*rows, *ours]))
    past = office.log.past(office.tenant)
    assert past.history(rows[1].entity, after=0, until=office.position, limit=9) == [rows[1], *ours]
    assert past.history(rows[1].entity, after=0, until=office.position, limit=2) == [rows[1], ours[0]]
    assert past.history(new_id(), after=0, until=office.position, limit=9) == []


def test_what_lives_in_the_office_is_in_no_digest_and_no_snapshot(office: Office) -> None:
    mine, shared = entity(new_id(), scope=OFFICE_SCOPE), entity(new_id())
    office.store(Changes(entities=[mine, shared]))
    assert [name for name, _ in office.log.states(office.tenant)] == [shared.entity]
    last = "ffffffff-ffff-ffff-ffff-ffffffffffff"
    with office.log.moment(office.tenant) as moment:
        for scopes in ([EVERYTHING], [shared.scope, OFFICE_SCOPE]):
            found = moment.snapshots(scopes, before=last, limit=9, bytes_max=10**6)
            assert [name for _, name, _ in found.rows] == [shared.entity]
        assert [scope for scope, _ in moment.digests([shared.scope, OFFICE_SCOPE])] == [shared.scope]
        (everything,) = moment.digests([EVERYTHING])
        (only,) = moment.digests([shared.scope])
        assert everything[1] == only[1]
    assert office.log.entity(office.tenant, mine.entity) == mine


def test_the_queue_is_walked_along_its_index(kind: Offices) -> None:
    if not kind.dsn:
        pytest.skip("a log in memory has no indexes")
    office = kind.new()
    stored(office, *(aside(seq) for seq in range(1, 2_001)))
    asked = {"tenant": office.tenant, **CasesWanted("open")._asdict(), "limit": 50}
    asked |= {"after_ms": NOON, "after_replica": REPLICA, "after_seq": 1_000}
    with psycopg.connect(kind.dsn) as connection:
        plan = connection.execute(sql.SQL("explain {}").format(sql.SQL(CASES)), asked).fetchall()
    told = "\n".join(line for (line,) in plan)
    assert "quarantine_tenant_state_recorded_at_replica_seq_idx" in told
    assert "Sort" not in told
