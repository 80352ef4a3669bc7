"""What every doorbell promises: the same tests for each of them."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator

import psycopg
import pytest

from infra.doorbell import ProcessDoorbell
from infra.postgres.doorbell import PostgresDoorbell
from sync.doorbell import Doorbell

HARBOUR, HILL = "11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"
HEARD_S_MAX = 20

MakeDoorbell = Callable[[], Doorbell]


@pytest.fixture(params=["process", "postgres"])
def doorbell(request: pytest.FixtureRequest) -> MakeDoorbell:
    """Makes one of each kind."""
    if request.param == "process":
        return ProcessDoorbell
    made: MakeDoorbell = request.getfixturevalue("on_postgres")
    return made


@pytest.fixture
def on_postgres(embedded_database: str) -> Iterator[Callable[[], PostgresDoorbell]]:
    """Makes the bells of several processes on one database."""
    made: list[PostgresDoorbell] = []

    def make() -> PostgresDoorbell:
        made.append(PostgresDoorbell(embedded_database))
        return made[-1]

    yield make
    for each in made:
        each.close()


class Listener:
    """Somebody who writes down what they hear."""

    def __init__(self, doorbell: Doorbell, tenant: str) -> None:
        self.heard: list[int] = []
        self._news = asyncio.Event()
        self.loops: set[asyncio.AbstractEventLoop] = set()
        self.stop = doorbell.listen(tenant, self._hear)

    def _hear(self, head: int) -> None:
        self.loops.add(asyncio.get_running_loop())
        self.heard.append(head)
        self._news.set()

    async def until(self, head: int) -> None:
        async with asyncio.timeout(HEARD_S_MAX):
            while head not in self.heard:
                self._news.clear()
                await self._news.wait()


def within(doorbell: MakeDoorbell, story: Callable[[Doorbell], Awaitable[None]]) -> None:
    async def told() -> None:
        await story(doorbell())

    asyncio.run(told())


def ring_elsewhere(doorbell: Doorbell, tenant: str, *heads: int) -> None:
    """From a thread of its own, as an append does."""

    def ring() -> None:
        for head in heads:
            doorbell.ring(tenant, head)

    thread = threading.Thread(target=ring)
    thread.start()
    thread.join()


def test_everybody_who_listens_to_a_tenant_hears_its_bell_on_their_own_loop(doorbell: MakeDoorbell) -> None:
    async def story(bell: Doorbell) -> None:
        listeners = [Listener(bell, HARBOUR) for _ in range(3)]
        ring_elsewhere(bell, HARBOUR, 7)
        for each in listeners:
            await each.until(7)
            assert each.loops == {asyncio.get_running_loop()}

    within(doorbell, story)


def test_another_tenants_bell_is_not_heard(doorbell: MakeDoorbell) -> None:
    async def story(bell: Doorbell) -> None:
        harbour, hill = Listener(bell, HARBOUR), Listener(bell, HILL)
        ring_elsewhere(bell, HARBOUR, 1)
        ring_elsewhere(bell, HILL, 2)
        await harbour.until(1)
        await hill.until(2)
        assert (harbour.heard, hill.heard) == ([1], [2])

    within(doorbell, story)


def test_whoever_stopped_hears_nothing_more_not_even_what_was_on_its_way(doorbell: MakeDoorbell) -> None:
    async def story(bell: Doorbell) -> None:
        gone, there = Listener(bell, HARBOUR), Listener(bell, HARBOUR)
        ring_elsewhere(bell, HARBOUR, 1)
        gone.stop()
        ring_elsewhere(bell, HARBOUR, 2)
        await there.until(2)
        assert gone.heard == []
        gone.stop()

    within(doorbell, story)


def test_the_last_of_many_rings_from_many_threads_is_heard(doorbell: MakeDoorbell) -> None:
    async def story(bell: Doorbell) -> None:
        listener = Listener(bell, HARBOUR)
        threads = [threading.Thread(target=bell.ring, args=(HARBOUR, head)) for head in range(1, 33)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        await listener.until(32)
        assert sorted(set(listener.heard)) == sorted(listener.heard)

    within(doorbell, story)


def test_a_bell_that_nobody_hears_or_whose_listeners_loop_is_gone_may_be_rung(doorbell: MakeDoorbell) -> None:
    bell = doorbell()
    bell.ring(HARBOUR, 1)

    async def listen() -> None:
        Listener(bell, HARBOUR)

    asyncio.run(listen())
    bell.ring(HARBOUR, 2)


async def rung_until_heard(bell: PostgresDoorbell, listener: Listener, first: int) -> None:
    """Whoever has only begun to listen may miss a ring; they hear the next one."""
    async with asyncio.timeout(HEARD_S_MAX):
        for head in range(first, first + 10_000):
            ring_elsewhere(bell, HARBOUR, head)
            await asyncio.sleep(0.05)
            if listener.heard and listener.heard[-1] >= first:
                return


def test_a_bell_that_is_rung_in_one_process_is_heard_in_the_others(on_postgres: Callable[[], PostgresDoorbell]) -> None:
    async def story() -> None:
        one, other = on_postgres(), on_postgres()
        here, there = Listener(one, HARBOUR), Listener(other, HARBOUR)
        hill = Listener(other, HILL)
        await rung_until_heard(one, there, 1)
        assert set(there.heard) <= set(here.heard)
        assert len(here.heard) == len(set(here.heard)), "its own ring is not told to it twice"
        assert hill.heard == []
        assert there.loops == {asyncio.get_running_loop()}

    asyncio.run(story())


def test_a_bell_whose_connections_were_lost_is_heard_again(
    on_postgres: Callable[[], PostgresDoorbell], embedded_database: str
) -> None:
    async def story() -> None:
        one, other = on_postgres(), on_postgres()
        there = Listener(other, HARBOUR)
        await rung_until_heard(one, there, 1)
        with psycopg.connect(embedded_database, autocommit=True) as owner:
            told = owner.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity "
                "where datname = current_database() and application_name = 'cairn'"
            ).fetchall()
        assert len(told) >= 2
        await rung_until_heard(one, there, 1_000_000)

    asyncio.run(story())
