"""What is handed in, and what its author is told of it."""

from typing import Any, Final, NamedTuple

from sync.envelope import Event, Link, Unacceptable
from sync.rows import Settled

FROM_THE_FUTURE: Final = frozenset({"unknown_event", "unknown_version"})
"""What is wrong with an event that a newer client wrote: a server that is as new can read it."""


class Received(NamedTuple):
    """One line of a body: an event, or what is wrong with it."""

    link: Event | Link
    """Its replica, seq, prev, id and entity, as far as they can be read."""
    raw: bytes
    hash: str
    event: Event | None
    fault: Unacceptable | None


Verdict = dict[str, Any]
"""What became of one event, as it is sent: {"seq", "id", "verdict": ..., and what belongs to that verdict}."""


def verdict_again(each: Received, settled: Settled) -> Verdict:
    match settled.kind:
        case "accepted":
            return verdict_of(each.link, "duplicate", position=settled.position)
        case "held":
            # What this server cannot read waits for one that can, and for nothing else; it is told why each time.
            why = {} if each.fault is None else {"code": each.fault.code, "text": each.fault.detail}
            return verdict_of(each.link, "held", missing=[list(dot) for dot in settled.missing], **why)
        case _ if settled.decided is not None:
            return {**settled.decided, "seq": each.link.seq, "id": each.link.id}
        case _:
            case = case_of(settled.replica, settled.seq)
            told = {"code": settled.code, "text": settled.detail, "retryable": settled.retryable}
            return verdict_of(each.link, "quarantined", case=case, **told)


def case_of(replica: str, seq: int) -> str:
    """The name under which people speak of a quarantined event."""
    return f"{replica}-{seq}"


def verdict_of(link: Event | Link, verdict: str, **rest: Any) -> Verdict:
    return {"seq": link.seq, "id": link.id, "verdict": verdict, **rest}
