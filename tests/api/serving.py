"""An office behind a real server on a port of this machine, in a thread of its own."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

from api.app import create_app
from api.live_streams import Pace
from api.services import Services
from cairnfield.http_server import http_server
from cairnfield.patience import Patience
from cairnfield.wiring import new_replica
from infra.doorbell import ProcessDoorbell
from infra.memory import MemoryEventLog
from infra.memory_accounts import MemoryAccounts
from tests.api.in_process import client_of
from tests.api.office import Clock, Office

START_S_MAX = 20


@contextmanager
def served_office(
    pace: Pace | None = None, patience: Patience | None = None
) -> Iterator[tuple[Office, uvicorn.Server, int]]:
    """An office, the server of the same application, and its port."""
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
    app = create_app(services, pace=pace)
    with _running(app, patience) as server, client_of(app) as client:
        tenant = accounts.add_tenant("Harbour Town", now_ms=clock.ms)
        office = Office(client=client, log=log, accounts=accounts, clock=clock, tenant=tenant).staff()
        yield office, server, server.servers[0].sockets[0].getsockname()[1]


@contextmanager
def on_a_port(services: Services, pace: Pace | None = None) -> Iterator[int]:
    """The port of a server over these services."""
    with _running(create_app(services, pace=pace)) as server:
        yield server.servers[0].sockets[0].getsockname()[1]


@contextmanager
def _running(app: FastAPI, patience: Patience | None = None) -> Iterator[uvicorn.Server]:
    server = http_server(app, lambda: None, patience=patience, port=0, ws="none")
    thread = threading.Thread(target=server.run)
    thread.start()
    give_up = time.monotonic() + START_S_MAX
    while not server.started:
        assert time.monotonic() < give_up
        time.sleep(0.02)
    try:
        yield server
    finally:
        server.should_exit = True
        thread.join()
