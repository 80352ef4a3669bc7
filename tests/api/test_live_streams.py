"""A stream in process, where what it waits for is in our hands: a device that does not read, a bell that is rung."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import ExitStack
from typing import Any, Final

import pytest

from api.app import create_app, end_streams
from api.live_streams import LiveFull, Pace, Stream, Streams
from api.services import Services
from infra.doorbell import ProcessDoorbell
from infra.memory import MemoryEventLog
from infra.memory_accounts import MemoryAccounts
from sync.log import Changes, Wanted, nobody_listens
from tests.devices import NOON, PERSON_1
from tests.infra.event_logs import event

WAIT_S_MAX: Final = 20
SLOW: Final = Pace(heartbeat_s=600, recheck_s=600, hints_apart_s=0, send_s_max=600)


class Server:
    """The application, its bell, and one request to its live route."""

    def __init__(self, pace: Pace = SLOW, *, is_heard: bool = True) -> None:
        self.bell = ProcessDoorbell()
        log = self.log = MemoryEventLog(self.bell.ring if is_heard else nobody_listens)
        accounts = MemoryAccounts(log)
        self.tenant = accounts.add_tenant("Harbour Town", now_ms=NOON)
        accounts.add_person(self.tenant, person=PERSON_1, name="Ada", role="technician")
        self._token = accounts.issue(self.tenant, PERSON_1, now_ms=NOON)
        self.app = create_app(
            Services(
                log=log,
                accounts=accounts,
                doorbell=self.bell,
                now_ms=lambda: NOON,
                new_replica=lambda _tenant, _person: "",
                is_ready=lambda: True,
            ),
            pace=pace,
        )
        self.sent: list[bytes] = []
        self.reads = asyncio.Event()
        self.reads.set()
        self.is_gone = asyncio.Event()
        self._news = asyncio.Event()

    def grow(self) -> None:
        """One event more."""
        self.log.append(self.tenant, Wanted(), lambda _: (Changes(events=[event(1)]), None), now_ms=NOON)

    def connect(self) -> asyncio.Task[None]:
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "path": "/v1/sync/live",
            "raw_path": b"/v1/sync/live",
            "query_string": b"",
            "root_path": "",
            "headers": [(b"authorization", f"Bearer {self._token}".encode())],
        }
        return asyncio.create_task(self.app(scope, self._receive, self._send))

    async def _receive(self) -> MutableMapping[str, Any]:
        await self.is_gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.body":
            await self.reads.wait()
            self.sent.append(message["body"])
            self._news.set()

    async def until(self, said: bytes) -> None:
        async with asyncio.timeout(WAIT_S_MAX):
            while not any(said in each for each in self.sent):
                self._news.clear()
                await self._news.wait()

    @property
    def streams(self) -> int:
        return len(self.app.state.streams)


def run(story: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(_bounded(story))


async def _bounded(story: Callable[[], Awaitable[None]]) -> None:
    async with asyncio.timeout(WAIT_S_MAX * 2):
        await story()


def test_b_a_device_that_does_not_read_is_told_the_newest_head_alone_when_it_does() -> None:
    async def story() -> None:
        server = Server()
        task = server.connect()
        await server.until(b"id: 0\n")
        server.reads.clear()
        for head in range(1, 5_001):
            server.bell.ring(server.tenant, head)
            if head % 100 == 0:
                await asyncio.sleep(0)
        await asyncio.sleep(0.01)
        server.reads.set()
        await server.until(b"id: 5000\n")
        assert len(server.sent) <= 3, "what it heard first, what was on its way when it stopped to read, the newest"
        end_streams(server.app)
        await task

    run(story)


def test_rings_that_come_late_tell_nothing_old() -> None:
    async def story() -> None:
        server = Server()
        task = server.connect()
        await server.until(b"id: 0\n")
        for head in (3, 9, 7, 9, 2):
            server.bell.ring(server.tenant, head)
            await asyncio.sleep(0.005)
        for head in (12, 11):  # in one breath, so that one hint tells both
            server.bell.ring(server.tenant, head)
        await server.until(b"id: 12\n")
        heads = [int(each.split(b"\n")[0].removeprefix(b"id: ")) for each in server.sent[1:]]
        assert heads == sorted(set(heads))
        end_streams(server.app)
        await task

    run(story)


def test_a_tenant_that_grows_all_the_time_is_told_so_now_and_then() -> None:
    async def story() -> None:
        server = Server(Pace(heartbeat_s=600, recheck_s=600, hints_apart_s=0.2))
        task = server.connect()
        await server.until(b"id: 0\n")
        began = asyncio.get_running_loop().time()
        for head in range(1, 2_001):
            server.bell.ring(server.tenant, head)
            await asyncio.sleep(0)
        took_s = asyncio.get_running_loop().time() - began
        await server.until(b"id: 2000\n")
        assert len(server.sent) <= 3 + took_s / 0.2
        end_streams(server.app)
        await task

    run(story)


@pytest.mark.parametrize("leaves", ["gone", "stopped"])
def test_whoever_leaves_leaves_nothing_behind(leaves: str) -> None:
    async def story() -> None:
        server = Server()
        task = server.connect()
        await server.until(b"id: 0\n")
        assert server.streams == 1
        server.is_gone.set() if leaves == "gone" else end_streams(server.app)
        await task
        assert server.streams == 0
        assert server.app.state.streams._audiences == {}
        assert server.app.state.streams._devices_of == {}
        assert server.bell._ears == {}
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run(story)


def test_a_device_that_never_reads_is_given_up() -> None:
    async def story() -> None:
        server = Server(Pace(heartbeat_s=0.01, recheck_s=600, hints_apart_s=0, send_s_max=0.05))
        task = server.connect()
        await server.until(b"id: 0\n")
        server.reads.clear()
        await task
        assert server.streams == 0

    run(story)


def test_g18_one_person_one_tenant_and_all_together_have_so_many_streams_and_no_more() -> None:
    async def story() -> None:
        pace = Pace(streams_max=5, streams_per_tenant_max=4, streams_per_person_max=2)
        streams = Streams(ProcessDoorbell(), pace)
        with ExitStack() as stack:

            def join(*device: str) -> Stream:
                return stack.enter_context(streams.join(device))  # type: ignore[arg-type]  # three of them

            def refused(*device: str) -> str:
                with pytest.raises(LiveFull) as full:
                    join(*device)
                return full.value.whose

            first = join("harbour", "ada", "phone")
            join("harbour", "ada", "tablet")
            assert refused("harbour", "ada", "watch") == "person"
            join("harbour", "ada", "phone")
            assert first.is_over, "the same device has one stream, the newest"
            join("harbour", "ben", "phone")
            join("harbour", "eve", "phone")
            assert refused("harbour", "imke", "phone") == "tenant"
            join("hill", "ada", "phone")
            assert refused("hill", "ben", "phone") == "server"
            assert len(streams) == 5
        assert len(streams) == 0
        with streams.join(("harbour", "ada", "watch")):
            assert len(streams) == 1

    run(story)


def test_g18_a_lost_ring_is_made_good_when_the_head_is_looked_up_again() -> None:
    async def story() -> None:
        server = Server(Pace(heartbeat_s=600, recheck_s=0.05, hints_apart_s=0), is_heard=False)
        task = server.connect()
        await server.until(b"id: 0\n")
        server.grow()
        await server.until(b"id: 1\n")
        end_streams(server.app)
        await task

    run(story)


def test_whoever_connects_while_the_server_stops_is_sent_away_at_once() -> None:
    async def story() -> None:
        server = Server()
        end_streams(server.app)
        await server.connect()
        assert server.sent == [b""]

    run(story)
