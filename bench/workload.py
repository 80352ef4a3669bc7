"""A technician's days as events: what phones really hand in, canonical and chained, ready to push.

A job is 25 events: a visit planned, accepted, travelled to, arrived at and finished; a checklist of eight answers, four
of them changed; notes, a photo, a part, a timer, two corrections of the visit. Fourteen of them create an entity.
"""

import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field

from sync.author import Author, write

START_MS = 1_790_000_000_000
EVENTS_PER_JOB = 25


@dataclass(slots=True)
class Phone:
    """One replica at work."""

    author: Author
    rnd: random.Random = field(default_factory=random.Random)
    now_ms: int = START_MS
    clocks: dict[str, dict[str, int]] = field(default_factory=dict[str, dict[str, int]])

    def id(self) -> str:
        """A UUIDv7 of this moment."""
        self.now_ms += self.rnd.randint(1_000, 90_000)
        bits = (self.now_ms << 80) | (7 << 76) | (self.rnd.getrandbits(12) << 64) | (2 << 62) | self.rnd.getrandbits(62)
        return str(uuid.UUID(int=bits))

    def tell(self, entity_type: str, entity: str, event_type: str, **data: object) -> bytes:
        """One event about an entity."""
        clock = self.clocks.get(entity, {})
        self.author, raw = write(
            self.author,
            id=self.id(),
            entity_type=entity_type,
            entity=entity,
            type=event_type,
            data=data,
            clock=clock,
            now_ms=self.now_ms,
        )
        self.clocks[entity] = {**clock, self.author.replica: self.author.seq}
        return raw


def days(replica: str, seed: int) -> Iterator[bytes]:
    """The events of one technician, job after job, without end."""
    phone = Phone(Author(replica=replica), random.Random(seed))
    while True:
        yield from _job(phone)


def _job(phone: Phone) -> Iterator[bytes]:
    work_order, visit, person, template = phone.id(), phone.id(), phone.id(), phone.id()
    at = {"work_order_id": work_order, "visit_id": visit}
    home = {"home": f"work_order:{work_order}", "target": {"type": "visit", "id": visit}}
    yield phone.tell(
        "visit", visit, "VisitPlanned", work_order_id=work_order, assignee_id=person,
        planned_start="2026-09-21T08:00:00.000Z", planned_end="2026-09-21T10:00:00.000Z",
    )  # fmt: skip
    yield phone.tell("visit", visit, "VisitAccepted")
    yield phone.tell("visit", visit, "VisitTravelStarted", travel_started_at="2026-09-21T08:01:00.000Z")
    yield phone.tell("visit", visit, "VisitArrived", arrived_at="2026-09-21T08:31:00.000Z")
    timer = phone.id()
    started = {"person_id": person, "kind": "work", "started_at": "2026-09-21T08:31:00.000Z"}
    yield phone.tell("time_entry", timer, "TimerStarted", **at, **started)
    answers = [phone.id() for _ in range(8)]
    for number, answer in enumerate(answers):
        item = {"template_id": template, "item_id": f"item_{number}", "value": number % 2 == 0}
        yield phone.tell("checklist_answer", answer, "ChecklistItemAnswered", **at, **item)
    for answer in answers[:4]:
        yield phone.tell("checklist_answer", answer, "Edited", value="12.5", skipped_reason=None)
    for body in ("Pump runs dry, inlet filter clogged with sand.", "Owner asks for an offer for a second pump."):
        yield phone.tell("note", phone.id(), "NoteWritten", **home, body=body, author_id=person)
    photo = {"sha256": phone.rnd.randbytes(32).hex(), "mime": "image/jpeg", "size": 1_834_112}
    yield phone.tell("attachment", phone.id(), "PhotoAttached", **home, **photo, taken_at="2026-09-21T08:40:00.000Z")
    yield phone.tell("part_use", phone.id(), "PartUsed", **at, part_id=template, quantity="2")
    yield phone.tell("visit", visit, "Edited", resolution="Filter cleaned.", tags={"add": ["filter"]})
    yield phone.tell("visit", visit, "Edited", resolution="Filter cleaned, seal replaced.")
    yield phone.tell("time_entry", timer, "TimerStopped", stopped_at="2026-09-21T09:40:00.000Z")
    yield phone.tell("visit", visit, "VisitFinished", finished_at="2026-09-21T09:41:00.000Z", outcome="resolved")
