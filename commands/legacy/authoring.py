"""What an import hands in: the events of a history that the log does not hold yet, on the chain of its replica.

The log says which ids it holds under the tenant's lock, and the rest is authored there and then. So an import that was
killed goes on where it stopped, one that is run again adds nothing, and two at once write one chain.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import orjson

from commands.judge import judge_move
from commands.legacy.history import Draft
from sync import push, state_codec
from sync.envelope import Event, Unacceptable, spell
from sync.log import Changes, Known, Wanted
from sync.merge import State
from sync.verdict import Received


class ImportRefused(AssertionError):
    """The log refused an event that the rehearsal had let pass: a bug of the import, and nothing was stored."""


def wanted(drafts: Sequence[Draft], replica: str) -> Wanted:
    """What `hand_in` needs to see."""
    return Wanted(
        replicas=frozenset({replica}),
        ids=[draft.id for draft in drafts],
        entities=list(dict.fromkeys(draft.entity for draft in drafts)),
    )


class HandedIn(NamedTuple):
    """What became of a batch of drafts."""

    added: int
    """How many of them are new events."""
    there: Mapping[int, Draft]
    """Those that were in the log before, by position; what they say now may differ from what they said then."""


def hand_in(
    drafts: Sequence[Draft], known: Known, *, replica: str, actor: str, now_ms: int
) -> tuple[Changes, HandedIn]:
    """What should be stored of these drafts, and what becomes of them."""
    at = {name: each.position for name, each in known.by_id.items() if each.kind == "accepted"}
    there = {at[draft.id]: draft for draft in drafts if draft.id in at}
    batch = _authored([draft for draft in drafts if draft.id not in at], known, replica)
    if not batch:
        return Changes(), HandedIn(0, there)
    changes, answer = push.decide(batch, known, judge=_ImportJudge(), actor=actor, now_ms=now_ms)
    for verdict in answer.verdicts:
        if verdict["verdict"] != "accepted":
            raise ImportRefused(verdict)
    assert answer.batch == "taken", "a chain that is continued under the lock cannot be broken"
    return changes, HandedIn(len(changes.events), there)


def differs(draft: Draft, body: bytes) -> bool:
    """Whether an event of the log says something else than the old database says now."""
    event = orjson.loads(body)
    return bool((event["data"], event["type"]) != (draft.data, draft.type))


def _authored(drafts: Sequence[Draft], known: Known, replica: str) -> list[Received]:
    row = known.replicas[replica]
    prev = row.last_hash
    # What others wrote since is none of the old application's knowledge: its events name only those of their own.
    last = {entity: state_codec.decode(kept.state).clock.get(replica, 0) for entity, kept in known.entities.items()}
    batch: list[Received] = []
    for seq, draft in enumerate(drafts, start=row.last_seq + 1):
        seen = last.get(draft.entity, 0)
        raw = spell(
            id=draft.id,
            replica=replica,
            seq=seq,
            prev=prev,
            entity_type=draft.entity_type,
            entity=draft.entity,
            type=draft.type,
            v=1,
            clock={replica: seen} if seen else {},
            at=draft.at,
            seen=0,
            data=draft.data,
            reason=draft.reason,
        )
        batch.append(push.receive(raw))
        last[draft.entity], prev = seq, batch[-1].hash
    return batch


class _ImportJudge:
    """An import may say everything; what cannot be it may not say either."""

    is_limited = False

    def may_tell(self, event: Event, actor: str) -> None:
        del event, actor

    def follows(self, event: Event, state: State | None) -> Unacceptable | None:
        return judge_move(event, state)
