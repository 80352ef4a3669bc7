"""What each kind of order comes to: the facts to tell, decided on what is known of its entity. Pure."""

from collections.abc import Mapping
from typing import Any, Final

from pydantic import ValidationError

from commands.authority import may_tell
from commands.command import Command, Decide, Situation, facts_of
from commands.moments import instant
from commands.order_refusals import IllegalMove, NothingToResolve, ReferenceUnknown
from commands.references import Reference, references_in
from domain.catalogue import FACTS
from domain.facts import Fact
from domain.lifecycle import Lifecycle
from domain.merge_policy import AddWins
from sync import shown
from sync.envelope import told
from sync.merge import State, decimal, millionths
from sync.office import Saying
from sync.payload import check_of
from sync.plan import Kind, plan_of

_NOT_DATA: Final = ("reason", "id")


def say(command: Command, on: Situation) -> list[Saying]:
    """Tell the command's fact in the order's words, with what it leaves out: when, and why."""
    check_move(command, on)
    return [_saying(command, on, _data(command, on))]


def create(command: Command, on: Situation) -> list[Saying]:
    """Bring something into being, at home where what it is about is at home."""
    data = _data(command, on)
    fields = command.told.fields
    if "target" in data and "home" in fields:
        data["home"] = _home_of_target(on, data["target"])
    if "visit_id" in data and "work_order_id" in fields:
        data["work_order_id"] = _job_of_visit(on, data)
    if "person_id" in fields and command.entity == "time_entry":
        data.setdefault("person_id", on.speaking.person)
    if "author_id" in fields:
        data["author_id"] = on.speaking.person
    _check_same_customer(on, data)
    _check_same_site(on, data)
    return [_saying(command, on, data)]


def edit(command: Command, on: Situation) -> list[Saying]:
    """Say only what is not so already: what nobody changes, nobody needs to be asked about."""
    assert on.state is not None
    data = {name: value for name, value in _data(command, on).items() if not _is_so(on.state, name, value)}
    return [_saying(command, on, data)] if data else []


def schedule(command: Command, on: Situation) -> list[Saying]:
    """Plan a visit to a job; the job is scheduled from then on, if it was open."""
    assert on.state is not None
    plan = {name: value for name, value in on.said.items() if name not in _NOT_DATA}
    _check_references(on, plan)
    moves = [Saying("work_order", on.entity, "WorkOrderScheduled", {})]
    statuses = statuses_of(on.state)
    if "open" not in statuses:
        if not statuses & _STILL_PLANNED:
            raise illegal_move(command, on)
        moves = []
    visit = on.new_id("visit")
    return [Saying("visit", visit, "VisitPlanned", {**plan, "work_order_id": on.entity}), *moves]


_STILL_PLANNED: Final = frozenset({"scheduled", "in_progress", "on_hold"})


def correct(command: Command, on: Situation) -> list[Saying]:
    """Write another entry that names this one, because what was written stays written."""
    assert on.state is not None
    before = shown.values(on.state)
    fields = set(command.told.fields)
    kept = {name: value for name, value in before.items() if name in fields and name not in _OF_ITS_OWN}
    data = {**kept, **_data(command, on), "corrects_id": on.entity}
    if "author_id" in fields:
        data["author_id"] = on.speaking.person
    return [Saying(command.entity, on.new_id("correction"), command.fact, data, _reason(on))]


_OF_ITS_OWN: Final = frozenset({"archived", "tags", "custom", "corrects_id", "author_id", "written_at"})


def correct_value(command: Command, on: Situation) -> list[Saying]:
    """Write another value over the one that was said."""
    data = _data(command, on)
    return [_saying(command, on, data)] if data else []


def correct_quantity(command: Command, on: Situation) -> list[Saying]:
    """Book the difference between what was counted and what it was."""
    assert on.state is not None
    counted = millionths(str(shown.values(on.state).get("quantity", "0")))
    difference = millionths(str(on.said["quantity"])) - counted
    return [_saying(command, on, {"quantity": decimal(difference)})] if difference else []


def resolve(command: Command, on: Situation) -> list[Saying]:
    """Say which of the values that contradict each other holds, having seen them all."""
    del command
    assert on.state is not None
    field, value = on.said["field"], on.said["value"]
    open_there = [each for each in shown.conflicts(on.state) if each.field == field]
    if not open_there:
        raise NothingToResolve(f"/field: nothing about {field} waits for a decision")
    if field == "archived" and isinstance(value, bool):
        fact: tuple[str, dict[str, Any]] = ("Archived" if value else "Restored", {})
    elif field == plan_of(on.state.type).status:
        fact = _move_that_resolves(on, on.state, value)
    elif field in FACTS[on.state.type]["Edited"].fields:
        fact = ("Edited", {field: value})
        _check_data(on.state.type, fact[1])
        _check_references(on, fact[1])
    else:
        raise NothingToResolve(f"/field: {field} is not decided by naming a value")
    return [Saying(on.state.type, on.entity, *fact, _reason(on))]


def _check_data(entity: str, data: Mapping[str, Any]) -> None:
    try:
        check_of(entity, "Edited")(data)
    except ValidationError as wrong:
        raise NothingToResolve(told(wrong).replace("/", "/value/", 1)) from None


def _move_that_resolves(on: Situation, state: State, value: Any) -> tuple[str, dict[str, Any]]:
    """The fact that moves there, with what it needs: a status or a move that one of the sides wrote."""
    plan = plan_of(state.type)
    assert plan.status is not None
    assert plan.lifecycle is not None
    for write in state.cells[plan.status]:
        if value not in (write.value, plan.lifecycle.moves[write.value].leads_to):
            continue
        for fact in FACTS[state.type].values():
            if fact.move == write.value and not fact.creates:
                return fact.name, {name: _needed(on, state, name) for name in sorted(fact.required)}
    raise NothingToResolve("/value: none of the moves that clash leads there")


def _needed(on: Situation, state: State, field: str) -> Any:
    return on.said["reason"] if field.endswith("_reason") else shown.values(state).get(field)


def statuses_of(state: State) -> frozenset[str]:
    """The statuses that its moves lead to: several, where they clash."""
    plan = plan_of(state.type)
    if plan.status is None or plan.lifecycle is None:
        return frozenset()
    return frozenset(plan.lifecycle.moves[write.value].leads_to for write in state.cells.get(plan.status, ()))


def may_follow(fact: Fact, statuses: frozenset[str], lifecycle: Lifecycle | None) -> bool:
    """Whether a fact follows these statuses: its move is legal from one of them, or says again what is so."""
    if fact.move is None or lifecycle is None or not statuses:
        return True
    move = lifecycle.moves[fact.move]
    return bool(statuses & move.legal_from) or move.leads_to in statuses


def check_move(command: Command, on: Situation) -> None:
    """Raises IllegalMove where the status does not let the command's fact follow."""
    if on.state is None:
        return
    if not may_follow(command.told, statuses_of(on.state), plan_of(command.entity).lifecycle):
        raise illegal_move(command, on)


def illegal_move(command: Command, on: Situation) -> IllegalMove:
    """The refusal of a move, with what whoever orders could order instead."""
    assert on.state is not None
    statuses = statuses_of(on.state)
    lifecycle = plan_of(command.entity).lifecycle
    legal = [
        each.name
        for each in on.orders
        if each.entity == command.entity
        and each.kind == "act"
        and each.told.move is not None
        and lifecycle is not None
        and statuses & lifecycle.moves[each.told.move].legal_from
        and all(may_tell(on.speaking.role, *fact) for fact in facts_of(each))
    ]
    return IllegalMove(command.name, sorted(statuses), legal)


def _saying(command: Command, on: Situation, data: Mapping[str, Any]) -> Saying:
    return Saying(command.entity, on.entity, command.fact, data, _reason(on))


def _reason(on: Situation) -> str | None:
    reason: str | None = on.said.get("reason")
    return reason


def _data(command: Command, on: Situation) -> dict[str, Any]:
    data = {name: value for name, value in on.said.items() if name not in _NOT_DATA}
    if command.at is not None:
        data.setdefault(command.at, instant(on.now_ms))
    if command.reason_field is not None and "reason" in on.said:
        data[command.reason_field] = on.said["reason"]
    _check_references(on, data)
    return data


def _check_references(on: Situation, data: Mapping[str, Any]) -> None:
    for each in references_in(data):
        if each.type == "person":
            if each.id not in on.people:
                raise ReferenceUnknown(f"{each.pointer}: nobody of that id works here")
            continue
        _referred(on, each)


def _referred(on: Situation, each: Reference) -> tuple[State, str]:
    found = on.known(each.id)
    if found is None or found[0].type != each.type:
        raise ReferenceUnknown(f"{each.pointer}: there is no {each.type} of that id")
    return found


def _home_of_target(on: Situation, target: Mapping[str, str]) -> str:
    _, home = _referred(on, Reference("/target/id", target["type"], target["id"]))
    kind = home.partition(":")[0]
    if kind not in ("catalog", "work_order", "site", "customer"):
        raise ReferenceUnknown(f"/target/type: nothing is written about a {target['type']}")
    return home


def _job_of_visit(on: Situation, data: Mapping[str, Any]) -> str:
    visit, _ = _referred(on, Reference("/visit_id", "visit", data["visit_id"]))
    job = str(shown.values(visit)["work_order_id"])
    if data.get("work_order_id", job) != job:
        raise ReferenceUnknown("/visit_id: that visit is of another job")
    return job


def _check_same_customer(on: Situation, data: Mapping[str, Any]) -> None:
    if "customer_id" in data and "site_id" in data:
        site, _ = _referred(on, Reference("/site_id", "site", data["site_id"]))
        if shown.values(site)["customer_id"] != data["customer_id"]:
            raise ReferenceUnknown("/site_id: that site is another customer's")


def _check_same_site(on: Situation, data: Mapping[str, Any]) -> None:
    if "asset_id" in data and "site_id" in data:
        asset, home = _referred(on, Reference("/asset_id", "asset", data["asset_id"]))
        if data["site_id"] not in (shown.values(asset)["site_id"], home.partition(":")[2]):
            raise ReferenceUnknown("/asset_id: that asset stands at another site")


def _is_so(state: State, name: str, value: Any) -> bool:
    plan = plan_of(state.type)
    if plan.kinds[name] is not Kind.REGISTER or isinstance(plan.policies[name], AddWins):
        return False
    writes = state.cells.get(name, ())
    return len(writes) == 1 and writes[0].value == value


DECISIONS: Final[tuple[Decide, ...]] = (
    *(say, create, edit, schedule),
    *(correct, correct_value, correct_quantity, resolve),
)
"""Every way in which an order is decided."""
