"""Small pushes of one tenant that come at the same time share one commit: whoever comes first leads, the rest wait.

Nobody waits for company: a leader takes along what has gathered while the commit before was under way, so a push that
comes alone is not delayed. A leader leads once and hands over, so nobody works for others for ever, and tenants do not
wait for each other.

Whoever submits keeps no thread waiting, and a thread of ours leads: a thread for each of many that wait would spend
most of its time on taking the interpreter from the others.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from infra.failpoints import hit
from sync.log import Conflicting, Decision, Done, LogUnavailable, TenantId, Wanted
from sync.together import Append, Outcome, deciding, wanted_by

EVENTS_TOGETHER_MAX: Final = 500
APPENDS_TOGETHER_MAX: Final = 64
LEADERS_MAX: Final = 16
"""Tenants whose commits are led at the same time by threads of ours; there are about as many connections."""
WAITING_MAX: Final = 5_000
"""Appends of one tenant that wait for a commit; whoever comes then is asked to come again."""

Answer = TypeVar("Answer")
Store = Callable[[TenantId, Wanted, Decision[list[Outcome]], int], list[Outcome]]
"""Appends to the log: (tenant, wanted, decide, now in milliseconds) -> the decision's answer."""


class _Turn:
    """One append on its way."""

    def __init__(self, append: Append, now_ms: int, done: Done | None = None) -> None:
        self.append, self.now_ms, self.done = append, now_ms, done
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

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._queues: dict[TenantId, _Queue] = {}
        self._leaders = ThreadPoolExecutor(LEADERS_MAX, thread_name_prefix="leader")

    def append(self, tenant: TenantId, wanted: Wanted, decide: Decision[Answer], *, now_ms: int) -> Answer:
        """The answer of `decide`, once it is stored; raises what `decide` raised, or what storing raised."""
        turn = _Turn(Append(wanted, decide), now_ms)
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
        """The same for whoever cannot wait: `done` is told the answer or the failure, in a thread of ours."""
        queue, leads = self._join(tenant, _Turn(Append(wanted, decide), now_ms, done))
        if leads:
            self._leaders.submit(self._lead, tenant, queue)

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
            group = _next_group(queue)
        try:
            self._settle(tenant, group)
        finally:
            with self._lock:
                follower = queue.waiting[0] if queue.waiting else None
                if follower is None:
                    del self._queues[tenant]  # nobody can have joined: joining takes the lock
            if follower is not None and follower.done is not None:
                self._leaders.submit(self._lead, tenant, queue)
            for turn in group:
                turn.tell()
            if follower is not None and follower.done is None:
                follower.called.set()

    def _settle(self, tenant: TenantId, group: Sequence[_Turn]) -> None:
        try:
            outcomes = self._stored(tenant, group)
        except Conflicting as conflict:
            if len(group) == 1:
                outcomes = [Outcome(None, conflict)]
            else:
                # One of them names what somebody else has written; the others must not suffer for it.
                for turn in group:
                    self._settle(tenant, [turn])
                return
        except Exception as failure:  # raised again in the thread of each of them
            outcomes = [Outcome(None, failure)] * len(group)
        for turn, outcome in zip(group, outcomes, strict=True):
            turn.outcome = outcome

    def _stored(self, tenant: TenantId, group: Sequence[_Turn]) -> list[Outcome]:
        appends, leads_others = [turn.append for turn in group], len(group) > 1
        if leads_others:
            hit("push.leading")
        outcomes = self._store(tenant, wanted_by(appends), deciding(appends), max(turn.now_ms for turn in group))
        if leads_others:
            hit("push.led")
        return outcomes


def _next_group(queue: _Queue) -> list[_Turn]:
    group: list[_Turn] = []
    events = 0
    while queue.waiting and len(group) < APPENDS_TOGETHER_MAX:
        events += len(queue.waiting[0].append.wanted.ids)
        if group and events > EVENTS_TOGETHER_MAX:
            break
        group.append(queue.waiting.popleft())
    return group
