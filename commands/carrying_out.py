"""Carrying out an order: decided under the lock, told by a replica of the server's own, answered once for each key.

The events go the way of every other event: a person at a console writes on a replica that the server keeps for them,
and what they write is judged and merged like what comes from a phone.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, NamedTuple

import orjson

from commands.authority import Principal, fault_in_telling, may_correct, sees_everything
from commands.command import Command, Situation
from commands.deciding import statuses_of
from commands.entity_document import document_of
from commands.judge import judge_for
from commands.order_refusals import (
    EntityNotFound,
    IdempotencyKeyReused,
    IdTaken,
    NotYoursToOrder,
    OrderRefused,
    VersionMoved,
    WorkSettled,
)
from commands.references import entities_in
from commands.registry import COMMANDS, may_order
from sync import state_codec
from sync.envelope import Unacceptable
from sync.limits import ANSWER_KEPT_MS
from sync.log import Changes, Decision, Known, TenantId, Wanted, WantedGrants
from sync.merge import State
from sync.office import Obstacle, Office, OfficeDesk, Saying, id_from, replica_of
from sync.rows import AnsweredRow, EntityRow

_SETTLED: Final = frozenset({"approved", "closed"})
_JOB: Final = "work_order"
CONSOLE: Final = "console"
"""What the replica is called on which somebody's orders are written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordered:
    """One order as it came."""

    command: Command
    entity: str | None
    """What it is about; None where it creates something and leaves its id to us."""
    said: Mapping[str, Any]
    """As the command takes it."""
    versions: frozenset[int] | None
    """The versions that whoever orders decided on; None: whichever."""
    speaking: Principal
    key: str
    """By which a second try is known."""
    order_hash: bytes
    now_ms: int
    people: frozenset[str] = frozenset()
    """Of the people whom it names, those who work here."""
    jobs: frozenset[str] = frozenset()
    """The jobs in whose scopes it tells something, where that is known before."""


class Answered(NamedTuple):
    """What an order is answered."""

    document: bytes
    """JSON: the entity, or what was made of it."""
    entity: str
    version: int
    is_again: bool = False
    """It was carried out before, and this is what was answered then."""


class Console(NamedTuple):
    """What to ask the log for, and the decision that carries the order out there; `office` writes it."""

    wanted: Wanted
    decide: Decision[Answered]
    office: Office


def console_of(tenant: TenantId, person: str) -> Office:
    """The replica on which the server writes what somebody orders over HTTP: one for each person."""
    return Office(replica_of(tenant, f"console {person}"), person)


def carry_out(order: Ordered) -> Console:
    """The decision raises order_refusals.OrderRefused and office.OfficeUnknown; nothing is stored then."""
    office = console_of(order.speaking.tenant, order.speaking.person)

    def decide(known: Known) -> tuple[Changes, Answered]:
        before = _answered_before(order, known)
        if before is not None:
            return Changes(), before
        desk = OfficeDesk(known, office, judge_for(order.speaking.role), order.speaking.person, order.now_ms)
        sayings = _decided(order, known, desk)
        for saying in sayings:
            _tell(order, desk, saying)
        changes = desk.decided() if sayings else Changes()
        answered = _answer(order, known, changes)
        row = AnsweredRow(order.speaking.person, order.key, order.order_hash, _kept(answered), order.now_ms)
        return replace(changes, answered=[row]), answered

    return Console(_wanted(order, office), decide, office)


def _wanted(order: Ordered, office: Office) -> Wanted:
    named = [_entity(order), *entities_in(order.said), *sorted(order.jobs)]
    is_limited = not sees_everything(order.speaking.role)
    grants = [WantedGrants(order.speaking.person, named)] if is_limited else []
    return Wanted(
        replicas=frozenset({office.replica}),
        entities=[*dict.fromkeys(named)],
        spans=[(office.replica, 1, 0)],  # of its own nothing but what waits for it
        grants=grants,
        answers=[(order.speaking.person, order.key)],
    )


def _entity(order: Ordered) -> str:
    return order.entity or str(order.said.get("id") or _new_id(order, order.command.entity))


def _new_id(order: Ordered, what: str) -> str:
    return id_from(f"{order.speaking.tenant} {order.speaking.person} {order.key} {what}", order.now_ms)


def _answered_before(order: Ordered, known: Known) -> Answered | None:
    row = known.answered.get((order.speaking.person, order.key))
    if row is None or row.answered_at_ms < order.now_ms - ANSWER_KEPT_MS:
        return None
    if row.order_hash != order.order_hash:
        raise IdempotencyKeyReused("the key was used for another order in the last 24 hours")
    entity, version, document = orjson.loads(row.answer)
    return Answered(document.encode(), entity, version, is_again=True)


def _kept(answered: Answered) -> bytes:
    return orjson.dumps([answered.entity, answered.version, answered.document.decode()])


def _decided(order: Ordered, known: Known, desk: OfficeDesk) -> list[Saying]:
    command, entity, speaking = order.command, _entity(order), order.speaking
    found = _seeing(order, known, desk)(entity)
    if command.kind == "create":
        if entity in known.entities:
            raise IdTaken(f"there is something of the id {entity} already")
    elif found is None or found[0].type != command.entity:
        raise EntityNotFound(f"there is no {command.entity.replace('_', ' ')} {entity}")
    if command.corrects and not may_correct(speaking.role):
        raise NotYoursToOrder(f"whoever is {speaking.role} does not correct a {command.entity}")
    state = found[0] if found and command.kind != "create" else None
    if order.versions is not None and state is not None and state.version not in order.versions:
        raise VersionMoved(state.version)
    situation = Situation(
        entity=entity,
        state=state,
        said=order.said,
        speaking=speaking,
        now_ms=order.now_ms,
        known=_seeing(order, known, desk),
        people=order.people,
        orders=COMMANDS,
        new_id=partial(_new_id, order),
    )
    _check_role(order)
    sayings = command.decide(command, situation)
    for each in sayings:
        _check_telling(order, each)
    _check_not_settled(order, known, sayings)
    return sayings


def _seeing(order: Ordered, known: Known, desk: OfficeDesk) -> Callable[[str], tuple[State, str] | None]:
    def find(entity: str) -> tuple[State, str] | None:
        row = known.entities.get(entity)
        if row is None or not may_see(order.speaking, row, desk):
            return None
        return state_codec.decode(row.state), row.scope

    return find


def may_see(speaking: Principal, row: EntityRow, desk: OfficeDesk) -> bool:
    """Whether somebody sees an entity now; whoever was let out of its scope does not."""
    if sees_everything(speaking.role) or row.scope == "catalog":
        return True
    granted = desk.known.grants
    return (speaking.person, row.scope) in granted and granted[speaking.person, row.scope] is None


def _check_role(order: Ordered) -> None:
    if not may_order(order.speaking.role, order.command):
        raise NotYoursToOrder(
            f"whoever is {order.speaking.role} does not {order.command.name} a {order.command.entity.replace('_', ' ')}"
        )


def _check_telling(order: Ordered, saying: Saying) -> None:
    speaking = order.speaking
    fault = fault_in_telling(speaking.role, saying.entity_type, saying.type, saying.data, speaking.person)
    if fault is not None:
        raise NotYoursToOrder(fault)


def _check_not_settled(order: Ordered, known: Known, sayings: Sequence[Saying]) -> None:
    """What a technician did on a job is theirs to tell until somebody has approved it."""
    if sees_everything(order.speaking.role) or not sayings:
        return
    for job in order.jobs | {_entity(order)}:
        row = known.entities.get(job)
        if row is not None and row.type == _JOB and statuses_of(state_codec.decode(row.state)) & _SETTLED:
            raise WorkSettled(f"the job {job} is approved")


def _tell(order: Ordered, desk: OfficeDesk, saying: Saying) -> None:
    try:
        event = desk.authored(saying)
    except Unacceptable as why:
        raise OrderRefused(why.detail) from None
    fault = desk.in_the_way(event)
    if fault is not None:
        raise _refusal(fault)
    desk.take_in(event, order.speaking.person)


def _refusal(fault: Unacceptable | Obstacle) -> OrderRefused:
    match fault.code:
        case "not_allowed":
            return NotYoursToOrder(fault.detail)
        case "out_of_scope" | "unknown_entity":
            return EntityNotFound(fault.detail)
        case "already_created":
            return IdTaken(fault.detail)
        case _:
            return OrderRefused(fault.detail)


def _answer(order: Ordered, known: Known, changes: Changes) -> Answered:
    entity = _entity(order)
    rows = {row.entity: row for row in (*known.entities.values(), *changes.entities)}
    row = rows[entity]
    told = [
        {"entity_type": each.entity_type, "entity_id": each.entity, "type": each.type, "position": each.position}
        for each in changes.events
    ]
    document = {**document_of(row, order.speaking.role), "told": told}
    return Answered(orjson.dumps(document), entity, row.version)
