"""Storing authored events through the library: judged, merged and numbered exactly as a device's are.

The difference is what is promised. A device hands in and is told what became of it; here an application says what its
events will be, version and all, and the log keeps that promise or stores nothing.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from eventsourcing.persistence import ProgrammingError

from commands.authority import Principal
from commands.judge import judge_for
from infra.eventsourcing.mapper import AuthoredStored
from sync import push
from sync.envelope import Unacceptable
from sync.log import Changes, Conflicting, Known, Wanted
from sync.rows import TrackedRow
from sync.verdict import Received, Verdict


def decision_on_authored(
    stored: Sequence[AuthoredStored], tracked: Sequence[TrackedRow], speaking: Principal, now_ms: int
) -> tuple[Wanted, Callable[[Known], tuple[Changes, list[int] | None]]]:
    """What to ask the log for, and the decision to store these events of one replica.

    It answers their positions, or None where their replica was never minted. It raises Conflicting when an event does
    not continue its replica or becomes another version than was promised, and Unacceptable when it may not be said.
    """
    batch = [push.receive(each.state) for each in stored]
    replica = batch[0].link.replica
    if any(each.link.replica != replica for each in batch):
        raise ProgrammingError("events of several replicas are stored by separate calls")
    for each in batch:
        if each.fault is not None:
            raise each.fault

    judge = judge_for(speaking.role)

    def decide(known: Known) -> tuple[Changes, list[int] | None]:
        if replica not in known.replicas:
            return Changes(), None
        changes, answer = push.decide(batch, known, judge=judge, actor=speaking.person, now_ms=now_ms)
        if answer.batch != "taken":
            raise Conflicting(f"somebody else has written for {replica} meanwhile ({answer.batch})")
        for verdict in answer.verdicts:
            _check(verdict)
        return replace(changes, tracked=tracked), _positions(batch, stored, changes)

    return push.wanted(batch, limited_to=speaking.person if judge.is_limited else None), decide


def _check(verdict: Verdict) -> None:
    match verdict["verdict"]:
        case "accepted":
            pass
        case "quarantined":
            raise Unacceptable(verdict["code"], verdict["text"])
        case other:
            raise Conflicting(f"event {verdict['id']} is {other}")


def _positions(batch: Sequence[Received], stored: Sequence[AuthoredStored], changes: Changes) -> list[int]:
    # An accepted event may let in others that waited for it; those are in the changes too.
    rows = {(row.replica, row.seq): row for row in changes.events}
    positions: list[int] = []
    for each, promised in zip(batch, stored, strict=True):
        row = rows[each.link.replica, each.link.seq]
        if row.version != promised.originator_version:
            raise Conflicting(f"{row.entity} is at version {row.version} by now, not {promised.originator_version}")
        positions.append(row.position)
    return positions
