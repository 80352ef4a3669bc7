"""A backup of the audit is marked where it is one, and after a restore nobody may rewrite what was marked."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import LiteralString

import pytest
from psycopg.conninfo import conninfo_to_dict
from psycopg_pool import ConnectionPool

from infra.checkpoint_signer import SigningRefused
from infra.postgres.audit_copy import NoCopy, held_by, mark
from infra.postgres.log import PostgresEventLog
from infra.postgres.pool import Connection, open_pool
from infra.postgres.roles import PROJECTOR
from tests.conftest import TestServer
from tests.devices import new_id
from tests.infra.event_logs import in_postgres
from tests.infra.tampering import tamper
from tests.infra.test_audit_tampering import Held


@contextmanager
def opened(dsn: str, folder: Path, tenant: str | None = None) -> Iterator[tuple[Held, ConnectionPool[Connection]]]:
    with open_pool(dsn, size=2) as pool, open_pool(dsn, size=1, role=PROJECTOR) as projecting:
        held = Held(tenant or in_postgres(pool, dsn).new().tenant, dsn, pool, folder)
        yield held.open(projecting, pool), projecting


@pytest.fixture
def restored(embedded_server: TestServer, tmp_path: Path) -> Iterator[tuple[str, str, str]]:
    """A database with an audit of 30 entries, and a copy of it from when it had 20; whose audit it is."""
    with embedded_server.database() as dsn:
        with opened(dsn, tmp_path) as (held, _):
            held.note(20)
            held.sign()
        with embedded_server.database(copy_of=str(conninfo_to_dict(dsn)["dbname"])) as copy:
            with opened(dsn, tmp_path, held.tenant) as (again, projecting):
                mark(projecting, held.tenant, 20)
                again.noted = 20
                again.note(10)
                again.sign()
            yield dsn, copy, held.tenant


def test_a_copy_holds_what_it_is_a_copy_of(restored: tuple[str, str, str], tmp_path: Path) -> None:
    dsn, copy, tenant = restored
    with opened(dsn, tmp_path, tenant) as (held, projecting), open_pool(copy, size=1) as copied:
        assert held_by(copied, held.reading, tenant) == 20
        assert held_by(copied, held.reading, new_id()) == 0
        assert mark(projecting, tenant, 20) == 20
        assert mark(projecting, tenant, 7) == 20, "it only grows"
        assert mark(projecting, tenant, 99) == 30, "nobody holds more than there is"
        assert mark(projecting, new_id(), 7) == 0
        held.noted = 30
        held.note(1)
        assert held.sign().checkpoint.size == 31


@pytest.mark.parametrize(
    "statement",
    [
        "update audit_entry set kind = 'x' where tenant = %s and position = 7",
        "update audit_entry set position = 1007 where tenant = %s and position = 7",
        "delete from audit_entry where tenant = %s and position = 7",
    ],
)
def test_what_is_no_copy_is_found_by_its_first_other_entry(
    restored: tuple[str, str, str], tmp_path: Path, statement: LiteralString
) -> None:
    dsn, copy, tenant = restored
    assert tamper(copy, statement, [tenant]) == 1
    with (
        opened(dsn, tmp_path, tenant) as (held, _),
        open_pool(copy, size=1) as copied,
        pytest.raises(NoCopy, match="at position 7"),
    ):
        held_by(copied, held.reading, tenant)


def test_a_restored_audit_goes_on_where_it_was_announced_and_holds_what_was_durable(
    restored: tuple[str, str, str], tmp_path: Path
) -> None:
    _, copy, tenant = restored
    with opened(copy, tmp_path, tenant) as (held, _), open_pool(copy, size=1) as pool:
        held.noted = 90
        held.note(1)
        with pytest.raises(SigningRefused, match="rolled back"):
            held.sign()
        epoch = new_id()
        held.signer.announce(tenant, epoch)
        PostgresEventLog(pool).begin_epoch(tenant, epoch)
        assert held.sign().checkpoint[:2] == (held.sign().checkpoint.origin, 21)
        tamper(copy, "update audit_entry set kind = 'x' where tenant = %s and position = 7", [tenant])
        held.write_anew()
        again = new_id()
        held.signer.announce(tenant, again)
        PostgresEventLog(pool).begin_epoch(tenant, again)
        with pytest.raises(SigningRefused, match="rewritten"):
            held.sign()
