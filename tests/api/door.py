"""An office whose server answers on terms that a test sets, over the in-memory log."""

from collections.abc import Iterator
from contextlib import contextmanager

from api.app import create_app
from api.services import Services
from api.terms import Terms
from cairnfield.wiring import new_replica
from infra.doorbell import ProcessDoorbell
from infra.memory import MemoryEventLog
from infra.memory_accounts import MemoryAccounts
from tests.api.in_process import client_of
from tests.api.office import Clock, Office


@contextmanager
def office_on(terms: Terms) -> Iterator[Office]:
    """A new tenant of a server with these terms."""
    clock, doorbell = Clock(), ProcessDoorbell()
    log = MemoryEventLog(doorbell.ring)
    accounts = MemoryAccounts(log)
    services = Services(
        log=log,
        accounts=accounts,
        doorbell=doorbell,
        now_ms=lambda: clock.ms,
        new_replica=new_replica,
        is_ready=lambda: True,
    )
    with client_of(create_app(services, terms=terms)) as client:
        tenant = accounts.add_tenant("Harbour Town", now_ms=clock.ms)
        yield Office(client=client, log=log, accounts=accounts, clock=clock, tenant=tenant).staff()
