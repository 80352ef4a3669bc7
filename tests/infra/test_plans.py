"""A page of the log costs what is on it, also in a database whose statistics know nothing yet."""

import uuid
from typing import Any, Final, LiteralString

import pytest
from eventsourcing.persistence import StoredEvent

from infra.eventsourcing import statements as library
from infra.eventsourcing.postgres import PostgresFactory
from infra.postgres import pull_statements, statements
from infra.postgres.accounts import PostgresAccounts
from infra.postgres.pool import open_pool
from tests.devices import NOON

EVENTS_PER_APPEND: Final = 5_000
APPENDS: Final = 8

PAGES: Final[dict[str, LiteralString]] = {
    "page": statements.PAGE,
    "tail": pull_statements.TAIL,
    "notifications": library.NOTIFICATIONS,
}


@pytest.fixture
def asked(database: str) -> dict[str, Any]:
    """What every page asks for, in a log of 40,000 events that nobody has analysed."""
    with open_pool(database, size=1) as pool:
        tenant = PostgresAccounts(pool).add_tenant("Acme", now_ms=NOON)
    factory = PostgresFactory({"CAIRN_TENANT": tenant, "DATABASE_URL": database})
    recorder = factory.application_recorder()
    for _ in range(APPENDS):
        entity = uuid.uuid4()
        recorder.insert_events([StoredEvent(entity, version, "a", b"{}") for version in range(EVENTS_PER_APPEND)])
    factory.close()
    limits = {
        "until": 2**63 - 1,
        "after": 1_000,
        "first": 1_001,
        "last": 2**63 - 1,
        "limit": 500,
        "bytes_max": 10**6,
        "to_all": True,
    }
    return {"tenant": tenant, "replica": recorder.replica, "aggregate": "aggregate", "topics": None, **limits}


def test_a_page_is_read_in_order_from_the_index_and_no_further(database: str, asked: dict[str, Any]) -> None:
    with open_pool(database, size=1) as pool, pool.connection() as connection:
        for name, statement in PAGES.items():
            explained = connection.execute("explain (format json) " + statement, asked).fetchone()
            assert explained is not None
            told = str(explained[0])
            assert "Index Scan" in told, (name, told)
            assert "Sort'" not in told, (name, told)
            assert "Bitmap" not in told, (name, told)
