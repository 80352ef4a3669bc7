"""A log as a town of service work fills it over the years, put into the table as it is: no server takes part.

A job is 31 events: opened by the office for a customer's site and asset; a visit planned, travelled to, arrived at and
finished; a checklist of eight answers, four of them changed; a note, a photo, a part, a timer; completed, and most jobs
approved and closed. Twenty jobs share a site, and four technicians and ten parts serve them all.
"""

import random
from collections.abc import Iterator
from typing import Final

from bench.workload import Phone
from infra.postgres import binary_columns
from infra.postgres.pool import connect
from projections.projection import instant
from sync.author import Author
from sync.rows import EventRow

BATCH: Final = 5_000
JOBS_PER_SITE: Final = 20
KINDS: Final = ("repair", "inspection", "maintenance", "installation")
STILL_OPEN: Final = 0.05
WEEK_MS: Final = 7 * 86_400_000
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz234567"


class Town:
    """Events of one tenant, without end."""

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)
        replica = "r" + "".join(self._dice.choice(_LETTERS) for _ in range(12))
        self._phone = Phone(Author(replica=replica), self._dice)
        self.people = [self._phone.id() for _ in range(4)]
        self.parts = [self._phone.id() for _ in range(10)]

    def rows(self) -> Iterator[EventRow]:
        """Its events as the log holds them."""
        versions: dict[str, int] = {}
        for position, (kind, entity, event_type, scope, raw) in enumerate(self._events(), start=1):
            versions[entity] = version = versions.get(entity, 0) + 1
            phone = self._phone
            yield EventRow(
                position, phone.id(), phone.author.replica, position, kind, entity, version, event_type, 1, scope,
                phone.author.at, self.people[0], phone.now_ms + 60_000, raw,
            )  # fmt: skip

    def _events(self) -> Iterator[tuple[str, str, str, str, bytes]]:
        for person in self.people:
            yield self._told("person", person, "Created", "catalog", name="Ada", role="technician")
        for number, part in enumerate(self.parts):
            price = f"{number + 1}.5"
            said = {"sku": f"P-{number}", "name": "Valve", "unit_cost": price, "currency": "EUR"}
            yield self._told("part", part, "Created", "catalog", **said)
        while True:
            yield from self._site()

    def _site(self) -> Iterator[tuple[str, str, str, str, bytes]]:
        customer, site, asset = (self._phone.id() for _ in range(3))
        home = f"site:{site}"
        yield self._told("customer", customer, "Created", f"customer:{customer}", name="Harbour Mill")
        yield self._told("site", site, "Created", home, customer_id=customer, name="Mill, east gate")
        yield self._told("asset", asset, "Created", home, site_id=site, model="BP-200")
        for _ in range(JOBS_PER_SITE):
            yield from self._job(customer, site, asset)

    def _job(self, customer: str, site: str, asset: str) -> Iterator[tuple[str, str, str, str, bytes]]:
        job, visit, person = self._phone.id(), self._phone.id(), self._dice.choice(self.people)
        home, began_ms = f"work_order:{job}", self._phone.now_ms
        at = [instant(began_ms + minutes * 60_000) for minutes in (0, 60, 90, 150, 24 * 60)]
        of = {"work_order_id": job, "visit_id": visit}
        told = {"customer_id": customer, "site_id": site, "kind": self._dice.choice(KINDS), "title": "Pump drips"}
        yield self._told("work_order", job, "Created", home, **told, assets={"add": [asset]}, due_at=at[4])
        yield self._told("work_order", job, "WorkOrderOpened", home, opened_at=at[0])
        planned = {"work_order_id": job, "assignee_id": person, "planned_start": at[1], "planned_end": at[3]}
        yield self._told("visit", visit, "VisitPlanned", home, **planned)
        yield self._told("visit", visit, "VisitAccepted", home)
        yield self._told("visit", visit, "VisitTravelStarted", home, travel_started_at=at[1])
        yield self._told("visit", visit, "VisitArrived", home, arrived_at=at[2])
        timer = self._phone.id()
        yield self._told(
            "time_entry", timer, "TimerStarted", home, **of, person_id=person, kind="work", started_at=at[2]
        )
        answers = [self._phone.id() for _ in range(8)]
        for number, answer in enumerate(answers):
            item = {"template_id": job, "item_id": f"item_{number}", "value": number % 2 == 0}
            yield self._told("checklist_answer", answer, "ChecklistItemAnswered", home, **of, **item)
        for answer in answers[:4]:
            yield self._told("checklist_answer", answer, "Edited", home, value="12.5")
        about = {"home": home, "target": {"type": "visit", "id": visit}}
        body = "Pump runs dry, inlet filter clogged with sand."
        yield self._told("note", self._phone.id(), "NoteWritten", home, **about, body=body)
        photo = {"sha256": self._dice.randbytes(32).hex(), "mime": "image/jpeg", "size": 1_834_112}
        yield self._told("attachment", self._phone.id(), "PhotoAttached", home, **about, **photo)
        used = {"part_id": self._dice.choice(self.parts), "quantity": "2"}
        yield self._told("part_use", self._phone.id(), "PartUsed", home, **of, **used)
        yield self._told("visit", visit, "Edited", home, resolution="Filter cleaned.", tags={"add": ["filter"]})
        yield self._told("time_entry", timer, "TimerStopped", home, stopped_at=at[3])
        if self._dice.random() < STILL_OPEN:
            return
        yield self._told("visit", visit, "VisitFinished", home, finished_at=at[3], outcome="resolved")
        yield self._told("work_order", job, "WorkOrderCompleted", home, completed_at=at[3], outcome="resolved")
        yield self._told("work_order", job, "WorkOrderApproved", home)
        yield self._told("work_order", job, "WorkOrderClosed", home, closed_at=at[4])

    def _told(
        self, kind: str, entity: str, event_type: str, scope: str, /, **data: object
    ) -> tuple[str, str, str, str, bytes]:
        return kind, entity, event_type, scope, self._phone.tell(kind, entity, event_type, **data)


def fill_town(dsn: str, tenant: str, *, events: int, seed: int) -> Town:
    """Put so many events into the empty log of a tenant."""
    town = Town(seed)
    rows, written = town.rows(), 0
    with connect(dsn, role=None) as connection:
        while written < events:
            batch = [next(rows) for _ in range(min(BATCH, events - written))]
            connection.execute(binary_columns.INSERT_EVENTS, binary_columns.events(tenant, batch))
            written += len(batch)
        connection.execute("update log_head set position = %s where tenant = %s", [written, tenant])
    return town
