"""The real application over each log and its accounts, with a clock that tests set."""

from collections.abc import Callable, Iterator

import pytest

from api.app import create_app
from api.services import Services
from cairnfield.wiring import new_replica
from infra.doorbell import ProcessDoorbell
from infra.memory import MemoryEventLog
from infra.memory_accounts import MemoryAccounts
from infra.postgres.accounts import PostgresAccounts
from infra.postgres.log import PostgresEventLog
from infra.postgres.pool import open_pool
from sync.doorbell import Doorbell
from tests.api.in_process import client_of
from tests.api.office import Clock, Office
from tests.api.signing import Companies, companies
from tests.conftest import TestServer

MakeOffice = Callable[[], Office]


def _offices(
    log: MemoryEventLog | PostgresEventLog, accounts: MemoryAccounts | PostgresAccounts, doorbell: Doorbell
) -> Iterator[MakeOffice]:
    clock = Clock()
    services = Services(
        log=log,
        accounts=accounts,
        doorbell=doorbell,
        now_ms=lambda: clock.ms,
        new_replica=new_replica,
        is_ready=lambda: True,
    )
    with client_of(create_app(services)) as client:

        def make() -> Office:
            clock.ms = Clock().ms
            tenant = accounts.add_tenant("Harbour Town", now_ms=clock.ms)
            return Office(client=client, log=log, accounts=accounts, clock=clock, tenant=tenant).staff()

        yield make


@pytest.fixture(scope="session")
def memory_offices() -> Iterator[MakeOffice]:
    doorbell = ProcessDoorbell()
    log = MemoryEventLog(doorbell.ring)
    yield from _offices(log, MemoryAccounts(log), doorbell)


@pytest.fixture(scope="session")
def postgres_offices(embedded_server: TestServer) -> Iterator[MakeOffice]:
    with embedded_server.database() as dsn, open_pool(dsn, size=2) as pool:
        doorbell = ProcessDoorbell()
        yield from _offices(PostgresEventLog(pool, doorbell.ring), PostgresAccounts(pool), doorbell)


@pytest.fixture(params=["memory", "postgres"])
def offices(request: pytest.FixtureRequest) -> MakeOffice:
    """Makes tenants of one server."""
    made: MakeOffice = request.getfixturevalue(f"{request.param}_offices")
    return made


@pytest.fixture
def office(offices: MakeOffice) -> Office:
    """A new tenant, over each log in turn."""
    return offices()


@pytest.fixture(scope="module")
def dsn(embedded_server: TestServer) -> Iterator[str]:
    with embedded_server.database() as made:
        yield made


@pytest.fixture(scope="module")
def server_here(dsn: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Companies]:
    """A server where people sign in, for all tests of a module."""
    with companies(dsn, tmp_path_factory.mktemp("keys")) as made:
        yield made
