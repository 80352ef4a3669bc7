"""One log in one order, whoever looks and whenever: I4 a position is one event, I5 nothing is passed over, I6 nothing
goes back, I8 nothing comes before what it knew."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from cairnfield.prove_sync.answers import taken_in_after_all
from cairnfield.prove_sync.history import Op
from cairnfield.prove_sync.ledger import Fault, Ledger, LogEvent, people
from cairnfield.prove_sync.pages import TakenIn, pages_taken_in


def one_event_per_position(history: Sequence[Op], ledger: Ledger) -> Iterator[Fault]:
    """I4: a position means one event for everybody and for ever; positions are 1, 2, 3; an event has one of them."""
    seen: dict[tuple[int, int], str] = {}
    place: dict[tuple[int, str], int] = {}
    for line, op in enumerate(history):
        if (op.f, op.type) != ("pull", "ok"):
            continue
        epoch = ledger.epoch_at(line, op.value.get("epoch"))
        for position, event, leaf, *_ in op.value["events"]:
            written_in = ledger.written_in(epoch, position)
            if seen.setdefault((written_in, position), leaf) != leaf:
                yield Fault("I4", f"position {position} was another event before {event}", line)
            if place.setdefault((written_in, event), position) != position:
                yield Fault("I4", f"{event} is at {place[written_in, event]} and at {position}", line)
    last = len(history) - 1
    for expected, each in enumerate(ledger.log, 1):
        if each.position != expected:
            yield Fault("I4", f"position {expected} is missing: {each.position} stands in its place", last)
            return
        written_in = ledger.written_in(len(ledger.restored), each.position)
        if each.id and seen.get((written_in, each.position), each.leaf) != each.leaf:
            yield Fault("I4", f"position {each.position} is {each.id} now and was another event before", last)
    if len(ledger.by_id) != sum(each.id is not None for each in ledger.log):
        yield Fault("I4", "an event is in the log twice", last)


def nothing_passed_over(history: Sequence[Op], ledger: Ledger) -> Iterator[Fault]:
    """I5: with a cursor, a device has everything up to it that it may see."""
    person = people(history)
    for taken in pages_taken_in(history):
        yield from _passed_over(taken, ledger, person.get(taken.process))


def _passed_over(taken: TakenIn, ledger: Ledger, person: str | None) -> Iterator[Fault]:
    line, op, cursor = taken.line, taken.page, taken.cursor
    has = dict(taken.before)
    for entity, version, *_ in op.value.get("snapshots", ()):
        has[entity] = max(version, has[entity])
    for position, event, _, entity, version in op.value["events"]:
        if version > has[entity] + 1:
            yield Fault("I5", f"{event} at {position} is number {version} of its entity after {has[entity]}", line)
        has[entity] = max(version, has[entity])
    epoch = ledger.epoch_at(line, op.value.get("epoch"))
    after = min(taken.after, op.value["asked"])
    head = max(cursor, op.value["head"])
    # Who was let in where is known from the last log. What of it an older one said that was lost again, is not.
    knows_grants = person is None or ledger.survived(epoch, head)
    if knows_grants:
        yield from _more_than_granted(op, line, ledger, person, head)
    for position in range(after + 1, cursor + 1):
        each = ledger.by_position.get(position)
        if each is None or not ledger.survived(epoch, position) or not (knows_grants or each.scope == "catalog"):
            continue
        sees = ledger.sees(person, each, cursor, head=op.value["head"])
        if sees and taken.versions.get(each.entity, 0) < each.version:
            yield Fault("I5", f"{taken.process} stands at {cursor} and never got {each.id} at {position}", line)


def _more_than_granted(op: Op, line: int, ledger: Ledger, person: str | None, head: int) -> Iterator[Fault]:
    """What a page tells of scopes that nobody had let its reader into, at no position that it speaks of."""
    told = {entity for entity, *_ in op.value.get("snapshots", ())} | {entity for *_, entity, _ in op.value["events"]}
    for entity in sorted(told):
        scope = ledger.scopes.get(entity)
        if scope is not None and not ledger.saw(person, scope, op.value["asked"], head):
            yield Fault("I5", f"{op.process} was told of {entity}, whose {scope} it was not let into", line)


def nothing_goes_back(history: Sequence[Op], ledger: Ledger) -> Iterator[Fault]:
    """I6: cursors and heads never fall, for nobody, unless the server came back older."""
    heads: dict[int, int] = defaultdict(int)
    asked: dict[str, dict[int, int]] = {}
    cursors: dict[str, tuple[int, int]] = {}
    highest = _highest(history, ledger)
    for line, op in enumerate(history):
        if op.type == "invoke":
            asked[op.process] = dict(heads)
        elif op.type == "ok" and "head" in op.value:
            epoch, head = ledger.epoch_at(line, op.value.get("epoch")), op.value["head"]
            floor = asked.get(op.process, {}).get(epoch, 0)
            if head < floor:
                yield Fault("I6", f"{op.process} was told a head of {head} when {floor} had been told", line)
            heads[epoch] = max(heads[epoch], head)
        if op.f == "hint" and op.value["told"] > highest:
            yield Fault(
                "I6", f"{op.process} was hinted at a head of {op.value['told']}, and no log ever came there", line
            )
        if op.f in {"apply", "open"}:
            epoch, cursor = ledger.epoch_at(line, op.value.get("epoch")), op.value["cursor"]
            before = cursors.get(op.process, (0, 0))
            forgets = op.value.get("why") in {"rolled_back", "cloned"}
            if cursor < before[1] and epoch == before[0] and not forgets:
                yield Fault("I6", f"the cursor of {op.process} went from {before[1]} back to {cursor}", line)
            cursors[op.process] = (epoch, cursor)


def _highest(history: Sequence[Op], ledger: Ledger) -> int:
    """The greatest head that any log of the run can have had.

    What a log came to before it was put back may have been hinted and told in no answer: whatever was offered to it by
    then was accepted, or opened a case, or both after each other, and so at most doubled what is known of it.
    """
    told: int = max([len(ledger.log), *(op.value.get("head", 0) for op in history if op.type != "invoke")])
    if not ledger.restored:
        return told
    before = history[: ledger.restored[-1].line]
    offered = {event for op in before if (op.f, op.type) == ("push", "invoke") for event in op.value["ids"]}
    return told + 2 * len(offered) + 2 * sum((op.f, op.type) == ("decide", "invoke") for op in before)


def causes_first(history: Sequence[Op], ledger: Ledger) -> Iterator[Fault]:
    """I8: what an event knew stands before it, in the log and on every page."""
    names, set_aside = _names(history)
    taken_in = taken_in_after_all(history)
    last = len(history) - 1
    newest: dict[tuple[str, str], LogEvent] = {}
    for each in ledger.log:
        if each.id is None:
            continue
        yield from (Fault("I8", sentence, last) for sentence in _too_early(each, ledger, names, set_aside, taken_in))
        own = newest.setdefault((each.replica, each.entity), each)
        if own.seq > each.seq:
            yield Fault("I8", f"{each.id} at {each.position} comes after {own.id}, which its author wrote later", last)
        newest[each.replica, each.entity] = each
    for line, op in enumerate(history):
        if (op.f, op.type) == ("pull", "ok"):
            positions = [each[0] for each in op.value["events"]]
            if positions != sorted(positions):
                yield Fault("I8", "the events of a page are not in the order of the log", line)


def _too_early(
    event: LogEvent,
    ledger: Ledger,
    names: Mapping[tuple[str, int], set[str]],
    set_aside: set[str],
    taken_in: frozenset[str],
) -> Iterator[str]:
    for dot in event.clock.items():
        # A number that is not in the log was set aside, or its event stands there under another number; where a device
        # was cloned, several events were written under it, and it is enough that one of them can be meant.
        named = names.get(dot, set[str]())
        there = [ledger.by_id[each] for each in named if each in ledger.by_id]
        causes = [ledger.by_dot[dot]] if dot in ledger.by_dot else there
        if any(cause.position < event.position or cause.id == event.id for cause in causes):
            continue
        if dot not in ledger.by_dot and (named & set_aside or ledger.may_have_lost(dot[0])):
            continue
        if any(cause.id in taken_in for cause in causes):
            continue  # it was set aside, so it counted as known, and was taken in after all
        if causes:
            yield f"{event.id} at {event.position} knew {causes[0].id}, which comes at {causes[0].position}"
        else:
            yield f"{event.id} at {event.position} knew {dot[0]} {dot[1]}, which is nowhere"


def _names(history: Sequence[Op]) -> tuple[dict[tuple[str, int], set[str]], set[str]]:
    """The events behind replicas' numbers (several where a device was cloned), and those that were set aside."""
    names: dict[tuple[str, int], set[str]] = defaultdict(set)
    set_aside = set[str]()
    for op in history:
        if op.f == "write":
            names[op.value["replica"], op.value["seq"]].add(op.value["id"])
        elif op.f == "fork":
            for event, replica, seq, _ in op.value["renamed"]:
                names[replica, seq].add(event)
        set_aside.update(each[0] for each in op.value.get("verdicts", ()) if each[1] == "quarantined")
        if op.f in {"stored", "rest"}:
            set_aside.update(op.value.get("quarantined", ()))
    return names, set_aside
