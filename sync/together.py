"""Several small appends of one tenant as one: each is decided on top of what those before it decided, and one commit
stores them all. What each author is answered is what it would have been answered alone, one after the other."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any, NamedTuple

from sync.grants import granted_after, leading_on
from sync.log import Changes, Conflicting, Decision, Known, LogUnavailable, Wanted
from sync.retelling import settled_as_accepted, settled_as_aside, settled_as_held, settles_its_id
from sync.rows import LaterRow


class Append(NamedTuple):
    """What one of them wants to see, and how it decides."""

    wanted: Wanted
    decide: Decision[Any]


class Outcome(NamedTuple):
    """What one of them is answered, or why it stored nothing: the exception that its decision raised."""

    answer: Any
    failure: Exception | None = None


def wanted_by(appends: Sequence[Append]) -> Wanted:
    """Everything that any of them wants to see."""
    wanted = [each.wanted for each in appends]
    return Wanted(
        replicas=frozenset[str]().union(*(each.replicas for each in wanted)),
        ids=[*chain.from_iterable(each.ids for each in wanted)],
        entities=[*dict.fromkeys(chain.from_iterable(each.entities for each in wanted))],
        spans=[*chain.from_iterable(each.spans for each in wanted)],
        grants=[*chain.from_iterable(each.grants for each in wanted)],
        answers=[*chain.from_iterable(each.answers for each in wanted)],
    )


def deciding(appends: Sequence[Append]) -> Decision[list[Outcome]]:
    """One decision that makes theirs in turn; one that raises stores nothing and is in nobody's way.

    Raises Conflicting where one lets somebody in whose own append comes behind it: the log was not asked what that
    leads to, so they cannot share a commit.
    """

    def decide(known: Known) -> tuple[Changes, list[Outcome]]:
        changes: list[Changes] = []
        outcomes: list[Outcome] = []
        let_in = set[str]()
        for append in appends:
            if let_in.intersection(each.person for each in append.wanted.grants):
                raise Conflicting("somebody who hands in here was let in by what came before, in the same commit")
            try:
                wants, answer = append.decide(known)
            except (KeyboardInterrupt, SystemExit):
                raise
            except BaseException as failure:  # answered to whoever asked, not swallowed
                outcomes.append(Outcome(None, failure_told(failure)))
                continue
            known = after(known, wants)
            let_in.update(row.person for row in wants.granted)
            changes.append(wants)
            outcomes.append(Outcome(answer))
        return one_after_another(changes), outcomes

    return decide


def failure_told(failure: BaseException) -> Exception:
    """What others are told of it: what is no Exception, a panic in a library say, would end whichever thread it is
    raised in."""
    if isinstance(failure, Exception):
        return failure
    told = LogUnavailable(f"{type(failure).__name__}: {failure}")
    told.__cause__ = failure
    return told


def after(known: Known, changes: Changes) -> Known:
    """What the log would show once these changes are stored; more than was wanted, never less."""
    accepted = [*map(settled_as_accepted, changes.events)]
    waiting = [*map(settled_as_held, changes.held)]
    aside = [*map(settled_as_aside, changes.quarantined)]
    released = set(changes.released)
    gone = {row.id for row in known.held if (row.replica, row.seq) in released}
    by_id = {name: each for name, each in known.by_id.items() if each.kind != "held" or name not in gone}
    by_dot = {dot: each for dot, each in known.by_dot.items() if each.kind != "held" or dot not in released}
    leads_to = leading_on(known.leads_to, changes.links) if changes.links else known.leads_to
    return replace(
        known,
        position=known.position + len(changes.events),
        replicas={**known.replicas, **{row.replica: row for row in changes.replicas}},
        by_id={**by_id, **{each.id: each for each in (*filter(settles_its_id, aside), *accepted, *waiting) if each.id}},
        by_dot={**by_dot, **{(each.replica, each.seq): each for each in (*accepted, *waiting, *aside)}},
        entities={**known.entities, **{row.entity: row for row in changes.entities}},
        held=sorted([*(row for row in known.held if (row.replica, row.seq) not in released), *changes.held]),
        grants=granted_after(known.grants, changes.granted, leads_to) if changes.granted else known.grants,
        leads_to=leads_to,
        answered={**known.answered, **{(row.person, row.key): row for row in changes.answered}},
    )


def one_after_another(changes: Sequence[Changes]) -> Changes:
    """Several changes as one, each decided on top of those before it."""
    held = {(row.replica, row.seq): row for each in changes for row in each.held}
    released = [dot for each in changes for dot in each.released]
    return Changes(
        events=[*chain.from_iterable(each.events for each in changes)],
        entities=_last(changes, lambda each: each.entities, lambda row: row.entity),
        replicas=_last(changes, lambda each: each.replicas, lambda row: row.replica),
        held=[row for dot, row in held.items() if dot not in set(released)],
        released=[dot for dot in released if dot not in held],
        quarantined=[*chain.from_iterable(each.quarantined for each in changes)],
        tracked=_last(changes, lambda each: each.tracked, lambda row: row.follower),
        granted=[*chain.from_iterable(each.granted for each in changes)],
        ended=[*chain.from_iterable(each.ended for each in changes)],
        links=[*chain.from_iterable(each.links for each in changes)],
        later=[*chain.from_iterable(each.later for each in changes)],
        cases=_last(changes, lambda each: each.cases, lambda row: (row.replica, row.seq)),
        answered=[*chain.from_iterable(each.answered for each in changes)],
    )


def grants_moved(changes: Changes, by: int) -> Changes:
    """The same changes when others' events came in between: whatever names a position names it that much later."""
    if not by or not (changes.granted or changes.ended or changes.links or changes.later):
        return changes
    return replace(
        changes,
        granted=[row._replace(position=row.position + by) for row in changes.granted],
        ended=[row._replace(position=row.position + by) for row in changes.ended],
        links=[row._replace(position=row.position + by) for row in changes.links],
        later=[_later_moved(row, by) for row in changes.later],
    )


def _later_moved(row: LaterRow, by: int) -> LaterRow:
    told = row.verdict
    verdict = {**told, "position": told["position"] + by} if "position" in told else told
    return row._replace(position=row.position + by, verdict=verdict)


def _last(
    changes: Sequence[Changes], rows: Callable[[Changes], Sequence[Any]], key: Callable[[Any], object]
) -> list[Any]:
    return [*{key(row): row for each in changes for row in rows(each)}.values()]
