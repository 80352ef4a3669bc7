"""Pushes that come while a commit is under way share the next one, and none waits for, or suffers from, another."""

import itertools
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from infra.coalescing import APPENDS_TOGETHER_MAX, EVENTS_TOGETHER_MAX, WAITING_S_MAX, Coalescer, _Queue
from infra.cold_file import ColdFileMissing
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


class Panic(BaseException):
    """What a library in another language ends with: no Exception."""


@pytest.fixture
def leaders(monkeypatch: pytest.MonkeyPatch) -> Callable[[Coalescer, int], None]:
    """Lets no thread lead any more, once so many have begun to."""

    def end(coalescer: Coalescer, after: int) -> None:
        submit, begun = coalescer._leaders.submit, itertools.count()

        def submit_or_not(*what: Any) -> Any:
            if next(begun) >= after:
                raise RuntimeError("can't start new thread")
            return submit(*what)

        monkeypatch.setattr(coalescer._leaders, "submit", submit_or_not)

    return end


def submitted(
    coalescer: Coalescer, decide: Callable[[Known], tuple[Changes, str]], tenant: str = "acme"
) -> Future[str]:
    told: Future[str] = Future()
    coalescer.submit(
        "acme",
        Wanted(),
        decide,
        now_ms=0,
        done=lambda answer, failure: told.set_exception(failure) if failure else told.set_result(answer),
    )
    return told


def test_what_is_stored_is_told_and_who_waits_is_too_where_no_thread_can_be_had(
    leaders: Callable[[Coalescer, int], None],
) -> None:
    store = Store()
    coalescer = Coalescer(store.append)
    leaders(coalescer, 1)
    first = submitted(coalescer, says("first"))
    assert store.under_way.acquire(timeout=LONG_S)
    waiting = [submitted(coalescer, says("x")) for _ in range(3)]
    store.may_commit.release()
    assert first.result(LONG_S) == "first"
    for each in waiting:
        with pytest.raises(LogUnavailable, match="can't start new thread"):
            each.result(LONG_S)
    with pytest.raises(LogUnavailable, match="can't start new thread"):
        submitted(coalescer, says("x")).result(LONG_S)
    assert coalescer._queues == {}, "whoever comes next leads"
    store.may_commit.release()
    assert coalescer.append("acme", Wanted(), says("later"), now_ms=0) == "later"


def test_a_thread_that_comes_late_to_a_queue_that_was_given_up_is_not_in_the_way_of_the_next() -> None:
    store = Store()
    coalescer = Coalescer(store.append)
    first = submitted(coalescer, says("first"))
    assert store.under_way.acquire(timeout=LONG_S)
    coalescer._lead("acme", _Queue())
    assert "acme" in coalescer._queues
    second = submitted(coalescer, says("second"))
    store.may_commit.release(2)
    assert [first.result(LONG_S), second.result(LONG_S)] == ["first", "second"]
    assert store.groups == [1, 1]


def test_one_who_cannot_be_told_is_in_nobodys_way(caplog: pytest.LogCaptureFixture) -> None:
    def done(*_: object) -> None:
        raise ZeroDivisionError

    store = Store()
    coalescer = Coalescer(store.append)
    first = submitted(coalescer, says("first"))
    assert store.under_way.acquire(timeout=LONG_S)
    coalescer.submit("acme", Wanted(), says("a"), now_ms=0, done=done)
    behind = submitted(coalescer, says("b"))
    store.may_commit.release(9)
    assert [first.result(LONG_S), behind.result(LONG_S)] == ["first", "b"]
    assert submitted(coalescer, says("next")).result(LONG_S) == "next"
    assert "could not be told" in caplog.text


def test_a_panic_of_one_decision_is_not_suffered_by_the_others(way: str) -> None:
    def panic(_: Known) -> tuple[Changes, str]:
        raise Panic("index out of bounds")

    store = Store()
    futures = gathered(store, [says("a"), panic, says("b")], way=way)
    store.may_commit.release(9)
    assert [futures[place].result(LONG_S) for place in (0, 1, 3)] == ["first", "a", "b"]
    with pytest.raises(LogUnavailable, match="Panic: index out of bounds"):
        futures[2].result(LONG_S)


def test_a_panic_of_the_store_is_told_to_all_and_the_next_goes_on() -> None:
    def panic(size: int) -> None:
        if size == 3:
            raise Panic("index out of bounds")

    store = Store()
    store.trouble = panic
    coalescer = Coalescer(store.append)
    first = submitted(coalescer, says("first"))
    assert store.under_way.acquire(timeout=LONG_S)
    futures = [submitted(coalescer, says("a")) for _ in range(3)]
    store.may_commit.release(9)
    assert first.result(LONG_S) == "first"
    for each in futures:
        with pytest.raises(LogUnavailable, match="Panic: index out of bounds"):
            each.result(LONG_S)
    assert submitted(coalescer, says("next")).result(LONG_S) == "next"


class Failing(Store):
    """A log in which what answers with one of these words fails so, and whatever shares its commit."""

    def __init__(self, **failures: Exception) -> None:
        super().__init__()
        self.failures, self.tried = failures, list[list[str]]()

    def append(self, tenant: str, wanted: Wanted, decide: Decision[list[Outcome]], now_ms: int) -> list[Outcome]:
        outcomes = super().append(tenant, wanted, decide, now_ms)
        self.tried.append([each.answer for each in outcomes])
        for word, failure in self.failures.items():
            if word in self.tried[-1]:
                raise failure
        return outcomes


def test_a_file_that_one_of_them_cannot_read_is_not_missed_by_the_others(way: str) -> None:
    store = Failing(old=ColdFileMissing("bring it back"))
    futures = gathered(store, [says("a"), says("old"), says("b")], way=way)
    store.may_commit.release(9)
    assert [futures[place].result(LONG_S) for place in (0, 1, 3)] == ["first", "a", "b"]
    with pytest.raises(ColdFileMissing):
        futures[2].result(LONG_S)


def test_who_is_stored_one_by_one_is_not_led_to_a_database_that_is_away(way: str) -> None:
    store = Failing(clashing=Conflicting("taken"), unlucky=LogUnavailable("gone"))
    futures = gathered(store, [says("clashing"), says("unlucky"), says("a"), says("b")], way=way)
    store.may_commit.release(9)
    assert futures[0].result(LONG_S) == "first"
    with pytest.raises(Conflicting):
        futures[1].result(LONG_S)
    for each in futures[2:]:
        with pytest.raises(LogUnavailable, match="gone"):
            each.result(LONG_S)
    assert store.tried == [["first"], ["clashing", "unlucky", "a", "b"], ["clashing"], ["unlucky"]]


def test_when_the_database_is_away_all_who_wait_are_told_at_once(way: str) -> None:
    store = Failing(first=LogUnavailable("gone"))
    futures = gathered(store, [says("x")] * (APPENDS_TOGETHER_MAX + 9), way=way)
    store.may_commit.release(9)
    for each in futures:
        with pytest.raises(LogUnavailable, match="gone"):
            each.result(LONG_S)
    assert store.tried == [["first"]]


def test_whoever_has_waited_too_long_is_asked_to_come_again() -> None:
    store, clock_s = Store(), 0.0
    coalescer = Coalescer(store.append, monotonic_s=lambda: clock_s)
    first = submitted(coalescer, says("first"))
    assert store.under_way.acquire(timeout=LONG_S)
    early = [submitted(coalescer, says("early")) for _ in range(2)]
    clock_s = WAITING_S_MAX
    in_time = submitted(coalescer, says("in time"))
    clock_s += 1
    store.may_commit.release(9)
    assert [first.result(LONG_S), in_time.result(LONG_S)] == ["first", "in time"]
    for each in early:
        with pytest.raises(LogUnavailable, match="waited for more than 10 s"):
            each.result(LONG_S)
    assert store.groups == [1, 1]
