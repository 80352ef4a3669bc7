"""The port of a pull: a tenant's log as it is at one moment, read by scope and never from end to end."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from sync.rows import EntityRow, LaterRow


class Span(NamedTuple):
    """A stretch of the log in which somebody may see a scope."""

    scope: str
    begins: int
    """Position of the event from which on they may."""
    ends: int | None
    """Position of the event from which on they may not; None: they still may."""
    through: str
    """The scope that they were granted and that leads here; the same one where it was granted itself."""


class Tail(NamedTuple):
    """Events in the order of the log, ready to send."""

    lines: bytes
    """Event frames (see `sync.frames`), each ended by a line feed."""
    events: int
    """How many that are."""
    last: int
    """Position up to which none is missing."""


class Snapshots(NamedTuple):
    """Entities as they are now, ready to send."""

    rows: Sequence[tuple[str, str, bytes]]
    """(scope, entity, snapshot frame)."""
    is_whole: bool
    """Whether it is known that none is left out that was asked for."""


class Moment(Protocol):
    """Everything that is read of it belongs to one moment. `sync.frames.EVERYTHING` among the scopes is all there are.

    Implemented by `infra.postgres.pull.PostgresMoment` and `infra.memory_pull.MemoryMoment`.
    """

    @property
    def position(self) -> int:
        """The head of the log."""
        ...

    @property
    def epoch(self) -> str:
        """A UUID that changes when the server came back older than its clients."""
        ...

    @property
    def durable(self) -> int:
        """Up to which position a verified backup holds the log."""
        ...

    def spans(self, person: str, *, after: int) -> Sequence[Span]:
        """What somebody may see by grants, now or at any position after this one."""
        ...

    def tail(
        self, scopes: Sequence[str], *, after: int, until: int, limit: int, bytes_max: int, to_all: bool = True
    ) -> Tail:
        """The events in these scopes at positions after one and up to another: at most so many, in at most about so
        many bytes, unless the first alone is larger; `to_all` as `sync.frames.event_frame` takes it."""
        ...

    def snapshots(self, scopes: Sequence[str], *, before: str, limit: int, bytes_max: int) -> Snapshots:
        """The entities in these scopes, scope by scope in the order given and in each the greatest id first, in the
        first scope from before that id on; limited like a tail. EVERYTHING is one scope."""
        ...

    def let_in_by(self, person: str, *, limit: int) -> Sequence[EntityRow]:
        """The entities by which somebody is granted what they may see now, the newest grants first."""
        ...

    def later(self, replica: str, *, after: int, limit: int) -> Sequence[LaterRow]:
        """What was decided of the events of whoever has that replica, at that position and after it, by position: at
        least so many, if there are, and all of a position or none."""
        ...

    def digests(self, scopes: Sequence[str]) -> Sequence[tuple[str, str]]:
        """(scope, `sync.state_codec.state_hash` of its entities), by scope; nothing for scopes without an entity."""
        ...
