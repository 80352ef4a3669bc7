"""What became of what was set aside: I13 a case is what somebody made of it, once, and its author learns of it."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from cairnfield.prove_sync.history import Op, Type
from cairnfield.prove_sync.ledger import Fault, Ledger, verdicts

ENDS_AS: Final = {"approve": "approved", "retry": "retried", "resubmit": "resubmitted", "dismiss": "dismissed"}
ORDERED_BY: Final = {"CaseApproved": "approve", "CaseResubmitted": "resubmit", "CaseDismissed": "dismiss"}
"""What only a person says. A case is retried by itself, too, once its author is let in."""
SETTLED_BY: Final = {kind: ENDS_AS[verb] for kind, verb in {**ORDERED_BY, "CaseRetried": "retry"}.items()}
"""By what the log says of a case: what it has become."""
_OF_DEVICES: Final = {"dismissed": "dismiss_reason", "resubmitted": "resubmitted_as"}
"""The verdicts that say what a person has decided, and what of it they name."""


class _Order(NamedTuple):
    """Something that somebody said of a case, and what they heard."""

    line: int
    ended: int
    """The line of its answer; past the end of the history where there is none."""
    is_told: Type
    process: str
    value: Mapping[str, Any]
    became: Mapping[str, Any]
    may_come_late: bool
    """Whether it may be carried out after its answer, or without one."""


@dataclass(slots=True)
class _Case:
    """A case at the end, as the log tells it."""

    event: str | None = None
    state: str = "open"
    owner_id: str | None = None
    settled_by_id: str | None = None
    resubmitted_as: str | None = None
    dismiss_reason: str | None = None
    owners: set[str] = field(default_factory=set[str])
    """Everybody who ever looked after it."""

    def told(self) -> dict[str, Any]:
        """What an answer says of it, once it is settled."""
        told = {name: getattr(self, name) for name in ("state", "settled_by_id", "resubmitted_as")}
        return {name: value for name, value in told.items() if value is not None}


def decided_once(history: Sequence[Op], ledger: Ledger) -> Iterator[Fault]:
    """I13: what becomes of a case is what somebody said, once; whoever asks is told that, and so is its author."""
    line = next((at for at, op in enumerate(history) if (op.f, op.type) == ("cases", "ok")), None)
    if line is None:
        yield Fault("I13", "nobody looked at the cases", len(history) - 1)
        return
    told = history[line].value
    orders, cases = _orders(history), dict[str, _Case]()
    for sentence in (
        *_folded(told["facts"], cases),
        *_kept_beside(told["cases"], cases),
        *_nobody_said(told["facts"], orders),
        *_said_anew(told, cases, orders, ledger),
        *_given_to_the_last(cases, orders, ledger),
    ):
        yield Fault("I13", sentence, line)
    yield from _answered_otherwise(cases, orders, ledger)
    yield from _told_otherwise(history, cases, ledger)
    yield from _never_learnt(history, cases)


def _orders(history: Sequence[Op]) -> list[_Order]:
    """Everything that was said of cases; on a line on which requests come twice, one copy may come late."""
    orders: list[_Order] = []
    asked: dict[str, int] = {}
    doubled = set[str]()
    for line, op in enumerate(history):
        if op.f == "strike" and op.value["what"] == "double":
            doubled.add(op.value["on"])
        elif op.f == "open" and op.process in asked:
            orders.append(_unanswered(history, asked.pop(op.process)))
        elif op.f == "decide" and op.type == "invoke":
            asked[op.process] = line
        elif op.f == "decide" and op.process in asked:
            may_come_late = op.type == "info" or f"the line of {op.process}" in doubled
            at, became = asked.pop(op.process), op.value.get("became", {})
            orders.append(_Order(at, line, op.type, op.process, op.value, became, may_come_late))
    orders += [_unanswered(history, at) for at in asked.values()]
    return sorted(orders)


def _unanswered(history: Sequence[Op], line: int) -> _Order:
    return _Order(line, len(history), "info", history[line].process, history[line].value, {}, may_come_late=True)


def _folded(facts: Sequence[Sequence[Any]], cases: dict[str, _Case]) -> Iterator[str]:
    """Read every fact into the cases, and tell what must not follow what."""
    for position, name, kind, _, data in facts:
        if kind == "CaseOpened" and name in cases:
            yield f"{name} is opened again at {position}"
        elif kind != "CaseOpened" and name not in cases:
            yield f"{kind} at {position} is said of a case that nobody opened"
        case = cases.setdefault(name, _Case())
        if kind != "CaseOpened" and case.state != "open":
            yield f"{name} was {case.state}, and {kind} is said of it at {position}"
        elif kind == "CaseReassigned":
            case.owner_id = data["owner_id"]
            case.owners.add(data["owner_id"])
        elif kind in SETTLED_BY:
            case.state, case.settled_by_id = SETTLED_BY[kind], data["settled_by_id"]
            case.resubmitted_as, case.dismiss_reason = data.get("resubmitted_as"), data.get("dismiss_reason")


def _kept_beside(kept: Mapping[str, Sequence[Any]], cases: dict[str, _Case]) -> Iterator[str]:
    """The queue is kept beside the log, and says the same."""
    for name in sorted(kept.keys() | cases.keys()):
        if name not in cases:
            yield f"{name} is set aside, and nobody opened it"
        elif name not in kept:
            yield f"{name} was opened, and nothing is set aside under that name"
        else:
            event, state, owner = kept[name]
            case = cases[name]
            case.event = event
            if (state, owner) != (case.state, case.owner_id):
                yield f"{name} is {state} and {owner}'s in the queue, and {case.state} and {case.owner_id}'s in the log"


def _nobody_said(facts: Sequence[Sequence[Any]], orders: Sequence[_Order]) -> Iterator[str]:
    """Only what somebody said is said of a case, by them and in their words."""
    said = {
        (each.value["case"], each.value["verb"], each.value.get("by"), each.value.get("owner_id")) for each in orders
    }
    reasons = {(each.value["case"], each.value["reason"]) for each in orders if each.value["verb"] == "dismiss"}
    for position, name, kind, actor, data in facts:
        verb = "reassign" if kind == "CaseReassigned" else ORDERED_BY.get(kind)
        if verb is not None and (name, verb, actor, data.get("owner_id")) not in said:
            yield f"{kind} at {position} is said of {name} by {actor}, who never said so"
        elif kind == "CaseDismissed" and (name, data["dismiss_reason"]) not in reasons:
            yield f"{name} is dismissed at {position} for a reason that nobody gave"


def _said_anew(
    told: Mapping[str, Any], cases: Mapping[str, _Case], orders: Sequence[_Order], ledger: Ledger
) -> Iterator[str]:
    """What was resubmitted is in the log once, in the name of whoever said it; and the office says nothing else."""
    reasons = {
        (each.value["case"], each.value["by"], each.value["reason"])
        for each in orders
        if each.value["verb"] == "resubmit"
    }
    named: dict[str, str] = {}
    for name, case in cases.items():
        if case.state != "resubmitted":
            continue
        anew = ledger.by_id.get(case.resubmitted_as or "")
        if anew is None:
            yield f"{name} was resubmitted as {case.resubmitted_as}, which is not in the log"
        elif anew.replica != told["office"]:
            yield f"{name} was resubmitted as {anew.id}, which a device wrote"
        elif anew.actor != case.settled_by_id:
            yield f"{name} was resubmitted by {case.settled_by_id}, and {anew.actor} answers for {anew.id}"
        elif (name, anew.actor, anew.reason) not in reasons:
            yield f"{name} was resubmitted as {anew.id}, which nobody said of it"
        elif named.setdefault(anew.id or "", name) != name:
            yield f"{anew.id} stands for {name} and for {named[anew.id or '']}"
    for each in ledger.log:
        if each.replica == told["office"] and each.id and each.id not in named:
            yield f"the office says {each.id} at {each.position}, and no case was resubmitted as that"


def _given_to_the_last(cases: Mapping[str, _Case], orders: Sequence[_Order], ledger: Ledger) -> Iterator[str]:
    """A case is whose it was said to be last; of what was said at the same time, or not answered, any may be last."""
    given: dict[str, list[_Order]] = defaultdict(list)
    for each in orders:
        if each.value["verb"] == "reassign" and (each.is_told != "fail" or each.may_come_late):
            given[each.value["case"]].append(each)
    for name, case in cases.items():
        sure = [each for each in given[name] if each.is_told == "ok" and _is_of_the_last_epoch(each, ledger)]
        may_be: set[str | None] = {each.value["owner_id"] for each in given[name]}
        if sure:
            last = max(sure)
            may_be = {each.value["owner_id"] for each in given[name] if each.may_come_late or each.ended >= last.line}
            missing = {each.value["owner_id"] for each in sure} - case.owners
            if missing:
                yield f"{name} was said to be {min(missing)}'s, and the log does not know"
        else:
            may_be.add(None)
        if case.owner_id not in may_be:
            yield f"{name} is {case.owner_id}'s, and was said last to be {_any_of(may_be)}'s"


def _any_of(owners: set[str | None]) -> str:
    return " or ".join(sorted(map(str, owners)))


def _is_of_the_last_epoch(order: _Order, ledger: Ledger) -> bool:
    """Whether the server that has the log at the end has carried it out; one before it may have forgotten that."""
    return ledger.epoch_at(order.line) == len(ledger.restored)


def _answered_otherwise(cases: Mapping[str, _Case], orders: Sequence[_Order], ledger: Ledger) -> Iterator[Fault]:
    """Whoever settles a case, and whoever comes second, is told how it is settled and by whom."""
    bound: dict[tuple[int, str], Mapping[str, Any]] = {}
    for order in orders:
        name, verb, became = order.value["case"], order.value["verb"], order.became
        epoch = ledger.epoch_at(order.line)
        if order.is_told == "ok" and verb in ENDS_AS and became.get("state") != ENDS_AS[verb]:
            said = f"{order.process} said {verb} of {name}, and was told that it is {became.get('state')}"
            yield Fault("I13", said, order.ended)
        if became.get("state", "open") == "open" or epoch != ledger.epoch_at(order.ended):
            continue  # not settled, or nobody knows by which of two servers it was answered
        told = {key: value for key, value in became.items() if key != "owner_id"}
        before = bound.setdefault((epoch, name), {})
        for key, value in told.items():
            if before.get(key, value) != value:
                yield Fault("I13", f"{name} was told to have {key} {before[key]} and now {value}", order.ended)
        bound[epoch, name] = {**told, **before}
        case = cases.get(name, _Case())
        if epoch == len(ledger.restored) and not told.items() <= case.told().items():
            yield Fault("I13", f"{name} was told to be {told} and ended as {case.told()}", order.ended)


def _told_otherwise(history: Sequence[Op], cases: Mapping[str, _Case], ledger: Ledger) -> Iterator[Fault]:
    """Devices hear what was decided, and nothing else."""
    by_event: dict[str, list[_Case]] = defaultdict(list)
    for case in cases.values():
        by_event[case.event or ""].append(case)
    for told in verdicts(history, ledger):
        if told.verdict not in _OF_DEVICES or told.epoch != len(ledger.restored):
            continue
        ended = [(case.state, getattr(case, _OF_DEVICES[told.verdict])) for case in by_event[told.id]]
        if (told.verdict, told.named) not in ended:
            said = f"{told.process} was told that {told.id} is {told.verdict}, {told.named}"
            yield Fault("I13", f"{said}, and its cases ended as {ended}", told.line)


def _never_learnt(history: Sequence[Op], cases: Mapping[str, _Case]) -> Iterator[Fault]:
    """No device at rest still waits for somebody to decide about what is settled."""
    states: dict[str, set[str]] = defaultdict(set)
    for case in cases.values():
        states[case.event or ""].add(case.state)
    ended = {op.process for op in history if op.f == "close"}
    rests = {op.process: (line, op) for line, op in enumerate(history) if (op.f, op.type) == ("rest", "ok")}
    for process, (line, op) in rests.items():
        for event in op.value["quarantined"] if process not in ended else ():
            if "open" not in states[event]:
                became = ", ".join(sorted(states[event])) or "no case"
                yield Fault("I13", f"{process} never learnt what became of {event}: {became}", line)
