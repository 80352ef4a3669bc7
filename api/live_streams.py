"""Who is connected live to this process: one stream for each device, told together that their tenant's log has grown.

A stream keeps the newest head alone, so a device that does not read costs no more than one that does; and a tenant is
told at most once in `Pace.hints_apart_s`, so what it costs to tell a thousand devices does not grow with the pushes.
Everything here happens on one event loop.
"""

import asyncio
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass

from sync.doorbell import Doorbell
from sync.limits import LIVE_CONNECTIONS_MAX, LIVE_CONNECTIONS_PER_PERSON_MAX, LIVE_CONNECTIONS_PER_TENANT_MAX
from sync.log import TenantId

Device = tuple[TenantId, str, str]
"""Tenant, person, and the replica they speak for; an empty one for whoever has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often something happens on a stream, in seconds, and how many streams there are."""

    heartbeat_s: float = 15.0
    """Silence after which a stream says that it is there."""
    recheck_s: float = 60.0
    """How long a token is believed, and a bell that does not ring, before they are looked up again."""
    hints_apart_s: float = 0.25
    """From one hint to the next; the first one after a pause comes at once."""
    send_s_max: float = 30.0
    """How long a device may let us wait until it reads."""
    streams_max: int = LIVE_CONNECTIONS_MAX
    """How many there may be in all."""
    streams_per_tenant_max: int = LIVE_CONNECTIONS_PER_TENANT_MAX
    streams_per_person_max: int = LIVE_CONNECTIONS_PER_PERSON_MAX


class LiveFull(Exception):
    """There are as many live connections as this process may have, or as `whose` of them may be."""

    def __init__(self, whose: str) -> None:
        super().__init__(whose)
        self.whose = whose
        """`person`, `tenant` or `server`."""


class Stream:
    """What is to be said on one connection, and the sleep of whoever says it."""

    __slots__ = ("_sleep", "ending", "is_over", "newest")

    def __init__(self) -> None:
        self.newest = 0
        self.ending = ""
        """Name of the last event, once the stream is to end; empty where it ends without a word."""
        self.is_over = False
        self._sleep: asyncio.Future[None] | None = None

    def hear(self, head: int) -> None:
        """The log has come as far as `head`."""
        if head > self.newest:
            self.newest = head
            self.wake()

    def end(self, why: str = "") -> None:
        """Say no more than this."""
        self.is_over, self.ending = True, self.ending or why
        self.wake()

    def wake(self) -> None:
        if self._sleep is not None and not self._sleep.done():
            self._sleep.set_result(None)

    async def sleep(self, within_s: float) -> None:
        """Until there is something to say, at most that long."""
        loop = asyncio.get_running_loop()
        self._sleep = loop.create_future()
        timer = loop.call_later(within_s, self.wake)
        try:
            await self._sleep
        finally:
            timer.cancel()
            self._sleep = None


class _Audience:
    """The streams of one tenant."""

    def __init__(self, doorbell: Doorbell, tenant: TenantId, apart_s: float) -> None:
        self._loop, self._apart_s = asyncio.get_running_loop(), apart_s
        self._newest, self._told_at = 0, -apart_s
        self._telling: asyncio.TimerHandle | None = None
        self.streams: set[Stream] = set()
        self._stop = doorbell.listen(tenant, self._hear)

    def _hear(self, head: int) -> None:
        self._newest = max(self._newest, head)
        if self._telling is None:
            self._telling = self._loop.call_at(max(self._loop.time(), self._told_at + self._apart_s), self._tell)

    def _tell(self) -> None:
        self._telling, self._told_at = None, self._loop.time()
        for stream in self.streams:
            stream.hear(self._newest)

    def close(self) -> None:
        self._stop()
        if self._telling is not None:
            self._telling.cancel()


class Streams:
    """The live connections of this process."""

    def __init__(self, doorbell: Doorbell, pace: Pace | None = None) -> None:
        self.pace = pace or Pace()
        self._doorbell = doorbell
        self._of_device: dict[Device, Stream] = {}
        self._devices_of = Counter[tuple[str, ...]]()
        """How many a tenant, and one person of it, have connected."""
        self._audiences: dict[TenantId, _Audience] = {}
        self._are_over = False

    @contextmanager
    def join(self, device: Device) -> Generator[Stream]:
        """A device's stream, in place of the one that it had; raises LiveFull."""
        before = self._of_device.get(device)
        if before is not None:
            before.end("replaced")
        else:
            self._check_room(device)
            self._count(device, 1)
        stream = self._of_device[device] = Stream()
        audience = self._audience(device[0])
        audience.streams.add(stream)
        if self._are_over:
            stream.end()
        try:
            yield stream
        finally:
            if self._of_device.get(device) is stream:
                del self._of_device[device]
                self._count(device, -1)
            audience.streams.discard(stream)
            if not audience.streams:
                audience.close()
                del self._audiences[device[0]]

    def _check_room(self, device: Device) -> None:
        """Raises LiveFull where a device that has no stream may have none now."""
        if self._devices_of[device[:2]] >= self.pace.streams_per_person_max:
            raise LiveFull("person")
        if self._devices_of[device[:1]] >= self.pace.streams_per_tenant_max:
            raise LiveFull("tenant")
        if len(self._of_device) >= self.pace.streams_max:
            raise LiveFull("server")

    def _count(self, device: Device, more: int) -> None:
        for whose in (device[:1], device[:2]):
            self._devices_of[whose] += more
            if not self._devices_of[whose]:
                del self._devices_of[whose]

    def _audience(self, tenant: TenantId) -> _Audience:
        if tenant not in self._audiences:
            self._audiences[tenant] = _Audience(self._doorbell, tenant, self.pace.hints_apart_s)
        return self._audiences[tenant]

    def __len__(self) -> int:
        return len(self._of_device)

    def end(self) -> None:
        """Let every stream end, and every later one at once: this process is about to stop."""
        self._are_over = True
        for stream in self._of_device.values():
            stream.end()
