"""Every order at every status: a decision refuses exactly what the lifecycle forbids, and asks nobody else."""

from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commands.authority import Principal, fault_in_telling
from commands.command import Command, Situation, facts_of
from commands.order_refusals import IllegalMove, OrderRefused
from commands.registry import COMMANDS, may_order
from domain.catalogue import ENTITIES, FACTS
from domain.facts import status_of
from domain.lifecycle import LIFECYCLES
from domain.people import Role
from sync import merge
from sync.envelope import parse
from sync.merge import State
from sync.office import Saying, id_from
from sync.payload import check_of
from tests.devices import CREATED, ELSEWHERE, NOON, PERSON_1, Device, new_id

ROLES: tuple[Role, ...] = get_args(Role)
MOVES = [
    each for each in COMMANDS if each.kind == "act" and each.told.move is not None and status_of(ENTITIES[each.entity])
]
NEEDS: dict[str, Any] = {
    "outcome": "resolved",
    "assignee_id": PERSON_1,
    "reason": "Because",
    "cancel_reason": "Because",
    "reopen_reason": "Because",
}


def in_status(entity: str, status: str) -> State:
    """An entity whose last move led to that status, by whichever way leads there."""
    device, name = Device("a"), new_id()
    raws = [device.create(entity, name)]
    lifecycle = LIFECYCLES[entity]
    move = next(each for each, found in lifecycle.moves.items() if found.leads_to == status)
    fact = next(each for each in FACTS[entity].values() if each.move == move)
    if not fact.creates:
        raws.append(device.tell(entity, name, fact.name, {each: NEEDS[each] for each in fact.required}))
    state = merge.empty(entity)
    for raw in raws:
        event = parse(raw)
        state = merge.apply(state, event, event.at)
    return state


def situation(command: Command, state: State | None, said: dict[str, Any], role: Role = "supervisor") -> Situation:
    return Situation(
        entity=ELSEWHERE,
        state=state,
        said=said,
        speaking=Principal(tenant="t", person=PERSON_1, name="Ada", role=role),
        now_ms=NOON,
        known=lambda _: None,
        people=frozenset({PERSON_1}),
        orders=COMMANDS,
        new_id=lambda what: id_from(what, NOON),
    )


def words(command: Command) -> dict[str, Any]:
    """The least that the order must say."""
    said = {name: NEEDS[name] for name in command.required}
    return {**said, "reason": "Because"} if command.reason == "must" else said


def decided(command: Command, state: State, role: Role = "supervisor") -> list[Saying] | IllegalMove:
    try:
        return command.decide(command, situation(command, state, words(command), role))
    except IllegalMove as refusal:
        return refusal


@pytest.mark.parametrize("command", MOVES, ids=lambda each: each.operation)
def test_a_decision_refuses_exactly_what_the_lifecycle_forbids(command: Command) -> None:
    lifecycle = LIFECYCLES[command.entity]
    move = lifecycle.moves[command.told.move or ""]
    for status in lifecycle.statuses:
        legal = status in move.legal_from or status == move.leads_to
        if command.name == "schedule":  # a further visit may be planned as long as the job is not over
            legal = status in ("open", "scheduled", "in_progress", "on_hold")
        assert isinstance(decided(command, in_status(command.entity, status)), list) is legal, status


@pytest.mark.parametrize("command", MOVES, ids=lambda each: each.operation)
def test_what_a_refusal_names_as_legal_is_legal_and_complete(command: Command) -> None:
    for status in LIFECYCLES[command.entity].statuses:
        state = in_status(command.entity, status)
        refusal = decided(command, state)
        if not isinstance(refusal, IllegalMove):
            continue
        assert refusal.statuses == [status]
        for other in (each for each in MOVES if each.entity == command.entity):
            moves_on = status in LIFECYCLES[command.entity].moves[other.told.move or ""].legal_from
            assert (other.name in refusal.legal) is moves_on


@pytest.mark.parametrize("role", ROLES)
def test_a_refusal_names_only_what_whoever_asks_may_order(role: Role) -> None:
    approve = next(each for each in MOVES if each.operation == "approve_work_order")
    refusal = decided(approve, in_status("work_order", "open"), role)
    assert isinstance(refusal, IllegalMove)
    named = {each.name: each for each in MOVES if each.entity == "work_order" and each.name in refusal.legal}
    assert all(may_order(role, each) for each in named.values())


@pytest.mark.parametrize("command", MOVES, ids=lambda each: each.operation)
def test_what_is_decided_can_be_said_as_events(command: Command) -> None:
    for status in LIFECYCLES[command.entity].statuses:
        told = decided(command, in_status(command.entity, status))
        for saying in told if isinstance(told, list) else ():
            assert check_of(saying.entity_type, saying.type)(dict(saying.data)) == saying.data
            assert (saying.entity_type, saying.type) in facts_of(command)


@given(st.sampled_from(COMMANDS), st.sampled_from(ROLES))
def test_who_may_order_may_tell_each_fact_in_some_words(command: Command, role: Role) -> None:
    told = [fault_in_telling(role, *fact, {}, PERSON_1) for fact in facts_of(command)]
    assert not may_order(role, command) or told == [None] * len(told)


@pytest.mark.parametrize(
    "command", [each for each in COMMANDS if each.kind != "create"], ids=lambda each: each.operation
)
def test_a_decision_on_the_same_words_is_the_same(command: Command) -> None:
    device, name = Device("a"), new_id()
    event = parse(device.create(command.entity, name))
    state = merge.apply(merge.empty(command.entity), event, event.at)
    said: dict[str, Any] = words_of(command)

    def once() -> object:
        try:
            return command.decide(command, situation(command, state, said))
        except OrderRefused as refusal:
            return type(refusal), refusal.detail

    assert once() == once()


def words_of(command: Command) -> dict[str, Any]:
    values: dict[str, Any] = {
        **NEEDS,
        "condition": "good",
        "site_id": ELSEWHERE,
        "body": "x",
        "value": "1",
        "quantity": "1",
        "field": "title",
    }
    if command.name == "resolve":
        return {"field": "title", "value": "x", "reason": "x"}
    return {name: values[name] for name in (*command.required, *(["reason"] if command.reason == "must" else []))}


def test_every_order_of_the_product_is_there() -> None:
    """docs: create, edit, schedule, assign, dispatch, hold, cancel, complete, approve, close, reopen, and so on."""
    known = {each.name for each in COMMANDS}
    asked = "create edit schedule assign dispatch hold cancel complete approve close reopen travel arrive pause finish"
    assert set(asked.split()) | {"decline", "correct", "resolve", "archive", "stop"} <= known
    created = {each.entity for each in COMMANDS if each.kind == "create"}
    assert created >= {"checklist_answer", "note", "attachment", "signature", "part_use", "time_entry"}
    assert CREATED.keys() - created == {"person", "device", "case"}
