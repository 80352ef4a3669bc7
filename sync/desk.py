"""A batch being worked through: each event accepted, held or set aside, on top of what the log knows."""

from collections.abc import Sequence
from typing import Any, Final, Protocol

from domain.catalogue import ENTITIES
from sync import hybrid_clock, merge, shown, state_codec
from sync.envelope import Event, Link, Unacceptable, parse
from sync.grants import (
    Granted,
    access_changed,
    granted_after,
    is_given_to_creator,
    is_in_scope,
    leading_on,
    may_change_access,
)
from sync.limits import HELD_PER_ENTITY_MAX
from sync.log import Changes, Known
from sync.merge import State
from sync.retelling import (
    says_the_same,
    settled_as_accepted,
    settled_as_aside,
    settled_as_held,
    settles_its_id,
    stands_in,
)
from sync.rows import (
    EndedRow,
    EntityRow,
    EventRow,
    GrantRow,
    HeldRow,
    LaterRow,
    QuarantinedRow,
    ReplicaRow,
    ScopeLinkRow,
    Settled,
)
from sync.vector_clock import covers
from sync.verdict import FROM_THE_FUTURE, Received, Verdict, case_of, verdict_again, verdict_of

_RETRYABLE = frozenset({"unknown_event", "unknown_version", "unknown_entity", "too_many_held", "out_of_scope"})
SAYS_OTHERWISE: Final = Unacceptable("id_taken", "/id: another event of that id is known, and says something else")


def home_of(event: Event) -> str:
    """The home scope of the entity that an event creates."""
    return ENTITIES[event.entity_type].scope_of(event.entity, event.data)


class Judge(Protocol):
    """Who decides whether an event may be said; None means that it may. Implemented by `commands.judge.RoleJudge`."""

    @property
    def is_limited(self) -> bool:
        """Whether who hands it in writes only in the scopes that they are let into."""
        ...

    def may_tell(self, event: Event, actor: str) -> Unacceptable | None:
        """Whether whoever hands it in may say this at all; asked once, on arrival, also of what must wait then."""
        ...

    def follows(self, event: Event, state: State | None) -> Unacceptable | None:
        """Whether it follows what its author knew; asked when its turn has come, whoever brought that about."""
        ...


class Desk:
    """The batch being worked through: what has been decided so far, on top of what the log knows."""

    def __init__(self, known: Known, judge: Judge, actor: str, now_ms: int) -> None:
        self.known, self.judge, self.actor, self.now_ms = known, judge, actor, now_ms
        self.is_limited = judge.is_limited
        self.arrival = hybrid_clock.latest_at(now_ms)
        self.last_seq = {replica: row.last_seq for replica, row in known.replicas.items()}
        self.states: dict[str, tuple[State, str]] = {}
        self.events: list[EventRow] = []
        self.touched: dict[str, None] = {}
        self.held: dict[tuple[str, int], HeldRow] = {(row.replica, row.seq): row for row in known.held}
        # A batch is of one replica, so what it brings can only let go what was held before it.
        self.awaited = frozenset(dot for row in known.held for dot in row.missing)
        self.newly_held: dict[tuple[str, int], HeldRow] = {}
        self.stand_ins: dict[tuple[str, int], tuple[tuple[str, int], ...]] = {}
        """The other numbers under which an event that waits was told, by its first one."""
        for dot, row in self.held.items():
            self._note_stand_in(dot, row)
        self.released: list[tuple[str, int]] = []
        self.quarantined: list[QuarantinedRow] = []
        self.granted: list[GrantRow] = []
        self.ended: list[EndedRow] = []
        self.links: list[ScopeLinkRow] = []
        self.later: list[LaterRow] = []
        self.grants: Granted = known.grants
        self.leads_to = known.leads_to
        self.ids: dict[str, Settled] = dict(known.by_id)
        self.accepted: dict[str, int] = {}

    def take(self, group: Sequence[Received]) -> list[Verdict]:
        """Settle one event, or the events of one tx together."""
        tx = group[0].event.tx if group[0].event else None
        if tx is None:
            verdicts = [self._settle(each) for each in group]
            self._release_after(group)
            return verdicts
        if [each.event.tx for each in group if each.event and each.event.tx] != [
            {"id": tx["id"], "i": i, "n": len(group)} for i in range(1, tx["n"] + 1)
        ]:
            why = Unacceptable("tx_incomplete", f"/tx: {tx['n']} events stand together, {len(group)} came")
            return self._quarantine_together(group, why)
        before = self._saved()
        verdicts = [self._settle(each) for each in group]
        refused = next((each for each in verdicts if each["verdict"] not in ("accepted", "duplicate")), None)
        if refused is None:
            self._release_after(group)  # not before: whatever is let go would come to stand amid the group
            return verdicts
        self._restore(before)
        why = Unacceptable("tx_broken", f"/tx: event {refused['seq']} of it was {refused['verdict']}")
        return self._quarantine_together(group, why)

    def _quarantine_together(self, group: Sequence[Received], why: Unacceptable) -> list[Verdict]:
        verdicts = [self._quarantine_unless_known(each, why) for each in group]
        self._release_after(group)
        return verdicts

    def _quarantine_unless_known(self, each: Received, why: Unacceptable) -> Verdict:
        twin = self._twin(each.link.id)
        if twin is None:
            return self._quarantine(each, why)
        self.last_seq[each.link.replica] = each.link.seq
        return self._retold(each, twin)

    def _saved(self) -> dict[str, Any]:
        return {name: value.copy() for name, value in vars(self).items() if isinstance(value, dict | list)}

    def _restore(self, saved: dict[str, Any]) -> None:
        for name, value in saved.items():
            setattr(self, name, value)

    def _settle(self, each: Received) -> Verdict:
        link, event = each.link, each.event
        self.last_seq[link.replica] = link.seq
        twin = self._twin(link.id)
        if twin is not None:
            return self._retold(each, twin)
        if event is None:
            assert each.fault is not None
            return self._unread(each, each.fault)
        fault = self.judge.may_tell(event, self.actor) or self._out_of_scope(event)
        if fault is not None:
            return self._quarantine(each, fault)
        missing = self._missing(event)
        if missing:
            return self._hold(each, event.id, event.entity, missing)
        fault = self._fault(event)
        if fault is not None:
            return self._quarantine(each, fault)
        return self._accept(event, self.actor)

    def _unread(self, each: Received, fault: Unacceptable) -> Verdict:
        """What a newer client says waits until this server is as new; what nobody can read is set aside."""
        link = each.link
        if fault.code not in FROM_THE_FUTURE or link.id is None or link.entity is None:
            return self._quarantine(each, fault)
        return self._hold(each, link.id, link.entity, [])

    def _twin(self, event_id: str | None) -> Settled | None:
        """What an id is settled by, in the log or further up in this batch."""
        position = self.accepted.get(event_id) if event_id else None
        if position is not None:
            return settled_as_accepted(self.events[position - self.known.position - 1])
        return self.ids.get(event_id) if event_id else None

    def _retold(self, each: Received, twin: Settled) -> Verdict:
        """An id is settled once, by whichever comes first, whoever tells it again; if in other words, nobody has heard
        those yet."""
        if not is_retold(each, twin):
            return self._quarantine(each, SAYS_OTHERWISE)
        self._wait_beside(each, twin)
        return verdict_again(each, twin)

    def _wait_beside(self, each: Received, twin: Settled) -> None:
        """What waits under one number waits under every number by which it is told: whatever was written after it, by
        whoever tells it anew or has seen it from them, knows only that one."""
        link, first = each.link, self.held.get((twin.replica, twin.seq))
        dot = link.replica, link.seq
        if first is not None and dot != (first.replica, first.seq):
            dots = ((first.replica, first.seq),)
            row = HeldRow(link.replica, link.seq, first.id, first.entity, dots, self.actor, each.raw)
            self.held[dot] = self.newly_held[dot] = row
            self._note_stand_in(dot, row)

    def _note_stand_in(self, dot: tuple[str, int], row: HeldRow) -> None:
        if stands_in(row, self.held):
            (first,) = row.missing
            self.stand_ins[first] = (*self.stand_ins.get(first, ()), dot)

    def _out_of_scope(self, event: Event) -> Unacceptable | None:
        """Refuse what somebody writes where they are not let in. Of an entity that is not here yet nobody can tell:
        an event about it waits or is refused anyway, and nobody guesses an id."""
        if not self.is_limited:
            return None
        scope = self._scope_of_known(event.entity)
        if scope is None and event.fact.creates:
            if is_given_to_creator(event.entity_type):
                return None
            scope = home_of(event)
        if scope is None or self._is_in_scope(scope, event.seen):
            return None
        return Unacceptable("out_of_scope", f"/entity/id: it lives in {scope}, which is not yours")

    def _is_in_scope(self, scope: str, seen: int) -> bool:
        ended_at_ms = self.known.ended_at_ms
        return is_in_scope(self.grants, self.actor, scope, seen, ended_at_ms=ended_at_ms, now_ms=self.now_ms)

    def _scope_of_known(self, entity: str) -> str | None:
        if entity in self.states:
            return self.states[entity][1]
        row = self.known.entities.get(entity)
        return row.scope if row else None

    def _missing(self, event: Event) -> list[tuple[str, int]]:
        """The dots an event must wait for: what is not here yet, and what is here but waits itself."""
        last_seq, author = self.last_seq, event.replica
        absent = [dot for dot in event.clock.items() if last_seq.get(dot[0], 0) < dot[1] and dot[0] != author]
        if not absent and not self.held:
            return absent
        latest: dict[str, int] = {}  # what a replica told before it waits for itself
        for replica, seq in (*absent, *self._held_before(event)):
            latest[replica] = max(seq, latest.get(replica, 0))
        return sorted(latest.items())

    def _held_before(self, event: Event) -> list[tuple[str, int]]:
        """What waits and must come before it: what its author told or had seen of the same entity."""
        return [
            dot
            for dot, row in self.held.items()
            if row.entity == event.entity
            and dot != (event.replica, event.seq)
            and ((dot[0] == event.replica and dot[1] < event.seq) or covers(event.clock, *dot))
        ]

    def _fault(self, event: Event) -> Unacceptable | None:
        found = self._state(event.entity)
        if found is None and not event.fact.creates:
            return Unacceptable("unknown_entity", f"/entity/id: no {event.entity_type} of that id is known here")
        if found is not None and found[0].type != event.entity_type:
            return Unacceptable("other_entity_type", f"/entity/type: that id belongs to a {found[0].type}")
        if found is not None and event.fact.creates:
            return Unacceptable("already_created", "/entity/id: it exists, and is created once")
        return self.judge.follows(event, found[0] if found else None)

    def _state(self, entity: str) -> tuple[State, str] | None:
        found = self.states.get(entity)
        if found is None and entity in self.known.entities:
            row = self.known.entities[entity]
            found = self.states[entity] = (state_codec.decode(row.state), row.scope)
        return found

    def _accept(self, event: Event, actor: str, *, effective: str | None = None) -> Verdict:
        found = self._state(event.entity)
        if found is None:
            found = (merge.empty(event.entity_type), home_of(event))
        effective = effective or min(event.at, self.arrival)
        state = merge.apply(found[0], event, effective)
        self.states[event.entity] = (state, found[1])
        self.touched[event.entity] = None
        row = EventRow(
            self.known.position + len(self.events) + 1,
            event.id,
            event.replica,
            event.seq,
            event.entity_type,
            event.entity,
            state.version,
            event.type,
            event.v,
            found[1],
            effective,
            actor,
            self.now_ms,
            event.raw,
        )
        self.events.append(row)
        self.accepted[event.id] = row.position
        if may_change_access(event):
            self._grant(event, found, state, actor, row.position)
        return {
            "seq": event.seq,
            "id": event.id,
            "verdict": "accepted",
            "position": row.position,
            "version": row.version,
            "effective": row.effective,
            "conflicts": [conflict.field for conflict in shown.conflicts(state)] if shown.may_ask(state) else [],
        }

    def _grant(self, event: Event, found: tuple[State, str], after: State, actor: str, position: int) -> None:
        # Whose held event somebody else lets go may be limited or not: a grant too many is nothing to who sees all.
        is_creators = self.is_limited or actor != self.actor
        creator = actor if is_creators else None
        changed = access_changed(event, found[0], after, scope=found[1], position=position, creator=creator)
        self.granted += changed.granted
        self.ended += changed.ended
        self.links += changed.links
        if self.is_limited:
            self.leads_to = leading_on(self.leads_to, changed.links)
            self.grants = granted_after(self.grants, changed.granted, self.leads_to)

    def _hold(self, each: Received, event_id: str, entity: str, missing: list[tuple[str, int]]) -> Verdict:
        """Let it wait for these dots; for none of them where it waits for a server that can read it."""
        link = each.link
        if sum(row.entity == entity for row in self.held.values()) >= HELD_PER_ENTITY_MAX:
            why = f"/clock: {HELD_PER_ENTITY_MAX} events of that entity wait already, and this one would wait too"
            return self._quarantine(each, Unacceptable("too_many_held", why))
        row = HeldRow(link.replica, link.seq, event_id, entity, tuple(missing), self.actor, each.raw)
        self.held[link.replica, link.seq] = self.newly_held[link.replica, link.seq] = row
        self.ids[event_id] = settled = settled_as_held(row)
        return verdict_again(each, settled)

    def _quarantine(self, each: Received, why: Unacceptable) -> Verdict:
        self.last_seq[each.link.replica] = each.link.seq
        return told_aside(each.link, self._set_aside(each.link, each.raw, why, self.actor))

    def _set_aside(self, link: Event | Link, raw: bytes, why: Unacceptable, actor: str) -> QuarantinedRow:
        is_retryable = why.code in _RETRYABLE
        row = QuarantinedRow(
            link.replica, link.seq, link.id, link.entity, why.code, why.detail, is_retryable, actor, raw
        )
        self.quarantined.append(row)
        settled = settled_as_aside(row)
        if row.id is not None and settles_its_id(settled):
            self.ids[row.id] = settled
        return row

    def _release_after(self, group: Sequence[Received]) -> None:
        if self.awaited and not self.awaited.isdisjoint((each.link.replica, each.link.seq) for each in group):
            self._release()

    def _release(self) -> None:
        """Take in, in order, whatever need not wait any longer; what that brings in may let others go."""
        while self._release_once():
            pass

    def _release_once(self) -> bool:
        released = False
        for dot, row in sorted(self.held.items()):
            event = None if self._awaits(row) or dot not in self.held else parse(row.body)
            if event is None or self._held_before(event):
                continue
            released = True
            self._wait_no_longer(dot)
            fault = self._fault(event)
            if fault is None:
                verdict = self._accept(event, row.actor)
            else:
                verdict = told_aside(event, self._set_aside(event, event.raw, fault, row.actor))
            head = self.known.position + len(self.events)
            self.later.append(LaterRow(event.replica, event.seq, event.id, head, verdict))
        return released

    def _wait_no_longer(self, dot: tuple[str, int]) -> None:
        """Let it go, under every number that it was told by."""
        for each in (dot, *self.stand_ins.pop(dot, ())):
            del self.held[each]
            if self.newly_held.pop(each, None) is None:
                self.released.append(each)

    def _awaits(self, row: HeldRow) -> bool:
        """Whether anything that it was held for is still not here, or waits itself; what was here then is here now."""
        return not row.missing or any(
            self.last_seq.get(replica, 0) < seq or (replica, seq) in self.held for replica, seq in row.missing
        )

    def changes(self, last: Received) -> Changes:
        """Everything that was decided, as rows."""
        row = self.known.replicas[last.link.replica]
        moved = last.link.seq > row.last_seq
        return self._changes([ReplicaRow(row.replica, row.person, last.link.seq, last.hash)] if moved else [])

    def _changes(self, replicas: Sequence[ReplicaRow]) -> Changes:
        return Changes(
            events=self.events,
            entities=[self._entity_row(entity) for entity in self.touched],
            replicas=replicas,
            held=list(self.newly_held.values()),
            released=self.released,
            quarantined=self.quarantined,
            granted=self.granted,
            ended=self.ended,
            links=self.links,
            later=self.later,
        )

    def _entity_row(self, entity: str) -> EntityRow:
        state, scope = self.states[entity]
        return EntityRow(entity, state.type, state.version, scope, state_codec.encode(state))


def is_retold(each: Received, twin: Settled) -> bool:
    """Whether it says what another event of its id has said."""
    return each.hash == twin.hash or says_the_same(each.raw, twin.body)


def told_aside(link: Event | Link, row: QuarantinedRow) -> Verdict:
    """What the author of an event is told that was set aside."""
    told = {"code": row.code, "text": row.detail, "retryable": row.retryable}
    return verdict_of(link, "quarantined", case=case_of(row.replica, row.seq), **told)
