"""Every kind of event log in turn: in memory, in the embedded PostgreSQL, in the oldest one that is supported."""

from collections.abc import Iterator

import pytest

from infra.postgres.pool import open_pool
from tests.conftest import TestServer
from tests.infra.event_logs import Office, Offices, in_memory, in_postgres

POOL_SIZE = 8


@pytest.fixture(scope="module", params=["memory", "embedded", "installed"])
def kind(request: pytest.FixtureRequest) -> Iterator[Offices]:
    """Where tenants are made; all tests of a module share a database and none shares a tenant."""
    if request.param == "memory":
        yield in_memory()
        return
    server = request.getfixturevalue(f"{request.param}_server")
    assert isinstance(server, TestServer)
    with server.database() as dsn, open_pool(dsn, size=POOL_SIZE) as pool:
        yield in_postgres(pool, dsn)


@pytest.fixture
def office(kind: Offices) -> Office:
    """A tenant with an empty log."""
    return kind.new()
