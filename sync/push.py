"""Taking in a replica's batch: which events are known, which follow, which wait, and which a person must see.

Pure: `receive` reads the lines of a body, `decide` is told what the log knows and returns what should be stored and
one verdict per event. Every event that arrives uses up its seq, so no event can block those after it.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sync.desk import Desk, Judge, home_of
from sync.envelope import Event, Unacceptable, link_of, parse
from sync.log import Changes, Known, Wanted, WantedGrants
from sync.rows import ReplicaRow
from sync.verdict import Received, Verdict, verdict_again


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a push is answered. `batch` is `taken`, `gap` (with `expected`) or `forked` (with `seq` and `hash`)."""

    batch: str
    verdicts: Sequence[Verdict]
    head: int
    epoch: str
    durable: int
    expected: int | None = None
    seq: int | None = None
    hash: str | None = None


def receive(raw: bytes) -> Received:
    """One event's bytes, read as far as they can be; raises envelope.Unreadable."""
    digest = hashlib.sha256(raw).hexdigest()
    try:
        event = parse(raw)
    except Unacceptable as fault:
        return Received(link_of(raw), raw, digest, None, fault)
    return Received(event, raw, digest, event, None)


def wanted(batch: Sequence[Received], *, limited_to: str | None = None) -> Wanted:
    """What `decide` needs to see for this batch; `limited_to` is whoever hands it in, where grants limit them."""
    replica = batch[0].link.replica
    clocks = {name for each in batch if each.event for name in each.event.clock}
    entities = list({each.link.entity for each in batch if each.link.entity})
    return Wanted(
        replicas=frozenset({replica, *clocks}),
        ids=[each.link.id for each in batch if each.link.id],
        entities=entities,
        spans=[(replica, batch[0].link.seq, batch[0].link.seq + len(batch) - 1)],  # a batch without gaps has no others
        grants=[WantedGrants(limited_to, entities, _new_homes(batch))] if limited_to else (),
    )


def _new_homes(batch: Sequence[Received]) -> list[str]:
    """The scopes in which a batch creates something; where its other entities live, the log knows."""
    return sorted({home_of(each.event) for each in batch if each.event and each.event.fact.creates})


def decide(batch: Sequence[Received], known: Known, *, judge: Judge, actor: str, now_ms: int) -> tuple[Changes, Answer]:
    """What should be stored of a batch of one replica, and what its author is told."""
    stop = _broken_chain(batch, known)
    if stop is not None:
        return Changes(), stop
    desk = Desk(known, judge, actor, now_ms)
    verdicts: list[Verdict] = []
    fresh = known.replicas[batch[0].link.replica].last_seq + 1
    at = 0
    while at < len(batch):
        group = _group_at(batch, at)
        at += len(group)
        handed_in_before = max(0, min(len(group), fresh - group[0].link.seq))
        verdicts += [_again(each, known) for each in group[:handed_in_before]]
        if handed_in_before < len(group):
            verdicts += desk.take(group[handed_in_before:])
    return desk.changes(batch[-1]), Answer(
        batch="taken",
        verdicts=verdicts,
        head=known.position + len(desk.events),
        epoch=known.epoch,
        durable=known.durable,
    )


def grown(answer: Answer, head: int) -> Answer:
    """The answer when more was stored with its events than they themselves."""
    return answer if answer.head == head else replace(answer, head=head)


def moved(answer: Answer, by: int) -> Answer:
    """The answer when others' events came in between: the same verdicts, `by` positions later."""
    before = answer.head - sum(verdict["verdict"] == "accepted" for verdict in answer.verdicts)
    for verdict in answer.verdicts:
        if verdict.get("position", 0) > before:
            verdict["position"] += by
    return replace(answer, head=answer.head + by)


def _broken_chain(batch: Sequence[Received], known: Known) -> Answer | None:
    """The answer to a batch that does not continue its replica's log, or None where it does."""
    row = known.replicas[batch[0].link.replica]
    first = batch[0].link.seq
    if first > row.last_seq + 1:
        return _gap(row.last_seq + 1, known)
    previous: tuple[int, str | None] = (first - 1, batch[0].link.prev)
    for each in batch:
        link = each.link
        if link.seq != previous[0] + 1:
            return _gap(previous[0] + 1, known)
        ours = _hash_at(link.seq, row, known)
        is_other = link.seq <= row.last_seq and each.hash != ours and (ours is not None or link.id not in known.by_id)
        is_unchained = link.prev != previous[1]
        follows_other = link.seq == row.last_seq + 1 and link.prev != row.last_hash
        if is_other or is_unchained or follows_other:
            ours = ours if is_other else row.last_hash
            return _stopped("forked", known, seq=link.seq, hash=ours)
        previous = (link.seq, each.hash)
    return None


def _hash_at(seq: int, row: ReplicaRow, known: Known) -> str | None:
    """The hash of what was handed in under that seq; None where a duplicate of another replica's event used it up."""
    if seq == row.last_seq:
        return row.last_hash
    before = known.by_dot.get((row.replica, seq))
    return before.hash if before else None


def _gap(expected: int, known: Known) -> Answer:
    return _stopped("gap", known, expected=expected)


def _stopped(batch: str, known: Known, **told: Any) -> Answer:
    return Answer(batch=batch, verdicts=(), head=known.position, epoch=known.epoch, durable=known.durable, **told)


def _group_at(batch: Sequence[Received], at: int) -> Sequence[Received]:
    """The event there, or the events of one `tx` that stand together from there on."""
    first = batch[at].event
    if first is None or first.tx is None:
        return (batch[at],)
    end = at + 1
    while end < len(batch) and _is_same_tx(first, batch[end].event):
        end += 1
    return batch[at:end]


def _is_same_tx(one: Event, other: Event | None) -> bool:
    return bool(one.tx and other and other.tx and one.tx["id"] == other.tx["id"])


def _again(each: Received, known: Known) -> Verdict:
    """The verdict on an event that was handed in before: the same one as then."""
    link = each.link
    settled = known.by_dot.get((link.replica, link.seq)) or (known.by_id.get(link.id) if link.id else None)
    assert settled is not None, "a seq that is used up has left something behind"
    return verdict_again(each, settled)
