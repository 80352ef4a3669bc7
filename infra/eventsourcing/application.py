"""Commands of field service in an Application of the library, one per tenant, whose projector is our merge.

The office is a replica like any other: what it writes is authored, chained and stamped as on a device, goes through
the same judgement and merge, and reaches the devices in the same frames.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from eventsourcing.application import AggregateNotFoundError, Application
from eventsourcing.persistence import IntegrityError, Recording

from commands.authority import Principal
from infra.eventsourcing.identity import event_ids
from infra.eventsourcing.mapper import Authored
from infra.eventsourcing.recorders import LogRecorder
from infra.eventsourcing.trouble import told_as_theirs
from sync import hybrid_clock, merge
from sync.author import Author, write
from sync.envelope import parse
from sync.merge import State
from sync.office import OFFICE

TRIES_MAX: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """One entity as the log's events have made it."""

    id: UUID
    version: int
    """How many events are in."""
    state: State


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A fact to be told about an entity, which is new where the fact creates it."""

    entity_type: str
    entity: UUID
    type: str
    data: Mapping[str, Any]


def fold(entity: Entity | None, events: Iterable[Authored]) -> Entity | None:
    """The library's projector: the entity with these events in it, None while there are none."""
    for authored in events:
        event = authored.event
        before = entity.state if entity else merge.empty(event.entity_type)
        state = merge.apply(before, event, authored.effective)
        entity = Entity(id=authored.originator_id, version=authored.originator_version, state=state)
    return entity


class FieldServiceApplication(Application[UUID]):
    """Writes and reads the field-service entities of the tenant that CAIRN_TENANT names.

    PERSISTENCE_MODULE must be `infra.eventsourcing.postgres` or `infra.eventsourcing.memory`.
    """

    name = OFFICE

    def entity(self, entity: UUID, *, version: int | None = None) -> Entity | None:
        """An entity as its events say, up to a version or to the end; None where nobody wrote it."""
        try:
            found: Entity = self.repository.get(entity, version=version, projector_func=fold)
        except AggregateNotFoundError:
            return None
        return found

    def tell(self, *facts: Said, speaking: Principal | None = None) -> list[Recording[UUID]]:
        """Author these facts and append them, all or none; returns the events with their positions.

        Each knows all that the log holds of its entity, those before it in `facts` included. `speaking` is who answers
        for them; None: the application itself, in the role `integration`.
        Raises sync.envelope.Unacceptable for a fact that may not be said, IntegrityError when others wrote first
        TRIES_MAX times in a row, OperationalError when the log cannot store now.
        """
        for remaining in reversed(range(TRIES_MAX)):
            try:
                return self.save(*self.authored(*facts), speaking=speaking)
            except IntegrityError:
                if remaining == 0:
                    raise
        raise AssertionError("the last try returns or raises")

    def authored(self, *facts: Said) -> list[Authored]:
        """The events that tell these facts of what the log holds now, ready for `save`; nothing is stored yet."""
        author = self._author()
        entities: dict[UUID, Entity | None] = {}
        written: list[Authored] = []
        for fact in facts:
            before = entities[fact.entity] if fact.entity in entities else self.entity(fact.entity)
            now_ms = self._office_recorder.office.now_ms()
            author, raw = write(
                author,
                id=event_ids(1, now_ms)[0],
                entity_type=fact.entity_type,
                entity=str(fact.entity),
                type=fact.type,
                data=dict(fact.data),
                clock=before.state.clock if before else {},
                now_ms=now_ms,
            )
            authored = Authored.of(parse(raw), before.version + 1 if before else 1)
            entities[fact.entity] = fold(before, [authored])
            written.append(authored)
        return written

    def _author(self) -> Author:
        recorder = self._office_recorder
        office = recorder.office
        with told_as_theirs():
            head = office.log.head(office.tenant)
            known = office.log.replica(office.tenant, recorder.replica)
        # Its last stamp is not asked for: among its own events seq decides, and the wall clock stamps the rest.
        return Author(
            replica=recorder.replica,
            seq=known.last_seq if known else 0,
            prev=known.last_hash if known else None,
            at=hybrid_clock.BEGINNING,
            seen=head.position,
        )

    @property
    def _office_recorder(self) -> LogRecorder:
        assert isinstance(self.recorder, LogRecorder), "PERSISTENCE_MODULE is one of infra.eventsourcing"
        return self.recorder
