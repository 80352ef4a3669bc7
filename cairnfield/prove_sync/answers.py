"""What the server answered, held to what it did: I1 what it took stays, I2 what it refused is nowhere, I3 what nobody
knew is settled one way, and asking again tells which."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from cairnfield.prove_sync.history import Op
from cairnfield.prove_sync.ledger import TAKEN, Fault, Ledger, verdicts


def taken_for_good(history: Sequence[Op], ledger: Ledger) -> Iterator[Fault]:
    """I1: an event that was said to be taken is in the log, where it was said to be, and in its author's words."""
    stored = _set_aside(history)
    for told in verdicts(history, ledger):
        if told.verdict not in TAKEN:
            continue
        found = ledger.by_id.get(told.id)
        if found is None and told.id in stored and not ledger.survived(told.epoch, told.position):
            continue  # handed in again after a restore, it was judged by what was there by then, and a person has it
        if found is None:
            yield Fault("I1", f"{told.id} was {told.verdict} at {told.position} and is not in the log", told.line)
        elif ledger.survived(told.epoch, told.position) and found.position != told.position:
            where = f"{told.position} and is at {found.position}"
            yield Fault("I1", f"{told.id} was {told.verdict} at {where}", told.line)
    yield from _decided_for_good(history, ledger)
    words = _words(history)
    for each in ledger.log:
        if each.id in words and each.hash not in words[each.id]:
            yield Fault("I1", f"{each.id} at {each.position} is not what its author wrote", len(history) - 1)


def _decided_for_good(history: Sequence[Op], ledger: Ledger) -> Iterator[Fault]:
    """Also I1: what a person was told to have taken in is in the log, unless the server came back older since."""
    asked: dict[str, int] = {}
    for line, op in enumerate(history):
        if op.f != "decide":
            continue
        if op.type == "invoke":
            asked[op.process] = ledger.epoch_at(line)
        elif op.type == "ok" and op.value["verb"] in {"approve", "retry"}:
            is_still_so = asked.get(op.process) == len(ledger.restored)
            if is_still_so and op.value["id"] not in ledger.by_id:
                yield Fault("I1", f"{op.value['id']} was taken in by a person and is not in the log", line)


def _set_aside(history: Sequence[Op]) -> set[str]:
    """What the server keeps for a person at the end."""
    return {event for op in history if (op.f, op.type) == ("stored", "ok") for event in op.value["quarantined"]}


def _words(history: Sequence[Op]) -> dict[str, set[str]]:
    """The hashes of an event's bytes, as it was written and as forks wrote it anew."""
    words: dict[str, set[str]] = defaultdict(set)
    for op in history:
        if op.f == "write":
            words[op.value["id"]].add(op.value["hash"])
        elif op.f == "fork":
            for event, _, _, digest in op.value["renamed"]:
                words[event].add(digest)
    return words


def nothing_from_nowhere(history: Sequence[Op], ledger: Ledger) -> Iterator[Fault]:
    """I2: nobody sees an event that nobody wrote, that was handed in nowhere, or that was refused or set aside."""
    heard = _Heard(taken_in_after_all(history), len(ledger.restored))
    for line, op in enumerate(history):
        if op.type == "ok":
            for event, reason in _shown(op):
                why = heard.why_not(event, ledger.epoch_at(line, op.value.get("epoch")), reason)
                if why:
                    yield Fault("I2", f"{event} was seen {why}", line)
        heard.hear(op)
    for event in _set_aside(history):
        if event in ledger.by_id:
            yield Fault("I2", f"{event} is in the log and set aside", len(history) - 1)


@dataclass(slots=True)
class _Heard:
    """What can have come into the log by now."""

    taken_in: frozenset[str]
    """What was set aside and accepted after all, as the server says at the end."""
    last_epoch: int
    written: set[str] = field(default_factory=set[str])
    offers: Counter[str] = field(default_factory=Counter[str])
    """How many pushes of an event may have been taken."""
    set_aside: set[str] = field(default_factory=set[str])
    asked: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    resubmitted: Counter[str] = field(default_factory=Counter[str])
    """By its reason, how many orders to resubmit something may have been carried out."""
    doubled: set[str] = field(default_factory=set[str])
    """The lines on which a request may have come twice: of one copy that was refused, the other may have been taken."""

    def why_not(self, event: str, epoch: int, reason: str | None) -> str:
        """Why it cannot be seen; empty where it can. What a person decided before a restore nobody knows any more."""
        if reason is not None:  # only what was resubmitted says why
            return "" if self.resubmitted[reason] > 0 else "and nobody can have resubmitted it"
        if event not in self.written:
            return "and nobody wrote it"
        if not self.offers[event]:
            return "and no push of it can have been taken"
        is_bound = event in self.set_aside and event not in self.taken_in and epoch == self.last_epoch
        return "although it was set aside" if is_bound else ""

    def hear(self, op: Op) -> None:
        match op.f, op.type:
            case "write", _:
                self.written.add(op.value["id"])
            case "push", "invoke":
                self.asked[op.process] = op.value["ids"]
                self.offers.update(op.value["ids"])
            case "push", "fail" if f"the line of {op.process}" not in self.doubled:
                self.offers.subtract(self.asked.pop(op.process, ()))
            case "decide", "invoke" if op.value["verb"] == "resubmit":
                self.resubmitted[op.value["reason"]] += 1
            case "decide", "fail" if op.value["verb"] == "resubmit" and f"the line of {op.process}" not in self.doubled:
                self.resubmitted[op.value["reason"]] -= 1
            case "strike", _ if op.value["what"] == "double":
                self.doubled.add(op.value["on"])
            case "restore", _:
                self.set_aside.clear()  # what the server knew of them may be gone
            case _:
                pass
        self.set_aside.update(each[0] for each in op.value.get("verdicts", ()) if each[1] == "quarantined")


def _shown(op: Op) -> Iterator[tuple[str, str | None]]:
    """(id, why it was told)."""
    if op.f == "pull":
        reasons = op.value.get("reasons", {})
        yield from ((each[1], reasons.get(each[1])) for each in op.value["events"])
    elif op.f == "log":
        yield from ((each["id"], each.get("reason")) for each in op.value["events"] if each["id"])


def taken_in_after_all(history: Sequence[Op]) -> frozenset[str]:
    """What was set aside and then accepted, because a person approved of it or its author was let in."""
    stored = (op.value for op in history if (op.f, op.type) == ("stored", "ok"))
    return frozenset(event for value in stored for event in value.get("taken_in", ()))


def settled_one_way(history: Sequence[Op], ledger: Ledger) -> Iterator[Fault]:
    """I3: whatever was written ends in one place, and who asks again is told the same."""
    yield from _two_answers(history, ledger)
    kept = _kept_by(history)
    there = set(ledger.by_id)
    for op in history:
        if op.f == "rest" and op.type == "ok":
            there.update(op.value["outbox"], op.value["quarantined"])
        elif op.f == "stored" and op.type == "ok":
            there.update(op.value["quarantined"])
    for event, keepers in kept.items():
        if keepers and event not in there:
            yield Fault("I3", f"{event}, written by {min(keepers)}, ended nowhere", len(history) - 1)


class _Before(NamedTuple):
    """What was told of an event before."""

    epoch: int
    taken: bool
    position: int
    line: int
    is_fresh: bool
    """Whether it was told that it is new, in the answer to a push: that is told once."""


def _two_answers(history: Sequence[Op], ledger: Ledger) -> Iterator[Fault]:
    first: dict[str, _Before] = {}
    taken_in, last_epoch = taken_in_after_all(history), len(ledger.restored)
    asked_at = _asked_at(history)
    for told in verdicts(history, ledger):
        if told.verdict == "held":
            continue
        taken = told.verdict in TAKEN
        is_fresh = told.verdict == "accepted" and told.line in asked_at
        before = first.get(told.id)
        came_right = taken and (told.id in taken_in or told.epoch != last_epoch)
        if before is None or not _still_bound(before, told.epoch, ledger) or (came_right and not before.taken):
            first[told.id] = _Before(told.epoch, taken, told.position, told.line, is_fresh)
        elif taken != before.taken:
            yield Fault(
                "I3", f"{told.id} was {'set aside' if taken else 'taken'} first and now {told.verdict}", told.line
            )
        elif taken and told.position != before.position:
            yield Fault("I3", f"{told.id} was taken at {before.position} and now at {told.position}", told.line)
        elif is_fresh and (before.is_fresh or before.line < asked_at[told.line]):
            yield Fault("I3", f"{told.id} was taken twice: the second time it is no duplicate", told.line)
        elif is_fresh:  # whoever came second was answered first
            first[told.id] = before._replace(is_fresh=True)


def _asked_at(history: Sequence[Op]) -> dict[int, int]:
    """By the line of the answer to a push, the line of the push."""
    asked: dict[str, int] = {}
    found: dict[int, int] = {}
    for line, op in enumerate(history):
        if (op.f, op.type) == ("push", "invoke"):
            asked[op.process] = line
        elif (op.f, op.type) == ("push", "ok"):
            found[line] = asked.get(op.process, line)
    return found


def _still_bound(before: _Before, epoch: int, ledger: Ledger) -> bool:
    """Whether a verdict of an earlier epoch was given on what the server still has."""
    if before.epoch == epoch:
        return True
    return before.taken and all(before.position <= each.head for each in ledger.restored[before.epoch : epoch])


def _kept_by(history: Sequence[Op]) -> dict[str, set[str]]:
    """By written event, the devices that must have it still, unless the server does."""
    kept: dict[str, set[str]] = defaultdict(set)
    own: dict[str, set[str]] = defaultdict(set)
    for op in history:
        if op.f == "write" and op.type == "ok":
            kept[op.value["id"]].add(op.process)
            own[op.process].add(op.value["id"])
        elif op.f == "open":
            there = {*op.value["outbox"], *op.value["quarantined"]}
            if op.value["why"] == "rolled_back":
                for event in own[op.process] - there:
                    kept[event].discard(op.process)
                own[op.process] &= there
            if op.value["why"] in {"rolled_back", "cloned"}:
                for event in there:
                    kept[event].add(op.process)
                    own[op.process].add(event)
    return kept
