"""What a history is held against: the log as it stood at the end, the epochs, and who may see what."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from cairnfield.prove_sync.history import Op

TAKEN: Final = frozenset({"accepted", "duplicate"})
_NO_LOG: Final[dict[str, Any]] = {"events": []}


class Fault(NamedTuple):
    """Something that must not be: which promise it breaks, what it is, and the line of the history that shows it."""

    invariant: str
    sentence: str
    line: int


class LogEvent(NamedTuple):
    """An event of the log at the end."""

    position: int
    id: str | None
    """None for what no replica has a use for."""
    leaf: str = ""
    """Hash of the whole frame: the event and the server's stamps."""
    hash: str = ""
    """Hash of the authored bytes."""
    entity: str = ""
    version: int = 0
    replica: str = ""
    seq: int = 0
    scope: str = ""
    clock: Mapping[str, int] = {}
    tx: tuple[str, int, int] | None = None
    """(id, i, n)."""
    state: str = ""
    """Hash of the entity's state with this event in it, folded from the log alone."""
    actor: str = ""
    """Who answers for it."""
    reason: str | None = None
    """Why it was told, where its author says so."""


class Told(NamedTuple):
    """A verdict as somebody heard it."""

    line: int
    process: str
    epoch: int
    id: str
    verdict: str
    position: int
    named: str | None = None
    """What was told instead of what was resubmitted, or why something was dismissed."""


class Restored(NamedTuple):
    """The server came back older than its clients."""

    line: int
    epoch: str
    head: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """The final log by everything it is looked up by. Epochs are numbered: 0 is the first."""

    log: Sequence[LogEvent]
    by_id: Mapping[str, LogEvent]
    by_dot: Mapping[tuple[str, int], LogEvent]
    by_position: Mapping[int, LogEvent]
    restored: Sequence[Restored]
    grants: Mapping[str, Mapping[str, Sequence[tuple[int, int | None]]]] = field(
        default_factory=dict[str, dict[str, list[tuple[int, int | None]]]]
    )
    """By person and scope, from which position to which it was granted."""
    scopes: Mapping[str, str] = field(default_factory=dict[str, str])
    """By entity, where it lives."""
    office: str = ""
    """The replica that speaks for the server, and that nobody hands in again."""

    def may_have_lost(self, replica: str) -> bool:
        """Whether what a replica wrote may be gone for good, by a restore."""
        return replica == self.office and bool(self.restored)

    def epoch_at(self, line: int, told: Any = None) -> int:
        """The number of an epoch by its name, or by when it was spoken of."""
        if told is None:
            return sum(each.line < line for each in self.restored)
        return next((number for number, each in enumerate(self.restored, 1) if each.epoch == told), 0)

    def written_in(self, epoch: int, position: int) -> int:
        """The epoch in which that position, as this epoch knows it, was written."""
        while epoch and position <= self.restored[epoch - 1].head:
            epoch -= 1
        return epoch

    def survived(self, epoch: int, position: int) -> bool:
        """Whether what stood there in this epoch stands there still."""
        return all(position <= each.head for each in self.restored[epoch:])

    def sees(self, person: str | None, event: LogEvent, position: int, *, head: int = 0) -> bool:
        """Whether a person, or with None somebody who sees everything, sees the event when they stand at a position.

        `head` is where the log ended when they were brought there: what was taken from them by then is not sent.
        """
        if event.id is None:
            return False
        if person is None or event.scope == "catalog":
            return True
        spans = self.grants.get(person, {}).get(event.scope, ())
        return any(start <= position and (end is None or max(position, head) < end) for start, end in spans)

    def saw(self, person: str | None, scope: str, first: int, last: int) -> bool:
        """Whether somebody had been let into a scope at any of these positions."""
        if person is None or scope == "catalog":
            return True
        spans = self.grants.get(person, {}).get(scope, ())
        return any(start <= last and (end is None or first < end) for start, end in spans)


def ledger_of(history: Sequence[Op]) -> Ledger:
    """What the history says of itself."""
    told = next((op.value for op in reversed(history) if (op.f, op.type) == ("log", "ok")), _NO_LOG)
    log = [_log_event(each) for each in told["events"]]
    return Ledger(
        log=log,
        by_id={each.id: each for each in log if each.id},
        by_dot={(each.replica, each.seq): each for each in log},
        by_position={each.position: each for each in log},
        scopes={each.entity: each.scope for each in log if each.id},
        office=next((op.value["office"] for op in history if (op.f, op.type) == ("cases", "ok")), ""),
        restored=[
            Restored(line, op.value["epoch"], op.value["head"]) for line, op in enumerate(history) if op.f == "restore"
        ],
        grants={
            person: {scope: [(start, end) for start, end in spans] for scope, spans in scopes.items()}
            for person, scopes in told.get("grants", {}).items()
        },
    )


def _log_event(told: dict[str, Any]) -> LogEvent:
    event = LogEvent(**told)
    return event._replace(tx=(event.tx[0], event.tx[1], event.tx[2])) if event.tx else event


def verdicts(history: Sequence[Op], ledger: Ledger) -> Iterator[Told]:
    """Every verdict that anybody was told, in the answer to a push or in a pull."""
    for line, op in enumerate(history):
        if op.type != "ok" or op.f not in {"push", "pull"}:
            continue
        epoch = ledger.epoch_at(line, op.value.get("epoch"))
        for event, verdict, position, *named in op.value.get("verdicts", ()):
            yield Told(line, op.process, epoch, event, verdict, position or 0, *named)


def people(history: Sequence[Op]) -> dict[str, str | None]:
    """By process, the person whose grants limit what it sees; None for those who see everything."""
    return {op.process: op.value.get("person") for op in history if op.f == "open"}
