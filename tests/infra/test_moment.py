"""What a pull reads of every event log: events and entities by scope, who may see what since when, of one moment."""

import base64
import json
import uuid
from collections.abc import Sequence
from random import Random
from typing import Final

import pytest

from infra.postgres.log import PostgresEventLog
from infra.postgres.pool import open_pool
from sync import state_codec
from sync.frames import EVERYTHING, event_frame, is_the_offices_own, snapshot_frame
from sync.log import Changes, TenantUnknown
from sync.moment import Snapshots, Span
from sync.resume import GREATEST_ID
from sync.rows import EndedRow, EntityRow, EventRow, GrantRow, LaterRow, ScopeLinkRow
from tests.devices import PERSON_1, PERSON_2, new_id
from tests.infra.event_logs import REPLICA, Office, entity, event, events, new_tenant

SCOPES: Final = ("catalog", "customer:1", "site:2", "work_order:3")
MUCH: Final = 10**9


@pytest.fixture
def full(office: Office) -> Office:
    """Sixty events of unlike sizes in four scopes, and forty entities."""
    random = Random(4)
    rows = [
        row._replace(scope=random.choice(SCOPES), body=b'"%s"' % (b"x" * random.randrange(900))) for row in events(60)
    ]
    homes = [
        entity(new_id(), scope=random.choice(SCOPES), state=b'{"x":"%s"}' % (b"y" * random.randrange(900)))
        for _ in range(40)
    ]
    office.store(Changes(events=rows, entities=homes))
    return office


def living(office: Office) -> list[EntityRow]:
    """All entities, the greatest id first."""
    ids = [entity for entity, _ in office.log.states(office.tenant)]
    found = [office.log.entity(office.tenant, each) for each in sorted(ids, reverse=True)]
    return [row for row in found if row is not None]


def test_a_moment_tells_the_head(full: Office) -> None:
    with full.log.moment(full.tenant) as moment:
        assert (moment.position, moment.epoch, moment.durable) == full.log.head(full.tenant)


def test_a_tenant_that_nobody_knows_has_no_moment(full: Office) -> None:
    with pytest.raises(TenantUnknown), full.log.moment(str(uuid.uuid4())):
        pass


def test_a_log_goes_on_after_something_failed_within_a_moment(full: Office) -> None:
    for _ in range(20):
        with pytest.raises(ZeroDivisionError), full.log.moment(full.tenant):
            raise ZeroDivisionError
    assert full.position == 60


@pytest.mark.parametrize("scopes", [(EVERYTHING,), SCOPES, SCOPES[1:3], (SCOPES[0],), ("site:nobody",)])
@pytest.mark.parametrize(("limit", "bytes_max"), [(100, MUCH), (7, MUCH), (1, MUCH), (100, 3_000), (100, 0)])
def test_a_tail_is_what_these_scopes_said_in_order_and_within_bounds(
    full: Office, scopes: Sequence[str], limit: int, bytes_max: int
) -> None:
    wanted = [row for row in full.events() if 5 < row.position <= 50 and (row.scope in scopes or "*" in scopes)]
    got, after = list[EventRow](), 5
    with full.log.moment(full.tenant) as moment:
        while after < 50:
            tail = moment.tail(scopes, after=after, until=50, limit=limit, bytes_max=bytes_max)
            rows = [row for row in wanted if after < row.position <= tail.last]
            assert tail.lines == b"".join(map(event_frame, rows))
            assert tail.events == len(rows) <= limit
            assert len(tail.lines) <= bytes_max or tail.events == 1
            got, after = got + rows, tail.last
    assert got == wanted


def test_what_belongs_to_the_office_has_a_position_and_no_frame(office: Office) -> None:
    first, second = events(2)
    office.store(Changes(events=[first._replace(scope="office", body=b"not JSON"), second]))
    with office.log.moment(office.tenant) as moment:
        tail = moment.tail([EVERYTHING], after=0, until=2, limit=9, bytes_max=MUCH)
    assert tail == (event_frame(second), 2, 2)


def test_the_history_holds_every_position_also_of_what_no_replica_has_a_use_for(office: Office) -> None:
    aggregate, case, other = events(3)
    body = bytes(range(256)) * 4
    aggregate = aggregate._replace(scope="office", entity_type="aggregate", body=body)
    case = case._replace(scope="office", entity_type="case")
    office.store(Changes(events=[aggregate, case, other]))
    with office.log.moment(office.tenant) as moment:
        tail = moment.tail([EVERYTHING], after=0, until=3, limit=9, bytes_max=MUCH, to_all=False)
    frames = [json.loads(line) for line in tail.lines.splitlines()]
    assert [frame["position"] for frame in frames] == [1, 2, 3]
    assert (frames[0]["frame"], base64.b64decode(frames[0]["body"])) == ("opaque", body)
    assert [frame["event"] for frame in frames[1:]] == [json.loads(row.body) for row in (case, other)]
    assert tail.lines == b"".join(event_frame(row, to_all=False) for row in (aggregate, case, other))
    assert [is_the_offices_own(line) for line in tail.lines.splitlines()] == [True, True, False]


@pytest.mark.parametrize("scopes", [(EVERYTHING,), SCOPES, SCOPES[::-1], (SCOPES[2],), ("site:nobody", SCOPES[1])])
@pytest.mark.parametrize(("limit", "bytes_max"), [(100, MUCH), (7, MUCH), (1, MUCH), (100, 3_000), (100, 0)])
def test_snapshots_come_scope_by_scope_and_go_on_where_they_stopped(
    full: Office, scopes: Sequence[str], limit: int, bytes_max: int
) -> None:
    wanted = [(scope, row) for scope in scopes for row in living(full) if scope in (row.scope, "*")]
    got: list[tuple[str, EntityRow]] = []
    rest, before = list(scopes), GREATEST_ID
    with full.log.moment(full.tenant) as moment:
        while True:
            found = moment.snapshots(rest, before=before, limit=limit, bytes_max=bytes_max)
            following = wanted[len(got) : len(got) + len(found.rows)]
            assert [*found.rows] == [(scope, row.entity, snapshot_frame(row)) for scope, row in following]
            got += following
            assert len(found.rows) <= limit
            assert sum(len(frame) for _, _, frame in found.rows) <= bytes_max or len(found.rows) == 1
            if found.is_whole:
                break
            scope, before, _ = found.rows[-1]
            rest = rest[rest.index(scope) :]
    assert got == wanted


def test_nothing_is_in_a_scope_that_nobody_wrote_in(full: Office) -> None:
    with full.log.moment(full.tenant) as moment:
        assert moment.snapshots(["site:9"], before=GREATEST_ID, limit=9, bytes_max=MUCH) == Snapshots([], is_whole=True)
        assert [*moment.digests(["site:9"])] == []


def granted(office: Office) -> tuple[str, str]:
    """Two visits let somebody in, one of them for a while; the job leads to a site from its creation on."""
    one, other = new_id(), new_id()
    office.store(
        Changes(
            events=events(9),
            granted=[
                GrantRow(PERSON_1, "work_order:1", one, 2),
                GrantRow(PERSON_1, "work_order:2", other, 3),
                GrantRow(PERSON_2, "work_order:1", one, 4),
            ],
            ended=[EndedRow(PERSON_1, "work_order:1", one, 7)],
            links=[ScopeLinkRow("work_order:1", "site:1", 5), ScopeLinkRow("work_order:1", "customer:1", 1)],
        )
    )
    return one, other


def test_what_somebody_may_see_is_told_with_what_it_leads_to(office: Office) -> None:
    granted(office)
    job, site, client = (
        Span(scope, begins, 7, "work_order:1")
        for scope, begins in (("work_order:1", 2), ("site:1", 5), ("customer:1", 2))
    )
    other = Span("work_order:2", 3, None, "work_order:2")
    with office.log.moment(office.tenant) as moment:
        assert sorted(moment.spans(PERSON_1, after=0)) == sorted([job, site, client, other])
        assert sorted(moment.spans(PERSON_1, after=6)) == sorted([job, site, client, other])
        assert [*moment.spans(PERSON_1, after=7)] == [other]
        assert {span.ends for span in moment.spans(PERSON_2, after=0)} == {None}
        assert [*moment.spans(new_id(), after=0)] == []


def test_a_link_that_came_after_the_grant_ended_leads_nowhere(office: Office) -> None:
    visit = new_id()
    office.store(
        Changes(
            events=events(9),
            granted=[GrantRow(PERSON_1, "work_order:1", visit, 2)],
            ended=[EndedRow(PERSON_1, "work_order:1", visit, 4)],
            links=[ScopeLinkRow("work_order:1", "site:1", 4)],
        )
    )
    with office.log.moment(office.tenant) as moment:
        assert [span.scope for span in moment.spans(PERSON_1, after=0)] == ["work_order:1"]


def test_whoever_lets_somebody_in_now_is_told_the_newest_first(office: Office) -> None:
    one, other = granted(office)
    rows = [entity(each, type="visit") for each in (one, other)]
    office.store(Changes(entities=rows, granted=[GrantRow(PERSON_1, "site:9", one, 9)]))
    with office.log.moment(office.tenant) as moment:
        assert [*moment.let_in_by(PERSON_1, limit=9)] == rows
        assert [*moment.let_in_by(PERSON_1, limit=1)] == rows[:1]
        assert [*moment.let_in_by(PERSON_2, limit=9)] == rows[:1]


def test_later_verdicts_come_by_position_and_those_of_one_position_together(office: Office) -> None:
    stranger = office.mint("ben", PERSON_2)
    told = [
        LaterRow(REPLICA, seq, new_id(), position, {"seq": seq, "verdict": "accepted", "position": position})
        for seq, position in ((1, 2), (2, 2), (3, 4), (4, 5), (5, 5), (6, 8))
    ]
    other = LaterRow(stranger, 1, None, 4, {"verdict": "quarantined"})
    office.store(Changes(events=events(9), later=[*told, other]))
    with office.log.moment(office.tenant) as moment:
        assert [*moment.later(REPLICA, after=0, limit=9)] == told
        assert [*moment.later(REPLICA, after=2, limit=9)] == told
        assert [*moment.later(REPLICA, after=2, limit=1)] == told[:3]
        assert [*moment.later(REPLICA, after=2, limit=2)] == told[:5]
        assert [*moment.later(REPLICA, after=5, limit=1)] == told[3:]
        assert [*moment.later(stranger, after=0, limit=9)] == [other]


def test_later_verdicts_are_told_to_every_replica_of_a_person_and_to_nobody_else(office: Office) -> None:
    """A device that mended a fork has another name than the one under which it handed in what is decided now."""
    fresh, stranger = office.mint("fresh"), office.mint("ben", PERSON_2)
    told = [
        LaterRow(replica, seq, new_id(), position, {"seq": seq})
        for position, replica, seq in ((1, REPLICA, 1), (2, REPLICA, 2), (2, fresh, 1), (3, fresh, 2), (4, REPLICA, 3))
    ]
    other = LaterRow(stranger, 1, new_id(), 2, {})
    office.store(Changes(events=events(9), later=[other, *told]))
    with office.log.moment(office.tenant) as moment:
        for mine in (REPLICA, fresh):
            assert [*moment.later(mine, after=0, limit=9)] == told
            assert [*moment.later(mine, after=1, limit=1)] == told[:3]
            assert [*moment.later(mine, after=2, limit=2)] == told[1:]
        assert [*moment.later(stranger, after=0, limit=9)] == [other]


def test_digests_are_those_of_the_states(full: Office) -> None:
    rows = living(full)
    with full.log.moment(full.tenant) as moment:
        assert [*moment.digests([EVERYTHING])] == [
            (EVERYTHING, state_codec.state_hash((row.entity, row.state) for row in rows))
        ]
        assert [*moment.digests([*SCOPES, "site:9"])] == [
            (scope, state_codec.state_hash((row.entity, row.state) for row in rows if row.scope == scope))
            for scope in SCOPES
        ]


def test_a_moment_stands_still_while_others_write(database: str) -> None:
    with open_pool(database, size=2) as pool:
        office = Office(log=PostgresEventLog(pool), tenant=new_tenant(pool))
        office.mint("ada")
        office.store(Changes(events=events(3, scope="site:1"), entities=[entity(new_id(), scope="site:1")]))
        with office.log.moment(office.tenant) as moment:
            office.store(
                Changes(
                    events=[event(4, scope="site:1")],
                    entities=[entity(new_id(), scope="site:1")],
                    granted=[GrantRow(PERSON_1, "site:1", new_id(), 4)],
                )
            )
            assert office.position == 4
            assert moment.position == 3
            assert moment.tail([EVERYTHING], after=0, until=9, limit=9, bytes_max=MUCH).events == 3
            assert moment.tail(["site:1"], after=0, until=9, limit=9, bytes_max=MUCH).events == 3
            assert len(moment.snapshots(["site:1"], before=GREATEST_ID, limit=9, bytes_max=MUCH).rows) == 1
            assert [*moment.spans(PERSON_1, after=0)] == []
