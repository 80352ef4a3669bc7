"""Between events as Python knows them and rows of the log.

Two kinds lie in one log. What the library's aggregates say is stored as the library stores it. What field service says
is authored: canonical JSON that was numbered, chained and hashed by its replica, so its bytes are kept and only read.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import Mapper, Notification, StoredEvent

from sync.envelope import Event, parse


@dataclass(frozen=True, kw_only=True)
class Authored:
    """An authored event of field service as a domain event of the library.

    `effective` is the stamp that counts in merges: the server's, or the author's own while the server has not spoken.
    """

    originator_id: UUID
    originator_version: int
    event: Event
    effective: str

    @classmethod
    def of(cls, event: Event, version: int) -> "Authored":
        """A new event, about to become the version of its entity that is given."""
        return cls(originator_id=UUID(event.entity), originator_version=version, event=event, effective=event.at)


@dataclass(frozen=True)
class AuthoredStored(StoredEvent):
    """An authored event on its way to or from the log: `topic` is its type, `state` its canonical bytes."""

    effective: str


@dataclass(frozen=True)
class AuthoredNotification(Notification):
    """An authored event at its position in the log."""

    effective: str


class LogMapper(Mapper[UUID]):
    """The library's mapper, which leaves the bytes of authored events as they are.

    They are neither compressed nor enciphered: others hash and read the very same bytes.
    """

    def to_stored_event(self, domain_event: DomainEventProtocol[UUID]) -> StoredEvent:
        """The row of an event."""
        if isinstance(domain_event, Authored):
            event = domain_event.event
            return AuthoredStored(
                originator_id=domain_event.originator_id,
                originator_version=domain_event.originator_version,
                topic=event.type,
                state=event.raw,
                effective=domain_event.effective,
            )
        return super().to_stored_event(domain_event)

    def to_domain_event(self, stored_event: StoredEvent) -> DomainEventProtocol[Any]:
        """The event of a row; raises MapperDeserialisationError for bytes that are not its topic's."""
        if isinstance(stored_event, AuthoredStored | AuthoredNotification):
            return Authored(
                originator_id=_uuid(stored_event),
                originator_version=stored_event.originator_version,
                event=parse(stored_event.state),
                effective=stored_event.effective,
            )
        return super().to_domain_event(stored_event)


def _uuid(stored: StoredEvent) -> UUID:
    assert isinstance(stored.originator_id, UUID)
    return stored.originator_id
