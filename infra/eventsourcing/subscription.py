"""Following the log: what is there first, then what comes, without a NOTIFY and without a thread."""

import threading
from collections.abc import Iterator, Sequence
from typing import Final

from eventsourcing.persistence import ApplicationRecorder, Notification, Subscription

from infra.eventsourcing.doorbell import Doorbell
from sync.log import TenantId

LOOK_EVERY_S_MAX: Final = 0.25
EVENTS_PER_LOOK_MAX: Final = 500
POSITIONS_PER_LOOK_MAX: Final = 20_000
"""So that one look has an end, however rare the topics are that it looks for."""


class LogSubscription(Subscription[ApplicationRecorder]):
    """Waits for the doorbell of its own process, and for LOOK_EVERY_S_MAX at most, because others ring elsewhere.

    It remembers how far it has looked and not only what it has found, so that a subscription to rare topics does not
    read the same events again at every look.
    """

    def __init__(
        self,
        recorder: ApplicationRecorder,
        *,
        gt: int | None,
        topics: Sequence[str],
        doorbell: Doorbell,
        tenant: TenantId,
    ) -> None:
        super().__init__(recorder=recorder, gt=gt, topics=topics)
        self._looked = gt or 0
        self._found: Iterator[Notification] = iter(())
        self._doorbell, self._tenant = doorbell, tenant
        self._rung = threading.Event()
        doorbell.listen(tenant, self._rung)

    def stop(self) -> None:
        """End the iteration, and wake who waits in it."""
        super().stop()
        self._doorbell.leave(self._tenant, self._rung)
        self._rung.set()

    def __next__(self) -> Notification:
        """The next event, waited for if need be; raises OperationalError when the log cannot be read."""
        while True:
            self._rung.clear()  # before looking, so that a ring in between is not lost
            if self._has_been_stopped:
                raise StopIteration
            notification = next(self._found, None)
            if notification is not None:
                return notification
            if not self._look():
                self._rung.wait(LOOK_EVERY_S_MAX)

    def _look(self) -> bool:
        head = self._recorder.max_notification_id() or 0
        while self._looked < head and not self._has_been_stopped:
            last = min(head, self._looked + POSITIONS_PER_LOOK_MAX)
            found = self._recorder.select_notifications(
                self._looked, EVENTS_PER_LOOK_MAX, last, self._topics, inclusive_of_start=False
            )
            self._looked = found[-1].id if len(found) == EVENTS_PER_LOOK_MAX else last
            if found:
                self._found = iter(found)
                return True
        return False
