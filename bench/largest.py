"""How much memory the largest body that may come, and the largest page that may go, take of a worker."""

import re
from pathlib import Path
from typing import Final

from bench.server import Connection, Server
from bench.workload import Phone
from sync.author import Author
from sync.limits import EVENTS_PER_PUSH_MAX, PUSH_BYTES_MAX

TIMES: Final = 12
SPARE_BYTES: Final = 8_192


def largest_mib(server: Server) -> float:
    """MiB by which the worker's memory grows at most while it takes in so many bodies and sends them again."""
    connection = server.connect()
    pushes = [connection.posting("/v1/sync/push", _largest_body(connection)) for _ in range(TIMES)]
    connection.get("/v1/sync/pull")
    process = Path(f"/proc/{server.pid}")
    (process / "clear_refs").write_text("5")  # forget the most that it has held
    before_kib = _held_kib(process, "VmRSS")
    for push in pushes:
        connection.ask(push)
    for _ in pushes:
        assert len(connection.get("/v1/sync/pull")) > PUSH_BYTES_MAX // 2
    return (_held_kib(process, "VmHWM") - before_kib) / 1_024


def _largest_body(connection: Connection) -> bytes:
    room = (PUSH_BYTES_MAX - SPARE_BYTES) // EVENTS_PER_PUSH_MAX
    least = len(_site(Phone(Author(replica="raaaaaaaaaaaa", seq=99_999, prev="0" * 64)), ""))
    phone = Phone(Author(replica=connection.mint()))
    body = b"\n".join(_site(phone, "x" * (room - least)) for _ in range(EVENTS_PER_PUSH_MAX))
    assert PUSH_BYTES_MAX * 0.95 < len(body) <= PUSH_BYTES_MAX, len(body)
    return body


def _site(phone: Phone, directions: str) -> bytes:
    return phone.tell("site", phone.id(), "Created", customer_id=phone.id(), name="Bench", directions=directions)


def _held_kib(process: Path, name: str) -> int:
    (told,) = re.findall(rf"^{name}:\s+(\d+) kB", (process / "status").read_text(), re.MULTILINE)
    return int(told)
