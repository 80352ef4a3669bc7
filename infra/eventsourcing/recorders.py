"""The library's recorders over our log: what they store goes in by the same append as what devices hand in.

"The office is a replica too": an application has a replica of its own in each tenant, whose seq and hash its events
continue. An application sees what field service says, from whichever replica, and what its own aggregates say; what
the aggregates of another application in the same tenant say is that application's business, and shows only as gaps.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final
from uuid import UUID

from eventsourcing.persistence import (
    AggregateRecorder,
    ApplicationRecorder,
    Notification,
    ProcessRecorder,
    ProgrammingError,
    StoredEvent,
    Subscription,
    Tracking,
    TrackingRecorder,
)

from commands.authority import Principal
from infra.eventsourcing.authored import decision_on_authored
from infra.eventsourcing.identity import event_ids
from infra.eventsourcing.mapper import AuthoredNotification, AuthoredStored
from infra.eventsourcing.office import AGGREGATE, VERSION_MAX, Found, Kept, Office
from infra.eventsourcing.subscription import LogSubscription
from infra.eventsourcing.trouble import told_as_theirs
from sync import hybrid_clock
from sync.envelope import hash_of
from sync.frames import OFFICE_SCOPE
from sync.log import Changes, Conflicting, Known, ReplicaTaken, Wanted
from sync.office import person_of, replica_of
from sync.rows import EventRow, ReplicaRow, TrackedRow

NAME_CHARACTERS_MAX: Final = 200
_MINT_TRIES: Final = 2

Positions = list[int] | None
"""Where events were stored; None: the replica that should write them was never minted."""


class _Recorder:
    """What all recorders of one application in one office have."""

    def __init__(self, office: Office, *, name: str) -> None:
        self.office = office
        self.name = name


class SnapshotRecorder(_Recorder, AggregateRecorder):
    """Keeps snapshots beside the log: never the truth, so they get no position."""

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> None:
        """Keep snapshots; raises IntegrityError for a version that is kept already."""
        del kwargs
        snapshots = [
            Kept(uuid_of(each.originator_id), each.originator_version, each.topic, each.state) for each in stored_events
        ]
        if snapshots:
            with told_as_theirs():
                self.office.shelf.keep(self.office.tenant, snapshots)

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> list[StoredEvent]:
        """The snapshots of one aggregate, by version."""
        entity, (after, until) = uuid_of(originator_id), _versions(gt, lte)
        with told_as_theirs():
            kept = self.office.shelf.kept(
                self.office.tenant, entity, after=after, until=until, descending=desc, limit=limit
            )
        return [StoredEvent(each.entity, each.version, each.type, each.state) for each in kept]


class LogRecorder(_Recorder, ApplicationRecorder):
    """Appends an application's events to its tenant's log and reads them back; a notification id is a position."""

    def __init__(self, office: Office, *, name: str) -> None:
        if not 0 < len(name) <= NAME_CHARACTERS_MAX:
            raise ProgrammingError(f"an application's name has 1 to {NAME_CHARACTERS_MAX} characters, not {len(name)}")
        super().__init__(office, name=name)
        self.replica = replica_of(office.tenant, name)
        self.person = person_of(office.tenant, name)

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> list[int]:
        """Append events, all or none, in one transaction; returns their positions.

        `tracking` (Tracking) moves this follower in the same transaction. `speaking` (Principal) says who speaks where
        the events are authored ones; without it the application speaks for itself.
        Raises IntegrityError when a version is taken or the follower has come as far, sync.envelope.Unacceptable for
        an authored event that may not be said.
        """
        tracked = self._tracked(kwargs.get("tracking"))
        if not stored_events and not tracked:
            return []
        with told_as_theirs():
            positions = self._append(stored_events, tracked, kwargs.get("speaking"))
        self.office.doorbell.ring(self.office.tenant)
        return positions

    def _append(
        self, stored: Sequence[StoredEvent], tracked: Sequence[TrackedRow], speaking: Principal | None
    ) -> list[int]:
        now_ms = self.office.now_ms()
        authored = [each for each in stored if isinstance(each, AuthoredStored)]
        if authored:
            if len(authored) < len(stored):
                raise ProgrammingError("events of aggregates and authored events are stored by separate calls")
            wanted, decide = decision_on_authored(authored, tracked, speaking or self.principal(), now_ms)
        else:
            aggregates = _AggregateEvents(stored, tracked, self.replica, self.person, now_ms)
            wanted, decide = aggregates.wanted(), aggregates.decide
        for _ in range(_MINT_TRIES):
            positions = self.office.log.append(self.office.tenant, wanted, decide, now_ms=now_ms)
            if positions is not None:
                return positions
            self.mint()
        raise AssertionError("a replica that was minted is known")

    def principal(self) -> Principal:
        """The application itself, as somebody who speaks."""
        return Principal(tenant=self.office.tenant, person=self.person, name=self.name, role="integration")

    def mint(self) -> None:
        """Make the application's replica known; does nothing where it is known."""
        office = self.office
        office.log.head(office.tenant)  # says so if there is no such tenant
        office.shelf.employ(office.tenant, person=self.person, name=self.name)
        try:
            office.log.mint(
                office.tenant, replica=self.replica, person=self.person, name=self.name, now_ms=office.now_ms()
            )
        except ReplicaTaken:
            known = office.log.replica(office.tenant, self.replica)
            assert known is not None
            if known.person != self.person:
                raise ProgrammingError(f"replica {self.replica} belongs to somebody else") from None

    def _tracked(self, tracking: Tracking | None) -> list[TrackedRow]:
        if tracking is None:
            return []
        return [TrackedRow(follower(self.name, tracking.application_name), tracking.notification_id)]

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> list[StoredEvent]:
        """The events of one entity, by version, whoever wrote them: an entity is one thing in a tenant."""
        entity, (after, until) = uuid_of(originator_id), _versions(gt, lte)
        with told_as_theirs():
            found = self.office.shelf.history(
                self.office.tenant, entity, after=after, until=until, descending=desc, limit=limit
            )
        return [_stored(each) for each in found]

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> list[Notification]:
        """What field service and this application said, in the order of the log."""
        first = 1 if start is None else start if inclusive_of_start else start + 1
        with told_as_theirs():
            found = self.office.shelf.notifications(
                self.office.tenant,
                replica=self.replica,
                first=first,
                last=VERSION_MAX if stop is None else stop,
                topics=topics,
                limit=limit,
            )
        return [_notification(each) for each in found]

    def max_notification_id(self) -> int | None:
        """The position of the tenant's last event, whoever wrote it."""
        with told_as_theirs():
            return self.office.log.head(self.office.tenant).position or None

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> Subscription[ApplicationRecorder]:
        """What `select_notifications` shows, from the position after `gt` on and without an end."""
        return LogSubscription(self, gt=gt, topics=topics, doorbell=self.office.doorbell, tenant=self.office.tenant)


class LogTrackingRecorder(_Recorder, TrackingRecorder):
    """How far one follower has come in the logs that it follows."""

    def insert_tracking(self, tracking: Tracking) -> None:
        """Move on; raises IntegrityError if the follower has come as far already."""
        with told_as_theirs():
            self.office.shelf.move(
                self.office.tenant, follower(self.name, tracking.application_name), tracking.notification_id
            )

    def max_tracking_id(self, application_name: str) -> int | None:
        """The position that the follower has come to."""
        with told_as_theirs():
            return self.office.shelf.followed(self.office.tenant, follower(self.name, application_name))


class LogProcessRecorder(LogTrackingRecorder, LogRecorder, ProcessRecorder):
    """Both: an application that follows another, and stores what it makes of an event together with its position."""


def follower(name: str, application: str) -> str:
    """The key of a follower: who follows, and what."""
    return f"{name}:{application}"


def uuid_of(originator_id: UUID | str) -> UUID:
    """The id of an entity; raises ProgrammingError for the library's text ids."""
    if isinstance(originator_id, UUID):
        return originator_id
    raise ProgrammingError(
        f"originator id {originator_id!r} is text, and entities of this log are named by UUIDs: "
        "derive one with uuid.uuid5, or let the aggregate make its own"
    )


def _versions(gt: int | None, lte: int | None) -> tuple[int, int]:
    return -1 if gt is None else gt, VERSION_MAX if lte is None else lte


def _stored(found: Found) -> StoredEvent:
    if found.entity_type == AGGREGATE:
        return StoredEvent(found.entity, found.version, found.type, found.body)
    return AuthoredStored(found.entity, found.version, found.type, found.body, found.effective)


def _notification(found: Found) -> Notification:
    if found.entity_type == AGGREGATE:
        return Notification(found.entity, found.version, found.type, found.body, found.position)
    return AuthoredNotification(found.entity, found.version, found.type, found.body, found.position, found.effective)


class _AggregateEvents:
    """A decision: what the library's aggregates say, as rows that continue the application's replica."""

    def __init__(
        self, stored: Sequence[StoredEvent], tracked: Sequence[TrackedRow], replica: str, person: str, now_ms: int
    ) -> None:
        self._stored, self._tracked = stored, tracked
        self._replica, self._person, self._now_ms = replica, person, now_ms
        self._ids = event_ids(len(stored), now_ms)
        self._entities = [str(uuid_of(each.originator_id)) for each in stored]

    def wanted(self) -> Wanted:
        return Wanted(replicas=frozenset({self._replica}), entities=list(dict.fromkeys(self._entities)))

    def decide(self, known: Known) -> tuple[Changes, Positions]:
        if not self._stored:
            return Changes(tracked=self._tracked), []
        own = known.replicas.get(self._replica)
        if own is None:
            return Changes(), None
        for row in known.entities.values():
            # Its version would be taken from under the merge, which numbers an entity's events by itself.
            raise Conflicting(f"{row.entity} is a {row.type} of field service and can be no aggregate too")
        events = list(self._rows(known.position + 1, own.last_seq + 1))
        moved = ReplicaRow(own.replica, own.person, events[-1].seq, hash_of(events[-1].body))
        changes = Changes(events=events, replicas=[moved], tracked=self._tracked)
        return changes, [row.position for row in events]

    def _rows(self, position: int, seq: int) -> Iterable[EventRow]:
        at = hybrid_clock.stamp(self._now_ms)
        for number, (each, event_id, entity) in enumerate(zip(self._stored, self._ids, self._entities, strict=True)):
            yield EventRow(
                position + number,
                event_id,
                self._replica,
                seq + number,
                AGGREGATE,
                entity,
                each.originator_version,
                each.topic,
                1,
                OFFICE_SCOPE,
                at,
                self._person,
                self._now_ms,
                each.state,
            )
