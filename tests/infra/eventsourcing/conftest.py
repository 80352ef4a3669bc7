"""An office for every test: a tenant of its own, in memory or in a database that all tests of a server share."""

import time
import uuid

import psycopg
import pytest

from infra.postgres.accounts import PostgresAccounts
from infra.postgres.pool import open_pool
from tests.conftest import TestServer
from tests.infra.eventsourcing.offices import MEMORY, OFFICES

# Not ours to make in a migration: a view of a projection that only the library's suites know.
COUNTERS = """
    create table event_counter (
        tenant uuid not null, view text not null,
        created bigint not null default 0, subsequent bigint not null default 0,
        primary key (tenant, view));
    grant select, insert, update on event_counter to cairn_api
"""


@pytest.fixture(scope="module")
def databases() -> dict[str, str]:
    """The DSN of a database with our tables by the name of its server, made when it is first asked for."""
    return {}


def database_of(request: pytest.FixtureRequest, kind: str, made: dict[str, str]) -> str:
    if kind not in made:
        server = request.getfixturevalue(f"{kind}_server")
        assert isinstance(server, TestServer)
        context = server.database()
        made[kind] = context.__enter__()
        module = request.node.getparent(pytest.Module)
        assert module is not None
        module.addfinalizer(lambda: context.__exit__(None, None, None))
        with psycopg.connect(made[kind], autocommit=True) as owner:
            owner.execute(COUNTERS)
    return made[kind]


def env_of(request: pytest.FixtureRequest, kind: str, made: dict[str, str]) -> dict[str, str]:
    """What an application must be told to work in a new office of this kind."""
    tenant = str(uuid.uuid4())
    if kind == MEMORY:
        return {"PERSISTENCE_MODULE": "infra.eventsourcing.memory", "CAIRN_TENANT": tenant}
    dsn = database_of(request, kind, made)
    pool = open_pool(dsn, size=1)
    PostgresAccounts(pool).add_tenant("Acme", tenant=tenant, now_ms=time.time_ns() // 1_000_000)
    pool.close()
    return {"PERSISTENCE_MODULE": "infra.eventsourcing.postgres", "CAIRN_TENANT": tenant, "DATABASE_URL": dsn}


@pytest.fixture(autouse=True)
def office_of_suite(request: pytest.FixtureRequest, databases: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """For the library's suites: the office that their class names, in the environment and as `env`."""
    suite = request.cls
    kind = getattr(suite, "kind_of_office", None)
    if kind is None:
        return
    env = env_of(request, kind, databases)
    suite.env = env
    for name, value in env.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(params=OFFICES)
def office_env(request: pytest.FixtureRequest, databases: dict[str, str]) -> dict[str, str]:
    """For tests of our own: an office of each kind in turn."""
    return env_of(request, request.param, databases)
