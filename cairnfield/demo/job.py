"""One job's life in Harbour Town: asked for, planned, driven to, worked on, approved."""

import hashlib
from typing import Any, Final

from cairnfield.demo import town
from cairnfield.demo.script import HOUR, MINUTE, Ahead, Script
from cairnfield.ids import instant


class Job:
    """One job's life, told up to the state in which it is found."""

    def __init__(self, script: Script, number: int, technician: str, mate: str) -> None:
        self.script, self.number, self.technician, self.mate = script, number, technician, mate
        self.office, self.supervisor = town.PEOPLE[0].name, town.PEOPLE[7].name
        self.title, self.kind, self.template = town.TITLES[number % len(town.TITLES)]
        self.place = number % len(town.CLIENTS)
        self.person = self._person(technician)
        self.work_order, self.visit, self.timer = "", "", ""
        self.at = 0

    def _person(self, name: str) -> str:
        return self.script.ids["person"][[each.name for each in town.PEOPLE].index(name)]

    def live(self, state: str) -> None:
        finished = state in ("completed", "approved", "closed", "on_hold")
        days_ago = {"approved": 50, "closed": 75, "cancelled": 30, "completed": 28, "on_hold": 26}.get(state, 20)
        self.at = self.script.now_ms - days_ago * HOUR + self.number * 7 * MINUTE
        self._ask_for()
        if state == "draft":
            return
        self._office("work_order", self.work_order, "WorkOrderOpened", opened_at=instant(self.at))
        if state == "cancelled":
            self._office("work_order", self.work_order, "WorkOrderCancelled", cancel_reason="The customer fixed it.")
        if state in ("open", "cancelled"):
            return
        self._plan(ahead=state == "scheduled")
        if state == "scheduled":
            self.script.ahead.append(Ahead(self.visit, self.technician))
            return
        if state == "in_progress":
            self.at = max(self.at, self.script.now_ms - 3 * HOUR + self.number * 2 * MINUTE)
        self._set_out()
        if finished:
            self._work()
            self._leave(state)
        if state in ("approved", "closed"):
            self._tell(self.supervisor, 300, "work_order", self.work_order, "WorkOrderApproved")
        if state == "closed":
            self._tell(
                self.supervisor, 20, "work_order", self.work_order, "WorkOrderClosed", closed_at=instant(self.at)
            )

    def _tell(self, who: str, minutes: int, entity_type: str, entity: str, type: str, **data: Any) -> str:  # noqa: A002
        self.at += minutes * MINUTE
        matter = self.work_order or entity
        return self.script.tell(self.at, who, matter, entity_type, entity, type, data)

    def _office(self, entity_type: str, entity: str, type: str, **data: Any) -> str:  # noqa: A002
        return self._tell(self.office, 4, entity_type, entity, type, **data)

    def _field(self, minutes: int, entity_type: str, type: str, **data: Any) -> str:  # noqa: A002
        """Told by the technician: of the visit and the job themselves, or of something new."""
        known = {"visit": self.visit, "work_order": self.work_order}
        entity = known.get(entity_type) or self.script.new_id(self.at + minutes * MINUTE)
        return self._tell(self.technician, minutes, entity_type, entity, type, **data)

    def _ask_for(self) -> None:
        ids, place = self.script.ids, self.place
        self.work_order = self.script.new_id(self.at)
        self._office(
            "work_order",
            self.work_order,
            "Created",
            customer_id=ids["customer"][place],
            site_id=ids["site"][place],
            assets={"add": [ids["asset"][place]]},
            kind=self.kind,
            priority=("low", "normal", "high", "critical")[self.number % 4],
            title=f"{self.title}: {town.CLIENTS[place].asset}",
            checklist_templates={"add": [ids["checklist_template"][self.template]]},
            due_at=instant(self.at + 72 * HOUR),
            requires_signature=self.number % 3 == 0,
        )

    def _plan(self, *, ahead: bool) -> None:
        start = self.script.now_ms + (2 + self.number % 9) * HOUR if ahead else self.at + 2 * HOUR
        self.visit = self.script.new_id(self.at)
        self._office(
            "visit",
            self.visit,
            "VisitPlanned",
            work_order_id=self.work_order,
            assignee_id=self.person,
            planned_start=instant(start),
            planned_end=instant(start + 90 * MINUTE),
            **({"crew": {"add": [self._person(self.mate)]}} if self.number % 4 == 2 else {}),
        )
        self._office("work_order", self.work_order, "WorkOrderScheduled")
        if not ahead or self.number % 3:
            self._office("visit", self.visit, "VisitDispatched")
        if not ahead or self.number % 3 == 2:
            self._field(15, "visit", "VisitAccepted")

    def _set_out(self) -> None:
        self._field(20, "visit", "VisitTravelStarted", travel_started_at=instant(self.at))
        if self.number % 7 == 3:
            return  # still on the road
        self._field(25, "visit", "VisitArrived", arrived_at=instant(self.at))
        self._field(1, "work_order", "WorkOrderStarted")
        told = {"work_order_id": self.work_order, "visit_id": self.visit, "person_id": self.person, "kind": "work"}
        self.timer = self._field(1, "time_entry", "TimerStarted", **told, started_at=instant(self.at))
        if self.number % 5 == 4 and town.STATES[self.number] == "in_progress":
            self._field(15, "visit", "VisitPaused")

    def _work(self) -> None:
        ids = self.script.ids
        answers = {
            "yes_no": True,
            "reading": f"{2 + self.number % 4}.{1 + self.number % 9}",
            "text": "All as it should be",
        }
        if not self.timer:
            self._field(20, "visit", "VisitArrived", arrived_at=instant(self.at))
            self._field(1, "work_order", "WorkOrderStarted")
        about = {"work_order_id": self.work_order, "visit_id": self.visit}
        template = ids["checklist_template"][self.template]
        for item, kind, _ in town.TEMPLATES[self.template][2]:
            told = {**about, "template_id": template, "item_id": item, "value": answers[kind]}
            self._field(6, "checklist_answer", "ChecklistItemAnswered", **told)
        part, van = ids["part"][self.number % len(ids["part"])], ids["stock_location"][self.number % 6]
        self._field(
            8, "part_use", "PartUsed", **about, part_id=part, stock_location_id=van, quantity=str(1 + self.number % 3)
        )
        self._field(
            3,
            "note",
            "NoteWritten",
            home=f"work_order:{self.work_order}",
            target={"type": "visit", "id": self.visit},
            body=_NOTES[self.number % len(_NOTES)],
            visibility="internal" if self.number % 2 else "customer",
            author_id=self.person,
        )

    def _leave(self, state: str) -> None:
        outcome = "follow_up" if state == "on_hold" else "resolved"
        if self.timer:
            self._tell(self.technician, 10, "time_entry", self.timer, "TimerStopped", stopped_at=instant(self.at))
        if self.number % 3 == 0 and state != "on_hold":
            self._sign()
        resolution = "A part must be ordered." if state == "on_hold" else "Repaired and tested."
        self._field(2, "visit", "VisitFinished", outcome=outcome, finished_at=instant(self.at), resolution=resolution)
        if state == "on_hold":
            self._field(1, "work_order", "WorkOrderPutOnHold", hold_reason="Waiting for a part.")
            return
        told = {"completed_at": instant(self.at), "outcome": outcome, "resolution": resolution}
        self._field(1, "work_order", "WorkOrderCompleted", **told)

    def _sign(self) -> None:
        self._field(
            4,
            "signature",
            "SignatureTaken",
            work_order_id=self.work_order,
            visit_id=self.visit,
            signer_name=town.CLIENTS[self.place].contact,
            signer_role="Customer",
            strokes=[[10, 40, 0, 30, 10, 80, 60, 45, 160, 95, 12, 240]],
            document_hash=hashlib.sha256(f"{self.work_order} {self.title}".encode()).hexdigest(),
            signed_at=instant(self.at),
        )


_NOTES: Final = (
    "The access is from the back; ring twice.",
    "Bearing runs warm, look at it again in a month.",
    "The customer asks for a quote for a second unit.",
    "Cleaned the strainer, it was full of mussels.",
    "Old fuse box, cover is missing. Reported to the customer.",
)
