"""Pushes that come while a commit is under way share the next one, and none waits for, or suffers from, another."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from infra.coalescing import APPENDS_TOGETHER_MAX, EVENTS_TOGETHER_MAX, Coalescer
from sync.log import Changes, Conflicting, Decision, Known, LogUnavailable, Wanted
from sync.together import Outcome
from tests.devices import new_id

LONG_S = 10.0


class Store:
    """A log that commits when it is told to, and remembers how many came together."""

    def __init__(self) -> None:
        self.groups: list[int] = []
        self.under_way, self.may_commit = threading.Semaphore(0), threading.Semaphore(0)
        self.trouble: Callable[[int], None] = lambda _: None

    def append(self, tenant: str, wanted: Wanted, decide: Decision[list[Outcome]], now_ms: int) -> list[Outcome]:
        del tenant, wanted, now_ms
        self.under_way.release()
        assert self.may_commit.acquire(timeout=LONG_S)
        _, outcomes = decide(Known(position=0, epoch=""))
        self.groups.append(len(outcomes))
        self.trouble(len(outcomes))
        return outcomes


@pytest.fixture(params=["waiting", "told later", "both"])
def way(request: pytest.FixtureRequest) -> str:
    """How those who push come by their answer: in a thread that waits, by a call, or one so and the next so."""
    return str(request.param)


def gathered(
    store: Store,
    followers: list[Callable[[Known], tuple[Changes, str]]],
    events: int = 1,
    tenant: str = "acme",
    *,
    way: str = "waiting",
) -> list[Future[str]]:
    """A first push whose commit is under way, and these that come meanwhile, all of them in the queue."""
    coalescer = Coalescer(store.append)
    wanted = Wanted(ids=[new_id() for _ in range(events)])
    pool = ThreadPoolExecutor(len(followers) + 1)

    def push(decide: Callable[[Known], tuple[Changes, str]], number: int) -> Future[str]:
        if way == "waiting" or (way == "both" and number % 2):
            return pool.submit(coalescer.append, tenant, wanted, decide, now_ms=0)
        told: Future[str] = Future()
        coalescer.submit(
            tenant,
            wanted,
            decide,
            now_ms=0,
            done=lambda answer, failure: told.set_exception(failure) if failure else told.set_result(answer),
        )
        return told

    futures = [push(says("first"), 0)]
    assert store.under_way.acquire(timeout=LONG_S)
    for number, decide in enumerate(followers, 1):
        futures.append(push(decide, number))
        while len(coalescer._queues[tenant].waiting) < number:
            threading.Event().wait(0.001)
    pool.shutdown(wait=False)
    return futures


def says(word: str) -> Callable[[Known], tuple[Changes, str]]:
    return lambda _: (Changes(), word)


def test_what_comes_during_a_commit_shares_the_next(way: str) -> None:
    store = Store()
    futures = gathered(store, [says(f"{number}") for number in range(5)], way=way)
    store.may_commit.release(2)
    assert [each.result(LONG_S) for each in futures] == ["first", "0", "1", "2", "3", "4"]
    assert store.groups == [1, 5]


@pytest.mark.parametrize(
    ("events", "groups"), [(EVENTS_TOGETHER_MAX // 2, [1, 2, 1]), (EVENTS_TOGETHER_MAX, [1, 1, 1, 1])]
)
def test_no_more_events_share_a_commit_than_a_push_may_hold(events: int, groups: list[int], way: str) -> None:
    store = Store()
    futures = gathered(store, [says("x")] * 3, events, way=way)
    store.may_commit.release(9)
    assert [each.result(LONG_S) for each in futures] == ["first", "x", "x", "x"]
    assert store.groups == groups


def test_no_more_pushes_share_a_commit_than_are_allowed(way: str) -> None:
    store = Store()
    futures = gathered(store, [says("x")] * (APPENDS_TOGETHER_MAX + 1), way=way)
    store.may_commit.release(9)
    assert {each.result(LONG_S) for each in futures} == {"first", "x"}
    assert store.groups == [1, APPENDS_TOGETHER_MAX, 1]


def test_a_refusal_reaches_its_author_alone(way: str) -> None:
    def refuse(_: Known) -> tuple[Changes, str]:
        raise PermissionError("not yours")

    store = Store()
    futures = gathered(store, [says("a"), refuse, says("b")], way=way)
    store.may_commit.release(2)
    assert [futures[place].result(LONG_S) for place in (0, 1, 3)] == ["first", "a", "b"]
    with pytest.raises(PermissionError):
        futures[2].result(LONG_S)


def test_a_commit_that_fails_is_told_to_all_who_shared_it_and_the_next_goes_on(way: str) -> None:
    def fail(size: int) -> None:
        if size == 3:
            raise LogUnavailable("gone")

    store = Store()
    store.trouble = fail
    futures = gathered(store, [says("a")] * 3, way=way)
    store.may_commit.release(2)
    assert futures[0].result(LONG_S) == "first"
    for each in futures[1:]:
        with pytest.raises(LogUnavailable):
            each.result(LONG_S)


def test_a_conflict_of_one_is_not_suffered_by_the_others(way: str) -> None:

    class Clashing(Store):
        def append(self, tenant: str, wanted: Wanted, decide: Decision[list[Outcome]], now_ms: int) -> list[Outcome]:
            outcomes = super().append(tenant, wanted, decide, now_ms)
            if "clashing" in [each.answer for each in outcomes]:
                raise Conflicting("taken")
            return outcomes

    store = Clashing()
    futures = gathered(store, [says("a"), says("clashing"), says("b")], way=way)
    store.may_commit.release(9)
    assert [futures[place].result(LONG_S) for place in (0, 1, 3)] == ["first", "a", "b"]
    with pytest.raises(Conflicting):
        futures[2].result(LONG_S)


def test_tenants_do_not_wait_for_each_other() -> None:
    store, other = Store(), Store()
    stores = {"acme": store, "bolt": other}
    coalescer = Coalescer(lambda tenant, wanted, decide, now_ms: stores[tenant].append(tenant, wanted, decide, now_ms))
    with ThreadPoolExecutor(2) as pool:
        slow = pool.submit(coalescer.append, "acme", Wanted(), says("slow"), now_ms=0)
        assert store.under_way.acquire(timeout=LONG_S)
        other.may_commit.release()
        assert pool.submit(coalescer.append, "bolt", Wanted(), says("quick"), now_ms=0).result(LONG_S) == "quick"
        assert not slow.done()
        store.may_commit.release()
        assert slow.result(LONG_S) == "slow"


def test_nothing_is_kept_of_a_tenant_that_is_done() -> None:
    store = Store()
    coalescer = Coalescer(store.append)
    store.may_commit.release()
    assert coalescer.append("acme", Wanted(), says("x"), now_ms=0) == "x"
    assert coalescer._queues == {}


def test_whoever_comes_when_too_many_wait_is_asked_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.coalescing.WAITING_MAX", 2)
    store, told = Store(), list[str]()
    coalescer = Coalescer(store.append)

    def submit(word: str) -> None:
        coalescer.submit("acme", Wanted(), says(word), now_ms=0, done=lambda answer, _: told.append(answer))

    submit("0")
    assert store.under_way.acquire(timeout=LONG_S)
    submit("1")
    submit("2")
    with pytest.raises(LogUnavailable):
        submit("late")
    store.may_commit.release(2)
    while len(told) < 3:
        threading.Event().wait(0.001)
    assert sorted(told) == ["0", "1", "2"], "nobody who waited suffers from it"
