"""How a good history is spoilt in one place: what a line says, that it is missing, what came before it."""

from collections.abc import Callable
from typing import Any

from cairnfield.prove_sync.history import Op, Type
from tests.prove_sync.good_histories import (
    GOOD,
    WHY,
    with_cases,
)
from tests.prove_sync.stories import (
    BEN,
    LOG,
    RUNNER,
    cases,
    find,
    told,
)

Spoil = Callable[[list[Op]], list[Op]]


def changed(process: str, kind: Type, f: str, number: int = 0, **value: Any) -> Spoil:
    """One line says something else."""

    def spoil(history: list[Op]) -> list[Op]:
        return with_value(history, find(history, process, kind, f, number), value)

    return spoil


def with_value(history: list[Op], at: int, value: dict[str, Any]) -> list[Op]:
    history[at] = history[at]._replace(value={**history[at].value, **value})
    return history


def without(process: str, kind: Type, f: str, number: int = 0) -> Spoil:
    """One line is missing."""

    def spoil(history: list[Op]) -> list[Op]:
        del history[find(history, process, kind, f, number)]
        return history

    return spoil


def before(process: str, kind: Type, f: str, *lines: Op, number: int = 0) -> Spoil:
    """Something more happens."""

    def spoil(history: list[Op]) -> list[Op]:
        at = find(history, process, kind, f, number)
        return [*history[:at], *lines, *history[at:]]

    return spoil


def log(change: Callable[[list[dict[str, Any]]], Any]) -> Spoil:
    """The log at the end is another; what else follows from that is not adapted."""

    def spoil(history: list[Op]) -> list[Op]:
        events = [dict(each) for each in LOG]
        change(events)
        return changed(RUNNER, "ok", "log", events=events)(history)

    return spoil


def stored(name: str, **change: Any) -> Spoil:
    def spoil(history: list[Op]) -> list[Op]:
        value = history[find(history, RUNNER, "ok", "stored")].value[name]
        told_now: dict[str, Any] = {name: {**value, **change}}
        return with_value(history, find(history, RUNNER, "ok", "stored"), told_now)

    return spoil


def held(table: str, **rows: dict[str, Any] | None) -> Spoil:
    """The read model holds other rows; None: none."""

    def spoil(history: list[Op]) -> list[Op]:
        at = find(history, RUNNER, "ok", "tables")
        there = history[at].value["held"]
        changed_rows = {key: row for key, row in {**there.get(table, {}), **rows}.items() if row is not None}
        return with_value(history, at, {"held": {**there, table: changed_rows}})

    return spoil


def page(number: int, change: Callable[[list[Any]], Any], *, process: str = BEN) -> Spoil:
    """The events of one page are others."""

    def spoil(history: list[Op]) -> list[Op]:
        events = [list(each) for each in history[find(history, process, "ok", "pull", number)].value["events"]]
        change(events)
        return changed(process, "ok", "pull", number, events=events)(history)

    return spoil


def both(*spoils: Spoil) -> Spoil:
    def spoil(history: list[Op]) -> list[Op]:
        for each in spoils:
            history = each(history)
        return history

    return spoil


def swap(events: list[Any], one: int, other: int) -> None:
    events[one], events[other] = events[other], events[one]


def placed(events: list[dict[str, Any]], *order: int) -> None:
    """The same events in another order, with the positions of the new order."""
    events[:] = [{**events[index], "position": place} for place, index in enumerate(order, 1)]


def later(at: int) -> Spoil:
    return lambda history: [op._replace(time=at) if (op.process, op.f) == (BEN, "rest") else op for op in history]


def answer(verdict: str, position: int | None, name: str = "e4", **more: Any) -> Op:
    told_of = {"epoch": "first", "head": 5, "batch": "taken", "verdicts": [[name, verdict, position]]}
    return told(BEN, "ok", "push", **told_of | more)


def of(story: str, *spoils: Spoil) -> Spoil:
    """Another good history is spoilt."""
    return lambda _: both(*spoils)(GOOD[story]())


def found(state: str, owner: str | None = None, *facts: tuple[str, str, dict[str, Any]]) -> Spoil:
    """In the end the case is found to be so."""
    return lambda history: with_cases(history, cases(state, owner, *facts))


def dismissed(by: str = "the person ada", why: str = WHY) -> tuple[str, str, dict[str, Any]]:
    return "CaseDismissed", by, {"settled_by_id": by, "dismiss_reason": why}


def assigned(by: str, whose: str) -> tuple[str, str, dict[str, Any]]:
    return "CaseReassigned", f"the person {by}", {"owner_id": whose}


def nobody_said(verb: str) -> Spoil:
    return lambda history: [op for op in history if op.f != "decide" or op.value["verb"] != verb]


def sixth(**change: Any) -> Spoil:
    """The last event of the log is another."""

    def spoil(history: list[Op]) -> list[Op]:
        at = find(history, RUNNER, "ok", "log")
        *events, last = history[at].value["events"]
        return with_value(history, at, {"events": [*events, {**last, **change}]})

    return spoil
