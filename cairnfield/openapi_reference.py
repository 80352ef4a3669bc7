"""The description of the API as a file, for programs that read it where no server runs."""

import orjson

from api.app import create_app
from api.services import Services
from cairnfield.wiring import new_replica
from infra.doorbell import ProcessDoorbell
from infra.memory import MemoryEventLog
from infra.memory_accounts import MemoryAccounts


def openapi() -> str:
    """OpenAPI 3.1 of every route, as JSON."""
    doorbell = ProcessDoorbell()
    log = MemoryEventLog(doorbell.ring)
    services = Services(
        log=log,
        accounts=MemoryAccounts(log),
        doorbell=doorbell,
        now_ms=lambda: 0,
        new_replica=new_replica,
        is_ready=lambda: True,
    )
    return orjson.dumps(create_app(services).openapi(), option=orjson.OPT_INDENT_2).decode() + "\n"
