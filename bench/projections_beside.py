"""The peer: the library's stock ProjectionRunner over its stock Postgres recorder, making the same rows.

The same events lie in the library's own table, its runner hands them over one by one, and each is folded and written to
tables like ours, in the transaction that holds its tracking: what somebody would write who takes the library as it is.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, ClassVar, Final
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.dispatch import singledispatchmethod
from eventsourcing.domain import DomainEvent
from eventsourcing.persistence import Tracking
from eventsourcing.postgres import PostgresTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import tuple_row

from bench.projections_place import Place
from bench.town_log import Town
from cairnfield.wiring import now_ms
from infra.postgres.pool import connect
from infra.postgres.read_model.kept import KEPT_TABLE, kept, recalled, recalling
from infra.postgres.read_model.rows import Writing
from infra.postgres.read_model.tables import KEPT, schema_of
from infra.postgres.read_model.versions import drop, make
from infra.postgres.roles import PROJECTOR
from projections.folding import fold, of_replicas
from projections.read_model import GROUP, PROJECTIONS
from sync.rows import EventRow

EVENTS: Final = 4_000
QUICK_EVENTS: Final = 1_000
WAIT_S_MAX: Final = 600.0


@dataclass(frozen=True)
class Happened(DomainEvent):
    """One of our events in the library's words: its row, and its bytes as text."""

    row: list[Any]
    body: str


class StockView(PostgresTrackingRecorder):
    """Our tables, written event by event; `tenant` and `schema` say where."""

    tenant: ClassVar[str]
    schema: ClassVar[str]
    writing: ClassVar[Mapping[str, Writing]]

    def take_in(self, row: EventRow, tracking: Tracking) -> None:
        """Fold one event into its entity and write what follows."""
        writing = self.writing
        with self.datastore.transaction(commit=True) as cursor:
            connection: Any = cursor.connection
            found = connection.cursor(binary=True, row_factory=tuple_row).execute(
                recalling(self.schema), {"tenant": self.tenant, "entities": [row.entity]}
            )
            known = {each[0]: recalled(each) for each in found.fetchall()}
            folded = fold({row.entity: [row]}, GROUP, known=known)
            for changes in (folded.changes, of_replicas(GROUP, [row])):
                for table, keys in changes.gone.items():
                    writing[table].take_away(connection, self.tenant, keys)
                for table, rows in changes.added.items():
                    writing[table].add(connection, self.tenant, rows)
                for table, rows in changes.written.items():
                    writing[table].write(connection, self.tenant, rows)
            if folded.subjects:
                writing[KEPT].write(connection, self.tenant, kept([*folded.subjects.values()]))
            self._insert_tracking(cursor, tracking)


class StockProjection(Projection[StockView]):
    """Hands every event to the view."""

    name = "stock"

    @singledispatchmethod
    def process_event(self, domain_event: Any, tracking: Tracking) -> None:
        """Take in one event."""
        self.view.take_in(EventRow._make([*domain_event.row, domain_event.body.encode()]), tracking)


def measured(place: Place) -> dict[str, float]:
    """How many times as fast our rebuild is as the library's runner making the same rows of the same kind of log."""
    events = QUICK_EVENTS if place.quick else EVENTS
    place.say(f"the peer: the library's own runner, {events:,} events")
    with connect(place.dsn, role=PROJECTOR) as maker:
        version = make(maker, now_ms=now_ms())
        StockView.tenant, StockView.schema = place.tenants[0], schema_of(version)
        StockView.writing = {each.name: Writing(StockView.schema, each) for each in (*PROJECTIONS, KEPT_TABLE)}
        per_s = _per_s(_env(place.dsn), events)
        drop(maker, version)
    return {
        "library_events_per_s": per_s,
        "rebuild_ratio_to_library": place.figures["rebuild_events_per_s"] / per_s,
    }


def _per_s(env: dict[str, str], events: int) -> float:
    with Application[UUID](env=env) as application:
        for row in islice(Town(99).rows(), events):
            application.save(_happened(row))
    began_s = time.perf_counter()
    with ProjectionRunner(
        application_class=Application[UUID], projection_class=StockProjection, view_class=StockView, env=env
    ) as runner:
        runner.wait(events, timeout=WAIT_S_MAX)
        return events / (time.perf_counter() - began_s)


def _happened(row: EventRow) -> Happened:
    return Happened(
        originator_id=UUID(row.entity),
        originator_version=row.version,
        timestamp=Happened.create_timestamp(),
        row=[*row[:-1]],
        body=row.body.decode(),
    )


def _env(dsn: str) -> dict[str, str]:
    told = conninfo_to_dict(dsn)
    return {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": str(told["dbname"]),
        "POSTGRES_HOST": str(told["host"]),
        "POSTGRES_PORT": str(told.get("port", 5432)),
        "POSTGRES_USER": str(told["user"]),
        "POSTGRES_PASSWORD": str(told.get("password") or ""),
    }
