"""`cairn epoch new` and `cairn durable mark` as an operator runs them, on a database and on a copy of it."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict
from typer.testing import CliRunner, Result

from cairnfield.cli import app
from cairnfield.durable import held_by
from cairnfield.failure import CannotGoOn
from infra.memory import MemoryEventLog
from infra.postgres.accounts import PostgresAccounts
from infra.postgres.log import PostgresEventLog
from infra.postgres.pool import open_pool
from sync.log import Changes, Wanted
from sync.rows import EventRow
from tests.conftest import TestServer
from tests.devices import NOON
from tests.infra.event_logs import Office, Offices, event, events, in_postgres


@pytest.fixture
def offices(embedded_server: TestServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Offices]:
    """Tenants of a database that commands find in DATABASE_URL."""
    monkeypatch.setenv("CAIRN_SECRETS_DIR", str(tmp_path))
    with embedded_server.database() as dsn:
        monkeypatch.setenv("DATABASE_URL", url_of(dsn))
        with open_pool(dsn, size=2) as pool:
            yield in_postgres(pool, dsn)


def url_of(dsn: str) -> str:
    told = conninfo_to_dict(dsn)
    return f"postgresql:///{told.pop('dbname')}?" + "&".join(f"{name}={value}" for name, value in told.items())


def cairn(*said: str) -> Result:
    return CliRunner().invoke(app, said)


def epochs(*offices: Office) -> list[str]:
    return [office.log.head(office.tenant).epoch for office in offices]


def durable(*offices: Office) -> list[int]:
    return [office.log.head(office.tenant).durable for office in offices]


def test_every_tenant_has_a_new_epoch_and_the_operator_reads_what_follows(offices: Offices) -> None:
    harbour, hill = offices.new(), offices.new()
    before = epochs(harbour, hill)
    done = cairn("epoch", "new")
    assert done.exit_code == 0, done.output
    after = epochs(harbour, hill)
    assert len({*before, *after}) == 4
    assert all(epoch in done.output for epoch in after)
    assert "nothing is wiped" in done.output


def test_one_tenant_has_a_new_epoch_and_the_other_keeps_its_own(offices: Offices) -> None:
    harbour, hill = offices.new(), offices.new()
    before = epochs(harbour, hill)
    assert cairn("epoch", "new", "--tenant", hill.tenant).exit_code == 0
    after = epochs(harbour, hill)
    assert after[0] == before[0]
    assert after[1] != before[1]


def test_a_tenant_that_is_not_there_or_that_two_are_called_is_not_guessed(offices: Offices) -> None:
    harbour, hill = offices.new(), offices.new()
    before = epochs(harbour, hill)
    assert isinstance(cairn("epoch", "new", "--tenant", "Nobody").exception, CannotGoOn)
    assert isinstance(cairn("epoch", "new", "--tenant", "Acme").exception, CannotGoOn)
    assert epochs(harbour, hill) == before


def test_a_copy_marks_what_it_holds_of_every_tenant(offices: Offices, embedded_server: TestServer) -> None:
    harbour, hill = offices.new(), offices.new()
    harbour.store(Changes(events=events(1_003)))
    hill.store(Changes(events=events(2)))
    with embedded_server.database() as copy, open_pool(copy, size=1) as pool:
        for office in (harbour, hill):
            PostgresAccounts(pool).add_tenant("Acme", now_ms=NOON, tenant=office.tenant)
            Office(log=PostgresEventLog(pool), tenant=office.tenant).store(Changes(events=office.events()))
        harbour.store(Changes(events=[event(1_004)]))
        late = offices.new()
        done = cairn("durable", "mark", "--copy", url_of(copy))
    assert done.exit_code == 0, (done.output, done.exception)
    assert "durable up to 1003 of 1004" in done.output
    assert durable(harbour, hill, late) == [1_003, 2, 0]


def test_a_position_is_marked_for_the_tenant_that_is_named(offices: Offices) -> None:
    harbour, hill = offices.new(), offices.new()
    harbour.store(Changes(events=events(3)))
    assert isinstance(cairn("durable", "mark", "--position", "2").exception, CannotGoOn)
    assert cairn("durable", "mark", "--position", "2", "--tenant", harbour.tenant).exit_code == 0
    assert durable(harbour, hill) == [2, 0]


@pytest.mark.parametrize("said", [(), ("--copy", "postgresql:///x", "--position", "2")])
def test_either_a_copy_or_a_position_is_said(said: tuple[str, ...]) -> None:
    assert isinstance(cairn("durable", "mark", *said).exception, CannotGoOn)


def log_of(rows: Sequence[EventRow]) -> MemoryEventLog:
    log = MemoryEventLog()
    log.add_tenant("a")
    log.append("a", Wanted(), lambda known: (Changes(events=rows), None), now_ms=NOON)
    return log


def test_what_is_no_copy_is_found_by_its_first_other_event() -> None:
    rows = events(1_500)
    with pytest.raises(CannotGoOn, match="position 1201"):
        held_by(log_of([*rows[:1_200], event(1_201)]), log_of(rows), "a")
    with pytest.raises(CannotGoOn, match="position 1202"):
        held_by(log_of(rows), log_of(rows[:1_201]), "a")
    assert held_by(log_of(rows[:1_201]), log_of(rows), "a") == 1_201
