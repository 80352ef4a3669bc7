"""Three lanes for what a device hands in: now, late, or after it was revoked.

Whoever is signed in pushes. A registered device whose session is over may still hand in, write-only: what it says is
set aside at once, and taken in when the same person signs in there again or somebody in the office lets it. Of a
device that was lost, or whose owner has left, a person decides event by event; from one that was copied nothing
is taken. What decides is what the server knows, never what the device's clock says.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from commands.sessions import DAY_MS
from sync.envelope import Event, Unacceptable
from sync.log import Changes
from sync.merge import State
from sync.push import Answer
from sync.rows import QuarantinedRow
from sync.verdict import Verdict

LATE: Final = "handed_in_late"
REVOKED: Final = "device_revoked"
REVOKED_HAND_IN_MS_MAX: Final = 14 * DAY_MS
LATE_EVENTS_MAX: Final = 5_000
LATE_BYTES_MAX: Final = 10 * 1024 * 1024

DeviceState = Literal["active", "lost", "compromised"]
Lane = Literal["late", "revoked", "closed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceRow:
    """A registered device. Times are milliseconds since 1970."""

    device: str
    person: str
    name: str
    platform: str | None
    thumbprint: str
    state: DeviceState
    registered_at_ms: int
    seen_at_ms: int
    revoked_at_ms: int | None
    """When it was reported lost or compromised, or its owner left."""
    late_events: int
    late_bytes: int
    replicas: Sequence[str] = ()


def lane_of(device: DeviceRow, *, now_ms: int) -> Lane:
    """Which lane is open to a device without a session."""
    if device.state == "compromised":
        return "closed"
    if device.revoked_at_ms is None:
        return "late"
    return "revoked" if now_ms - device.revoked_at_ms < REVOKED_HAND_IN_MS_MAX else "closed"


def has_room(device: DeviceRow, *, events: int, size: int) -> bool:
    """Whether so much more may be handed in late; it is counted for ever, so that nobody fills the store."""
    return device.late_events + events <= LATE_EVENTS_MAX and device.late_bytes + size <= LATE_BYTES_MAX


@dataclass(frozen=True, slots=True)
class LaneJudge:
    """Sets aside whatever is handed in late, whoever's role would allow it."""

    code: str
    is_limited: bool = False

    def may_tell(self, event: Event, actor: str) -> Unacceptable | None:
        """Refuse everything, so that it waits for a person or a sign-in."""
        del event, actor
        return Unacceptable(self.code, _WHY[self.code])

    def follows(self, event: Event, state: State | None) -> Unacceptable | None:
        """Never asked: nothing comes so far."""
        del event, state
        return None


_WHY: Final = {
    LATE: "handed in without a session; it is taken in when its author signs in on that device",
    REVOKED: "handed in from a device that was revoked; somebody must decide about it",
}


def judge_of(lane: Lane) -> LaneJudge:
    """The judge of a lane that is open."""
    assert lane != "closed"
    return LaneJudge(LATE if lane == "late" else REVOKED)


def set_aside_alike(changes: Changes, answer: Answer, judge: LaneJudge) -> tuple[Changes, Answer]:
    """The same, with events that stand or fall together set aside for the lane's reason: only that broke them."""
    rows = [_alike(row, judge) for row in changes.quarantined]
    told = [_told_alike(verdict, judge) for verdict in answer.verdicts]
    return replace(changes, quarantined=rows), replace(answer, verdicts=told)


def _alike(row: QuarantinedRow, judge: LaneJudge) -> QuarantinedRow:
    if row.code not in (judge.code, "tx_broken"):
        return row
    return row._replace(code=judge.code, detail=_WHY[judge.code], retryable=judge.code == LATE)


def _told_alike(verdict: Verdict, judge: LaneJudge) -> Verdict:
    if verdict.get("code") not in (judge.code, "tx_broken"):
        return verdict
    return {**verdict, "code": judge.code, "text": _WHY[judge.code], "retryable": judge.code == LATE}
