"""What every log says of its past: by entity, up to a position, and which position a moment means."""

from random import Random

import pytest
from psycopg import sql

from infra.postgres import of_tenant
from infra.postgres import past as statements
from infra.postgres.log import PostgresEventLog
from infra.postgres.pool import open_pool
from sync.log import Changes, Wanted
from sync.past import Touched, crossing
from sync.rows import EventRow
from tests.devices import NOON, new_id
from tests.infra.event_logs import Office, entity, events, new_tenant


def of_three(office: Office) -> list[EventRow]:
    """Twelve events of three entities in turn."""
    names = [new_id() for _ in range(3)]
    rows = [
        row._replace(entity=names[number % 3], version=1 + number // 3)
        for number, row in enumerate(events(12, after=office.position))
    ]
    office.store(Changes(events=rows, entities=[entity(name) for name in names]))
    return rows


def test_a_history_is_of_one_entity_between_a_version_and_a_position(office: Office) -> None:
    rows, past = of_three(office), office.log.past(office.tenant)
    own = rows[1::3]
    for after, until, limit in (
        (0, 12, 9),
        (0, 8, 9),
        (0, 7, 9),
        (1, 12, 9),
        (1, 12, 2),
        (4, 12, 9),
        (0, 1, 9),
        (0, 12, 0),
    ):
        expected = [row for row in own if row.version > after and row.position <= until][:limit]
        assert list(past.history(own[0].entity, after=after, until=until, limit=limit)) == expected
    assert list(past.history(new_id(), after=0, until=12, limit=9)) == []


def test_histories_stand_together_by_entity_in_the_order_asked(office: Office) -> None:
    rows, past = of_three(office), office.log.past(office.tenant)
    names = [rows[2].entity, new_id(), rows[0].entity]
    for behind in ([0, 0, 0], [2, 5, 0], [4, 0, 1]):
        after = dict(zip(names, behind, strict=True))
        expected = [
            row
            for name in names
            for row in rows
            if row.entity == name and row.position <= 9 and row.version > after[name]
        ]
        for limit in (99, 6, 4, 1):
            assert list(past.histories(names, behind=behind, until=9, limit=limit)) == expected[:limit]
    assert list(past.histories([], behind=[], until=9, limit=9)) == []


def test_seqs_are_of_one_entity_up_to_a_version_and_of_each_replica_behind_a_seq(office: Office) -> None:
    rows, past = of_three(office), office.log.past(office.tenant)
    own = [row.seq for row in rows[1::3]]
    entity, replica = rows[1].entity, rows[1].replica
    assert past.seqs(entity, version=4, behind={replica: 0}) == {replica: own}
    assert past.seqs(entity, version=3, behind={replica: own[0], "rnobodyaaaaaa": 0}) == {replica: own[1:3]}
    assert past.seqs(entity, version=4, behind={"rnobodyaaaaaa": 0}) == {}
    assert past.seqs(entity, version=4, behind={}) == {}


def test_a_log_of_which_nobody_has_made_milestones_has_none(office: Office) -> None:
    rows, past = of_three(office), office.log.past(office.tenant)
    assert list(past.milestones([row.entity for row in rows[:3]], until=12)) == []


def test_everything_there_is_comes_by_id(office: Office) -> None:
    rows, past = of_three(office), office.log.past(office.tenant)
    names = sorted({row.entity for row in rows})
    begin = "00000000-0000-0000-0000-000000000000"
    assert [row.entity for row in past.everything(["site"], after=begin, limit=9)] == names
    assert [row.entity for row in past.everything(["visit", "site"], after=names[0], limit=1)] == names[1:2]
    assert list(past.everything(["visit"], after=begin, limit=9)) == []


def test_whoever_is_touched_is_told_with_where_they_were_touched_before(office: Office) -> None:
    rows, past = of_three(office), office.log.past(office.tenant)
    expected = [Touched(row.position, row.entity, "site", max(row.position - 3, 0)) for row in rows]
    for after, until, limit in ((0, 12, 99), (3, 12, 99), (3, 7, 99), (3, 12, 2), (12, 99, 9)):
        assert list(past.touched(after=after, until=until, limit=limit)) == expected[after:until][:limit]


@pytest.mark.parametrize("seed", range(6))
def test_a_moment_is_looked_up_as_it_is_in_memory_also_where_the_clock_went_back(office: Office, seed: int) -> None:
    dice = Random(seed)
    recorded = [NOON + dice.randrange(40) for _ in range(dice.randrange(30))]
    if seed == 0:
        recorded.sort()
    rows = [row._replace(recorded_at_ms=ms) for row, ms in zip(events(len(recorded)), recorded, strict=True)]
    office.store(Changes(events=rows))
    past = office.log.past(office.tenant)
    told = {row.position: row.recorded_at_ms for row in rows}
    assert [past.recorded_at_ms(position) for position in range(len(rows) + 2)] == [
        told.get(position) for position in range(len(rows) + 2)
    ]
    for at_ms in range(NOON - 1, NOON + 41):
        assert past.position_at(at_ms) == crossing(told.get, at_ms)


def test_the_past_is_found_by_indexes_in_a_log_that_nobody_has_analysed(database: str) -> None:
    with open_pool(database, size=2) as pool:
        log, tenant = PostgresEventLog(pool), new_tenant(pool)
        rows = events(20_000)
        changes = Changes(events=rows, entities=[entity(row.entity) for row in rows])
        log.append(tenant, Wanted(), lambda _: (changes, None), now_ms=NOON)
        asked = {
            "tenant": tenant,
            "at_ms": NOON,
            "position": 7,
            "entity": rows[7].entity,
            "entities": [row.entity for row in rows[:200]],
            "behind": [0] * 200,
            "version": 9_999,
            "way": "",
            "replicas": [rows[7].replica],
            "seqs": [0],
            "after": 0,
            "until": 10_000,
            "limit": 500,
            "types": ["site", "visit"],
        }
        ids = {**asked, "after": rows[7].entity}
        with of_tenant.transaction(pool, tenant) as connection:
            for statement, values in (
                (statements.POSITION_AT, asked),
                (statements.RECORDED_AT, asked),
                (statements.HISTORY, asked),
                (statements.HISTORIES, asked),
                (statements.MILESTONES, asked),
                (statements.SEQS, asked),
                (statements.EVERYTHING, ids),
                (statements.TOUCHED, asked),
            ):
                explained = sql.SQL("explain (analyze) {}").format(sql.SQL(statement))
                plan = "\n".join(line for (line,) in connection.execute(explained, values).fetchall())
                assert "Seq Scan on event" not in plan, plan
                assert "Seq Scan on entity" not in plan, plan
                assert "Index" in plan, plan
