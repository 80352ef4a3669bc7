"""Small pushes of one tenant that come at the same time share one commit: whoever comes first leads, the rest wait.

Nobody waits for company: a leader takes along what has gathered while the commit before was under way, so a push that
comes alone is not delayed. A leader leads once and hands over, so nobody works for others for ever, and tenants do not
wait for each other.

Whoever submits keeps no thread waiting, and a thread of ours leads: a thread for each of many that wait would spend
most of its time on taking the interpreter from the others.

Everybody is told something, whatever goes wrong, and soon: where the database is away, those who wait are not led to it
one group after the other, each to find that out again.
"""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from infra.cold_file import ColdFileMissing
from infra.failpoints import hit
from infra.settings import POOL_SIZE
from sync.log import Conflicting, Decision, Done, LogUnavailable, TenantId, Wanted
from sync.together import Append, Outcome, deciding, failure_told, wanted_by

EVENTS_TOGETHER_MAX: Final = 500
APPENDS_TOGETHER_MAX: Final = 64
LEADERS_MAX: Final = POOL_SIZE
"""Tenants whose commits are led at the same time by threads of ours: more would only wait for a connection."""
WAITING_MAX: Final = 5_000
"""Appends of one tenant that wait for a commit; whoever comes then is asked to come again."""
WAITING_S_MAX: Final = 10.0
"""Whoever has waited so long for a commit to begin is asked to come again."""

_log = logging.getLogger("cairnfield.coalescing")

Answer = TypeVar("Answer")
Store = Callable[[TenantId, Wanted, Decision[list[Outcome]], int], list[Outcome]]
"""Appends to the log: (tenant, wanted, decide, now in milliseconds) -> the decision's answer."""


class _Turn:
    """One append on its way."""

    def __init__(self, append: Append, now_ms: int, came_s: float, done: Done | None = None) -> None:
        self.append, self.now_ms, self.came_s, self.done = append, now_ms, came_s, done
        self.outcome: Outcome | None = None
        self.called = threading.Event()
        """Set when there is an outcome, or when it is this one's turn to lead; nobody waits where there is `done`."""

    def tell(self) -> None:
        """Let whoever waits go on."""
        if self.done is None:
            self.called.set()
        elif self.outcome is not None:
            self.done(*self.outcome)


class _Queue:
    """Who waits for one tenant's next commit."""

    def __init__(self) -> None:
        self.waiting = deque[_Turn]()
        self.is_led = False


class Coalescer:
    """Appends for many threads, each tenant's in groups."""

    def __init__(self, store: Store, *, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._store, self._monotonic_s = store, monotonic_s
        self._lock = threading.Lock()
        self._queues: dict[TenantId, _Queue] = {}
        self._leaders = ThreadPoolExecutor(LEADERS_MAX, thread_name_prefix="leader")

    def append(self, tenant: TenantId, wanted: Wanted, decide: Decision[Answer], *, now_ms: int) -> Answer:
        """The answer of `decide`, once it is stored; raises what `decide` raised, or what storing raised."""
        turn = _Turn(Append(wanted, decide), now_ms, self._monotonic_s())
        queue, leads = self._join(tenant, turn)
        if not leads:
            turn.called.wait()
        if turn.outcome is None:
            self._lead(tenant, queue)
        assert turn.outcome is not None, "a leader leads its own turn too"
        if turn.outcome.failure is not None:
            raise turn.outcome.failure
        answer: Answer = turn.outcome.answer
        return answer

    def submit(self, tenant: TenantId, wanted: Wanted, decide: Decision[Answer], *, now_ms: int, done: Done) -> None:
        """The same for whoever cannot wait: `done` is told the answer or the failure, in a thread of ours.

        Or at once, where no thread can be had.
        """
        queue, leads = self._join(tenant, _Turn(Append(wanted, decide), now_ms, self._monotonic_s(), done))
        if leads:
            self._let_lead(tenant, queue)

    def _join(self, tenant: TenantId, turn: _Turn) -> tuple[_Queue, bool]:
        """The queue with this one in it, and whether it is the one to lead; raises LogUnavailable."""
        with self._lock:
            queue = self._queues.setdefault(tenant, _Queue())
            if len(queue.waiting) >= WAITING_MAX:
                raise LogUnavailable(f"{WAITING_MAX} others of this tenant wait already")
            queue.waiting.append(turn)
            leads, queue.is_led = not queue.is_led, True
        return queue, leads

    def _lead(self, tenant: TenantId, queue: _Queue) -> None:
        with self._lock:
            late, group = _next_group(queue, came_after_s=self._monotonic_s() - WAITING_S_MAX)
        away: LogUnavailable | None = None
        try:
            away = self._settle(tenant, group) if group else None
        except BaseException as trouble:
            _all_told(group, failure_told(trouble))
            raise
        finally:
            _all_told(late, LogUnavailable(f"waited for more than {WAITING_S_MAX:.0f} s for others to be stored"))
            _tell([*late, *group, *(self._sent_away(queue, away) if away else ())])
            self._hand_over(tenant, queue)

    def _hand_over(self, tenant: TenantId, queue: _Queue) -> None:
        with self._lock:
            follower = queue.waiting[0] if queue.waiting else None
            if follower is None:
                self._forget(tenant, queue)
        if follower is None:
            return
        if follower.done is None:
            follower.called.set()
        else:
            self._let_lead(tenant, queue)

    def _let_lead(self, tenant: TenantId, queue: _Queue) -> None:
        """Have a thread of ours lead; where there is none to be had, whoever waits is asked to come again."""
        try:
            self._leaders.submit(self._lead, tenant, queue)
        except Exception as trouble:
            with self._lock:
                self._forget(tenant, queue)
            told = LogUnavailable(f"no thread could be had that stores: {trouble}")
            told.__cause__ = trouble
            _tell(self._sent_away(queue, told))

    def _forget(self, tenant: TenantId, queue: _Queue) -> None:
        """Let nobody join any more; joining takes the lock, as whoever calls this does. It may be forgotten already: a
        pool keeps what it could start no thread for."""
        if self._queues.get(tenant) is queue:
            del self._queues[tenant]

    def _sent_away(self, queue: _Queue, why: LogUnavailable) -> Sequence[_Turn]:
        """Everybody who waits, with that for an outcome."""
        with self._lock:
            waiting = [*queue.waiting]
            queue.waiting.clear()
        _all_told(waiting, why)
        return waiting

    def _settle(self, tenant: TenantId, group: Sequence[_Turn]) -> LogUnavailable | None:
        """Give each an outcome; what is the matter, where it would be the same for whoever comes next."""
        try:
            outcomes = self._stored(tenant, group)
        except (Conflicting, ColdFileMissing) as of_one:
            if len(group) > 1:
                return self._settle_apart(tenant, group)
            outcomes = [Outcome(None, of_one)]
        except LogUnavailable as away:
            _all_told(group, away)
            return away
        except Exception as failure:  # raised again in the thread of each of them
            outcomes = [Outcome(None, failure)] * len(group)
        for turn, outcome in zip(group, outcomes, strict=True):
            turn.outcome = outcome
        return None

    def _settle_apart(self, tenant: TenantId, group: Sequence[_Turn]) -> LogUnavailable | None:
        """One by one: one of them names what somebody else has written, or what cannot be read any more, and the others
        must not suffer for it."""
        for turn in group:
            if away := self._settle(tenant, [turn]):
                _all_told(group, away)
                return away
        return None

    def _stored(self, tenant: TenantId, group: Sequence[_Turn]) -> list[Outcome]:
        appends, leads_others = [turn.append for turn in group], len(group) > 1
        if leads_others:
            hit("push.leading")
        outcomes = self._store(tenant, wanted_by(appends), deciding(appends), max(turn.now_ms for turn in group))
        if leads_others:
            hit("push.led")
        return outcomes


def _next_group(queue: _Queue, *, came_after_s: float) -> tuple[list[_Turn], list[_Turn]]:
    """Those in front who have waited too long, and those whose turn it is."""
    late: list[_Turn] = []
    while queue.waiting and queue.waiting[0].came_s < came_after_s:
        late.append(queue.waiting.popleft())
    group: list[_Turn] = []
    events = 0
    while queue.waiting and len(group) < APPENDS_TOGETHER_MAX:
        events += len(queue.waiting[0].append.wanted.ids)
        if group and events > EVENTS_TOGETHER_MAX:
            break
        group.append(queue.waiting.popleft())
    return late, group


def _all_told(turns: Sequence[_Turn], failure: Exception) -> None:
    """That for an outcome of those who have none yet."""
    for turn in turns:
        if turn.outcome is None:
            turn.outcome = Outcome(None, failure)


def _tell(turns: Sequence[_Turn]) -> None:
    for turn in turns:
        try:
            turn.tell()
        except BaseException:  # it promised to raise nothing; the others have to be told all the same
            _log.exception("what was stored, or was not, could not be told to whoever asked for it")
