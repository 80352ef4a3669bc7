"""What everybody shows in the end: I7 who wrote something sees it, I10 what the server derives is its log once, I11 who
has the same shows the same, I12 when the blows end everything is handed in and everybody is equal."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from cairnfield.prove_sync.history import Op
from cairnfield.prove_sync.ledger import TAKEN, Fault, Ledger, people

SETTLED_MS_MAX: Final = 10_000
"""How long everything may take to be handed in and to be equal, from the end of the faults.

They end when the last blow is taken back (lines clear, clocks right, nobody paused, the killed told to start) and every
server process answers that it is ready: one that is still starting is still down. Devices may start meanwhile."""
_DECIDED: Final = frozenset({"dismissed", "resubmitted"})
"""What a person may have said of an event, after which its device need not hold it any more."""


def own_writes_are_read(history: Sequence[Op], ledger: Ledger) -> Iterator[Fault]:
    """I7: a device shows what it wrote, from the moment of writing, also after it was killed."""
    promised: dict[str, tuple[int, int]] = {}
    devices: dict[str, _Writer] = defaultdict(_Writer)
    set_aside = set[str]()  # whoever was told so: a clone has it from the device whose disk it began with
    waiting, is_restored = set[str](), False
    for line, op in enumerate(history):
        writer = devices[op.process]
        set_aside.update(each[0] for each in op.value.get("verdicts", ()) if each[1] == "quarantined")
        is_restored = is_restored or op.f == "restore"
        if is_restored:  # what a held event is about may be gone until its creator has handed that in again
            waiting.update(each[0] for each in op.value.get("verdicts", ()) if each[1] == "held")
            waiting.difference_update(each[0] for each in op.value.get("verdicts", ()) if each[1] in TAKEN)
        if op.f == "write" and op.type == "ok":
            writer.on_its_way.add(op.value["id"])
        elif op.f == "open":
            for event in writer.opened(op):
                yield Fault("I7", f"{op.process} was killed and has lost {event}, which it had written", line)
        elif op.f == "read" and op.type == "ok":
            for event, is_shown in op.value["shown"]:
                if not is_shown and event not in set_aside and event not in waiting:
                    yield Fault("I7", f"{op.process} does not show {event}, which it wrote", line)
        elif op.f in {"push", "pull"} and op.type == "ok":
            writer.answered(op)
            epoch = ledger.epoch_at(line, op.value.get("epoch"))
            yield from _kept_promise(op, line, epoch, promised.get(op.process))
            if op.f == "push":
                taken = [(epoch, position) for _, verdict, position, *_ in op.value["verdicts"] if verdict in TAKEN]
                promised[op.process] = max([promised.get(op.process, (0, 0)), *taken])


@dataclass(slots=True)
class _Writer:
    """What a device has written and must still have."""

    on_its_way: set[str] = field(default_factory=set[str])
    taken_at: dict[str, int] = field(default_factory=dict[str, int])

    def answered(self, op: Op) -> None:
        for event, verdict, position, *_ in op.value.get("verdicts", ()):
            if verdict in TAKEN:
                self.taken_at[event] = position
            elif verdict in _DECIDED:
                self.on_its_way.discard(event)
        self.on_its_way.difference_update(each[1] for each in op.value.get("events", ()))

    def opened(self, op: Op) -> list[str]:
        """What it has lost by being killed: neither to be handed in nor taken where it has pulled."""
        there, cursor = {*op.value["outbox"], *op.value["quarantined"]}, op.value["cursor"]
        missing = self.on_its_way - there if op.value["why"] == "killed" else set[str]()
        self.on_its_way = set(op.value["outbox"])
        return sorted(event for event in missing if self.taken_at.get(event, cursor + 1) > cursor)


def _kept_promise(op: Op, line: int, epoch: int, promised: tuple[int, int] | None) -> Iterator[Fault]:
    if op.f != "pull" or promised is None or op.value["cursor"] != op.value["head"]:
        return
    if epoch == promised[0] and op.value["cursor"] < promised[1]:
        yield Fault("I7", f"{op.process} was taken at {promised[1]} and then pulled all, to {op.value['cursor']}", line)


def derived_once(history: Sequence[Op], ledger: Ledger) -> Iterator[Fault]:
    """I10: what the server stores beside its log is the fold of the log, every event counted once."""
    for line, op in enumerate(history):
        if (op.f, op.type) != ("stored", "ok"):
            continue
        expected = _folded(ledger)
        stored = {entity: tuple(told) for entity, told in op.value["entities"].items()}
        for entity in sorted(expected.keys() | stored.keys()):
            one, other = expected.get(entity), stored.get(entity)
            if one != other:
                yield Fault("I10", f"{entity} is stored as {other}, its log folds to {one}", line)
        for replica, seq in _last_seqs(ledger).items():
            if op.value["replicas"].get(replica, 0) < seq:
                yield Fault(
                    "I10", f"{replica} is counted to {op.value['replicas'].get(replica)}, its log to {seq}", line
                )
        if op.value["digest"] != digest_of(expected):
            yield Fault("I10", "the digest of the server is not that of its log", line)
    yield from _shown_once(history, ledger)


def _shown_once(history: Sequence[Op], ledger: Ledger) -> Iterator[Fault]:
    """Also I10: the tables that people look at hold every event of the log once, and nothing else."""
    line = next((at for at, op in enumerate(history) if (op.f, op.type) == ("tables", "ok")), None)
    if line is None:
        yield Fault("I10", "nobody looked into the read model", len(history) - 1)
        return
    told = history[line].value
    for entity in told["parked"]:
        yield Fault("I10", f"{entity} stands still in the read model", line)
    if told["position"] != len(ledger.log):
        yield Fault("I10", f"the read model holds {told['position']} of {len(ledger.log)} positions", line)
        return
    for table in sorted(told["folded"].keys() | told["held"].keys()):
        yield from _rows_differ(table, told["folded"].get(table, {}), told["held"].get(table, {}), line)


def _rows_differ(table: str, folded: dict[str, Any], held: dict[str, Any], line: int) -> Iterator[Fault]:
    for key in sorted(folded.keys() | held.keys()):
        one, other = folded.get(key), held.get(key)
        if one is None or other is None:
            yield Fault("I10", f"{table} holds {'no' if one else 'a'} row of {key}, against its log", line)
        elif one != other:
            column = next(name for name in sorted(one.keys() | other.keys()) if one.get(name) != other.get(name))
            said = f"{other.get(column)!r}, its log folds to {one.get(column)!r}"
            yield Fault("I10", f"{table}.{column} of {key} is {said}", line)


def _folded(ledger: Ledger) -> dict[str, tuple[int, str]]:
    """(version, hash of its state) of every entity."""
    versions: dict[str, tuple[int, str]] = {}
    for each in ledger.log:
        if each.id is not None:
            versions[each.entity] = (versions.get(each.entity, (0, ""))[0] + 1, each.state)
    return versions


def _last_seqs(ledger: Ledger) -> dict[str, int]:
    last: dict[str, int] = {}
    for each in ledger.log:
        last[each.replica] = max(last.get(each.replica, 0), each.seq)
    return last


def digest_of(states: dict[str, tuple[int, str]]) -> str:
    """One hash of all states, by the rule of the protocol reference."""
    lines = "".join(f"{entity} {state}\n" for entity, (_, state) in sorted(states.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def equal_knowledge_equal_states(history: Sequence[Op], ledger: Ledger) -> Iterator[Fault]:
    """I11: two that have taken in the same events show the same, and so does a snapshot of as many."""
    shown: dict[tuple[str, str], tuple[str, str]] = {}
    states = {(each.entity, each.version): each.state for each in ledger.log}
    for line, op in enumerate(history):
        if op.f in {"read", "rest"} and op.type == "ok":
            by, state_hash = shown.setdefault(
                (op.value["epoch"], op.value["applied"]), (op.process, op.value["state_hash"])
            )
            if state_hash != op.value["state_hash"]:
                yield Fault("I11", f"{op.process} and {by} have the same events and other states", line)
        elif (op.f, op.type) == ("pull", "ok"):
            newest = ledger.epoch_at(line, op.value.get("epoch")) == len(ledger.restored)
            for entity, version, state in op.value.get("snapshots", ()):
                if newest and states.get((entity, version), state) != state:
                    yield Fault("I11", f"a snapshot of {entity} at version {version} is not what its log says", line)
    yield from equal_by_digest(history)


def equal_by_digest(history: Sequence[Op]) -> Iterator[Fault]:
    """Also I11: who has come to a position holds what the server holds there, scope by scope."""
    for line, op in enumerate(history):
        if (op.f, op.type) == ("check", "ok") and op.value["differing"]:
            told = ", ".join(op.value["differing"])
            yield Fault("I11", f"{op.process} at {op.value['cursor']} holds another {told} than the server", line)


def all_quiet_and_equal(history: Sequence[Op], ledger: Ledger) -> Iterator[Fault]:
    """I12: soon after the last blow every queue is empty and every replica equals the log."""
    calm = next((op.time for op in reversed(history) if op.f == "calm"), None)
    if calm is None:
        yield Fault("I12", "the blows never ended", len(history) - 1)
        return
    yield from _all_in_time(history, calm)
    rests = {op.process: (line, op) for line, op in enumerate(history) if (op.f, op.type) == ("rest", "ok")}
    last_open = {op.process: line for line, op in enumerate(history) if op.f == "open"}
    ended = {op.process for op in history if op.f == "close"}
    person = people(history)
    for process, opened in last_open.items():
        if process in ended:
            continue
        line, op = rests.get(process, (opened, None))
        if op is None or line < opened:
            yield Fault("I12", f"{process} never came to rest", opened)
            continue
        yield from (Fault("I12", f"{process} {sentence}", line) for sentence in _unrest(op, calm))
        if op.value["cursor"] != len(ledger.log):
            yield Fault("I12", f"{process} stands at {op.value['cursor']} of {len(ledger.log)}", line)
        elif op.value["state_hash"] != _sight(ledger, person[process]):
            yield Fault("I12", f"{process} shows other states than the log folds to", line)


def _all_in_time(history: Sequence[Op], calm: int) -> Iterator[Fault]:
    """Everything at once: every device at rest, and what people look at as well."""
    quiet = next((op.time for op in reversed(history) if op.f == "quiet"), None)
    if quiet is None:
        yield Fault("I12", "not everybody and the read model came to rest", len(history) - 1)
    elif quiet > calm + SETTLED_MS_MAX:
        yield Fault("I12", f"all was quiet {quiet - calm} ms after the last blow", len(history) - 1)


def _unrest(op: Op, calm: int) -> Iterable[str]:
    if op.value["outbox"]:
        yield f"still has {len(op.value['outbox'])} events to hand in, such as {min(op.value['outbox'])}"
    if op.time > calm + SETTLED_MS_MAX:
        yield f"came to rest {op.time - calm} ms after the last blow"


def _sight(ledger: Ledger, person: str | None) -> str:
    """The digest of what somebody sees of the whole log."""
    head = len(ledger.log)
    seen = {each.entity for each in ledger.log if ledger.sees(person, each, head)}
    return digest_of({entity: told for entity, told in _folded(ledger).items() if entity in seen})
