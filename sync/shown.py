"""What people see of a merged state: one value per field, and what is waiting for somebody to decide."""

from dataclasses import dataclass
from typing import Any, assert_never

from domain.lifecycle import Lifecycle
from domain.merge_policy import AddWins, Advance, Ask, Latest, Log, MergePolicy, Once, Ref, Server, Sum
from sync.merge import Dot, State, Write, decimal
from sync.plan import EntityPlan, Kind, plan_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """Writes that nobody has reconciled yet; open until one event is written by somebody who had seen them all."""

    field: str
    reason: str
    """Why a person is asked: `values_differ`, `moves_clash`, `contested` or `reassigned_under_way`."""
    values: tuple[Any, ...]
    """What each side wrote, in the order of `dots`; for moves the moves, not the statuses they lead to."""
    dots: tuple[Dot, ...]
    """(replica, seq) of each write."""
    shown: Any
    """What is shown meanwhile."""


def values(state: State) -> dict[str, Any]:
    """One value per written field: what a person would read on a form."""
    plan = plan_of(state.type)
    return {name: _value(name, cell, plan) for name, cell in state.cells.items()}


def _value(name: str, cell: Any, plan: EntityPlan) -> Any:
    match plan.kinds[name]:
        case Kind.SET:
            return sorted(cell)
        case Kind.SUM:
            return decimal(cell)
        case Kind.MAP:
            shown = {key: standing(Latest(), cell[key], plan.lifecycle).value for key in sorted(cell)}
            return [[key, value] for key, value in shown.items() if value is not None]
        case Kind.REGISTER:
            return _register_value(name, cell, plan)


def _register_value(name: str, writes: tuple[Write, ...], plan: EntityPlan) -> Any:
    write = standing(plan.policies[name], writes, plan.lifecycle)
    if name == "archived":
        return all(each.value is True for each in writes) and not any(_contested(each, writes) for each in writes)
    if name == plan.status and plan.lifecycle:
        return plan.lifecycle.moves[write.value].leads_to
    return write.value


def standing(policy: MergePolicy, writes: tuple[Write, ...], lifecycle: Lifecycle | None) -> Write:
    """The write that is shown among concurrent ones."""
    if len(writes) == 1:
        return writes[0]
    match policy:
        case Latest() | Ask() | Server():
            return max(writes, key=_age)
        case Once() | Log() | Ref():
            return min(writes, key=_age)
        case Advance():
            assert lifecycle is not None
            return max(writes, key=lambda write: (lifecycle.moves[write.value].rank, *_age(write)))
        case AddWins() | Sum():
            raise AssertionError("a set or a sum shows all of its writes")
    assert_never(policy)


def _age(write: Write) -> tuple[str, str, int]:
    return (write.effective, write.replica, write.seq)


def _contested(write: Write, writes: tuple[Write, ...]) -> tuple[Dot, ...]:
    """Who contests a write, apart from those who wrote the same."""
    agreeing = {other[:2] for other in writes if other.value == write.value}
    return tuple(dot for dot in write.contested if dot not in agreeing)


def may_ask(state: State) -> bool:
    """Whether anything of this entity can be waiting for a person; cheap, and False for nearly all of them."""
    return bool(state.open or state.watched or state.clashes)


def conflicts(state: State) -> list[Conflict]:
    """Everything about this entity that waits for a person, by field."""
    if not may_ask(state):
        return []
    plan = plan_of(state.type)
    found: list[Conflict] = []
    for name in sorted({*state.open, *state.watched}):
        found += _register_conflicts(name, state.cells[name], plan)
    found += _clash_conflicts(state, plan)
    return found


def _register_conflicts(name: str, writes: tuple[Write, ...], plan: EntityPlan) -> list[Conflict]:
    shown = _register_value(name, writes, plan)
    ordered = sorted(writes, key=lambda write: write[:2])
    found: list[Conflict] = []
    reason = _asks(plan.policies[name], ordered, plan.lifecycle)
    if reason:
        found.append(_conflict(name, reason, ordered, shown))
    found += [
        Conflict(field=name, reason="contested", values=(each.value,), dots=(each[:2], *contested), shown=shown)
        for each in ordered
        if (contested := _contested(each, writes))
    ]
    return found


def _conflict(name: str, reason: str, writes: list[Write], shown: Any) -> Conflict:
    return Conflict(
        field=name,
        reason=reason,
        values=tuple(write.value for write in writes),
        dots=tuple(write[:2] for write in writes),
        shown=shown,
    )


def _asks(policy: MergePolicy, writes: list[Write], lifecycle: Lifecycle | None) -> str | None:
    if len(writes) < 2:
        return None
    match policy:
        case Ask() | Once() | Ref() | Log():
            return "values_differ" if any(write.value != writes[0].value for write in writes) else None
        case Advance():
            assert lifecycle is not None
            moves = [write.value for write in writes]
            met = any(frozenset({one, other}) in lifecycle.asks for one in moves for other in moves)
            return "moves_clash" if met else None
        case Latest() | AddWins() | Sum() | Server():
            return None
    assert_never(policy)


def _clash_conflicts(state: State, plan: EntityPlan) -> list[Conflict]:
    rule = plan.clash
    if rule is None or not state.clashes:
        return []
    ours = {write[:2]: write.value for write in state.cells.get(rule.field, ())}
    theirs = {write[:2]: write.value for write in state.cells.get(rule.status, ())}
    shown = _register_value(rule.field, state.cells[rule.field], plan)
    return [
        Conflict(
            field=rule.field,
            reason="reassigned_under_way",
            values=(ours[one], theirs[other]),
            dots=(one, other),
            shown=shown,
        )
        for one, other in state.clashes
    ]
