"""What each device had taken in when, page by page, as its history tells it."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from cairnfield.prove_sync.history import Op


class TakenIn(NamedTuple):
    """A page that a device has stored."""

    process: str
    line: int
    """Of the answer that brought it."""
    page: Op
    after: int
    """Where the device stood before."""
    cursor: int
    """Where it stands now."""
    before: Mapping[str, int]
    """How many events of each entity that the page speaks of were in."""
    versions: Mapping[str, int]
    """How many events of each entity are in now; it changes with the next page."""
    is_level: bool
    """Whether it holds everything as of its cursor: no pull is to be resumed, and no state is of a later moment."""
    is_begun_anew: bool
    """Whether what it held before counts no more."""


@dataclass(slots=True)
class _Reader:
    """How far one device has come."""

    cursor: int = 0
    epoch: str | None = None
    versions: dict[str, int] = field(default_factory=dict[str, int])
    states_of: int | None = 0
    """Where the log ended when the newest state that it was sent was read; None: not known."""
    page: tuple[int, Op] | None = None
    """What arrived and is not stored yet."""
    is_new: bool = True

    def stores(self, process: str, cursor: int) -> TakenIn:
        """Its page is stored, and it stands there now."""
        assert self.page is not None
        (line, op), after, is_new = self.page, self.cursor, self.is_new
        told = [(entity, version) for entity, version, *_ in op.value.get("snapshots", ())]
        if told or self.states_of is None:
            self.states_of = max(self.states_of or 0, op.value["head"])
        told += [(entity, version) for *_, entity, version in op.value["events"]]
        before = {entity: self.versions.get(entity, 0) for entity, _ in told}
        for entity, version in told:
            self.versions[entity] = max(version, self.versions.get(entity, 0))
        self.page, self.cursor, self.is_new = None, cursor, False
        is_level = not op.value.get("resume") and cursor >= self.states_of
        return TakenIn(process, line, op, after, cursor, before, self.versions, is_level, is_new)


def pages_taken_in(history: Sequence[Op]) -> Iterator[TakenIn]:
    """Every page that a device has stored, in the order in which that became known."""
    readers: dict[str, _Reader] = defaultdict(_Reader)
    for line, op in enumerate(history):
        reader = readers[op.process]
        match op.f, op.type:
            case "open", _ if op.value["why"] in {"rolled_back", "cloned"}:
                # What it had then is told, and not when its states were read; from here on its pages tell.
                versions = dict(op.value.get("versions", {}))
                readers[op.process] = _Reader(op.value["cursor"], op.value["epoch"], versions, states_of=None)
            case "open", _ if reader.page is not None:
                if op.value["cursor"] != reader.cursor:  # killed after it stored the page and before it said so
                    yield reader.stores(op.process, op.value["cursor"])
                reader.page = None
            case "pull", "ok":
                reader.page = (line, op)
            case "apply", "ok" if reader.epoch not in {None, op.value["epoch"]}:
                # It has heard that the server came back older: what it had is replaced from here on.
                began = readers[op.process] = _Reader(0, op.value["epoch"])
                if reader.page is not None and reader.page[1].value["cursor"] == op.value["cursor"]:
                    began.page = reader.page
                    yield began.stores(op.process, op.value["cursor"])
            case "apply", "ok" if reader.page is not None:
                reader.epoch = op.value["epoch"]
                yield reader.stores(op.process, op.value["cursor"])
            case _:
                pass
