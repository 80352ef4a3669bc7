"""What a simulated technician does next: pure, from what their device shows and a die."""

from dataclasses import dataclass
from typing import Any, Final

from cairnfield.simulate.world import Deed, Home, Moment, Ref, Scene

OVER: Final = frozenset({"done", "declined", "cancelled"})
SHARED: Final = 8
"""So many of each type are everybody's business, so that people meet there."""


@dataclass(slots=True)
class Technician:
    """One technician with a device: who they are and where they are."""

    person: Ref | None
    visit: Ref | None = None

    def decide(self, scene: Scene) -> list[Deed]:
        """What is told at this moment; empty while there is nothing to do."""
        chance = scene.random.random()
        if chance < 0.03:
            return _mischief(scene)
        if chance < 0.22:
            return meddle(scene)
        if self.visit is None:
            self.visit = _next_visit(scene, self.person)
        if self.visit is None:
            return _plan_own(scene, self.person)
        values = scene.sees(self.visit)
        if values is None or values["status"] in OVER:
            self.visit = None
            return []
        return _go_on(scene, self.visit, values, self.person)


def _next_visit(scene: Scene, person: Ref | None) -> Ref | None:
    mine = scene.world.id_of(person) if person and scene.random.random() < 0.7 else None
    found = scene.pick("visit", lambda visit: visit["status"] not in OVER and _is_for(visit, mine))
    # With nothing of their own left they help out, which is how two technicians come to one job.
    return found or scene.pick("visit", lambda visit: visit["status"] not in OVER)


def _is_for(visit: dict[str, Any], person: str | None) -> bool:
    return person is None or visit.get("assignee_id") == person


def _plan_own(scene: Scene, person: Ref | None) -> list[Deed]:
    job = scene.pick("work_order", lambda job: job["status"] in ("open", "scheduled", "in_progress"))
    if job is None:
        return []
    assignee = {"assignee_id": person} if person else {}
    return [Deed("visit", scene.new("visit"), "VisitPlanned", {"work_order_id": job, **assignee})]


def _go_on(scene: Scene, visit: Ref, values: dict[str, Any], person: Ref | None) -> list[Deed]:
    """The next step of a visit; a step may be skipped, as people do."""
    job = scene.world.ref_of(values["work_order_id"])
    match values["status"]:
        case "planned" | "dispatched":
            if scene.random.random() < 0.08:
                return [Deed("visit", visit, "VisitDeclined", {"decline_reason": "Too far away today."})]
            if scene.random.random() < 0.5:
                return [Deed("visit", visit, "VisitAccepted")]
            return [Deed("visit", visit, "VisitTravelStarted", {"travel_started_at": Moment(scene.ms)})]
        case "accepted":
            return [Deed("visit", visit, "VisitTravelStarted", {"travel_started_at": Moment(scene.ms)})]
        case "travelling":
            return _arrive(scene, visit, job, person)
        case "paused":
            return [Deed("visit", visit, "VisitContinued")]
        case _:
            if scene.random.random() < 0.3 or job is None:
                return _finish(scene, visit, job)
            return _work(scene, visit, job)


def _arrive(scene: Scene, visit: Ref, job: Ref | None, person: Ref | None) -> list[Deed]:
    deeds = [Deed("visit", visit, "VisitArrived", {"arrived_at": Moment(scene.ms)})]
    if job is not None and (scene.sees(job) or {}).get("status") in ("open", "scheduled"):
        deeds.append(Deed("work_order", job, "WorkOrderStarted"))
    if job is not None and person is not None:
        told = {
            "work_order_id": job,
            "visit_id": visit,
            "person_id": person,
            "kind": "work",
            "started_at": Moment(scene.ms),
        }
        deeds.append(Deed("time_entry", scene.new("time_entry"), "TimerStarted", told))
    return deeds


def _finish(scene: Scene, visit: Ref, job: Ref | None) -> list[Deed]:
    outcome = scene.random.choice(["resolved", "resolved", "follow_up", "no_access"])
    deeds = [Deed("visit", visit, "VisitFinished", {"outcome": outcome, "finished_at": Moment(scene.ms)})]
    status = (scene.sees(job) or {}).get("status") if job else None
    if job is None or status not in ("open", "scheduled", "in_progress", "on_hold"):
        return deeds
    if outcome == "resolved":
        told = {"completed_at": Moment(scene.ms), "outcome": outcome, "resolution": f"Done on visit {visit.number}."}
        deeds.append(Deed("work_order", job, "WorkOrderCompleted", told))
    elif status != "on_hold":
        deeds.append(Deed("work_order", job, "WorkOrderPutOnHold", {"hold_reason": "Must come back."}))
    return deeds


def _work(scene: Scene, visit: Ref, job: Ref) -> list[Deed]:
    about = {"work_order_id": job, "visit_id": visit}
    part = scene.pick("part", lambda _: True)
    template = scene.pick("checklist_template", lambda _: True)
    kind = scene.random.choice(["note", "part", "answer", "pause", "title"])
    told: dict[str, Any]
    if kind == "part" and part is not None:
        told = {**about, "part_id": part, "quantity": str(scene.random.randint(1, 9)), "used_at": Moment(scene.ms)}
        return [Deed("part_use", scene.new("part_use"), "PartUsed", told)]
    if kind == "answer" and template is not None:
        values = scene.sees(template) or {}
        item = scene.random.choice(values["items"])["id"]
        told = {**about, "template_id": template, "item_id": item, "value": scene.random.choice(_ANSWERS)}
        return [Deed("checklist_answer", scene.new("checklist_answer"), "ChecklistItemAnswered", told)]
    if kind == "pause":
        return [Deed("visit", visit, "VisitPaused")]
    if kind == "title":
        return [Deed("work_order", job, "Edited", {"description": f"Found {scene.random.choice(_FINDINGS)}."})]
    told = {
        "home": Home(job),
        "target": {"type": "visit", "id": visit},
        "body": f"Saw {scene.random.choice(_FINDINGS)}.",
    }
    return [Deed("note", scene.new("note"), "NoteWritten", told)]


_FINDINGS: Final = ("a leak", "a worn belt", "rust", "a blown fuse", "mussels in the strainer", "nothing unusual")


_ANSWERS: Final[tuple[bool | str, ...]] = (True, False, "see note")


def meddle(scene: Scene) -> list[Deed]:
    """Touch what others touch too: fields, sets, maps and sums."""
    entity_type = scene.random.choice(["site", "site", "asset", "work_order", "part_use"])
    known = scene.world.by_type.get(entity_type, [])[:SHARED]
    if not known:
        return []
    ref = scene.random.choice(known)
    values = scene.sees(ref)
    if values is None:
        return []
    edit: dict[str, Any]
    match entity_type:
        case "site":
            hazards: list[str] = values.get("hazards", [])
            edit = scene.random.choice(
                [
                    {"access_code": str(scene.random.randint(1000, 9999))},
                    {"directions": f"Gate {scene.random.randint(1, 9)}"},
                    {"hazards": {"add": [scene.random.choice(["dog", "gas", "height", "traffic"])]}},
                    {"hazards": {"remove": hazards[:1]}} if hazards else {"geofence_m": scene.random.randint(20, 200)},
                    {"custom": [["key_box", str(scene.random.randint(1, 99))]]},
                ]
            )
        case "asset":
            if scene.random.random() < 0.5:
                condition = scene.random.choice(["good", "watch", "fault", "out"])
                return [Deed("asset", ref, "AssetConditionReported", {"condition": condition})]
            edit = {"tags": {"add": [scene.random.choice(["old", "loud", "spare", "new"])]}}
        case "part_use":
            edit = {"quantity": scene.random.choice(["1", "-1", "2", "0.5"])}
        case _:
            edit = scene.random.choice(
                [
                    {"priority": scene.random.choice(["low", "high", "critical"])},
                    {"title": f"Job, take {scene.random.randint(1, 99)}"},
                ]
            )
    return [Deed(entity_type, ref, "Edited", edit)]


def _mischief(scene: Scene) -> list[Deed]:
    """What the server must set aside: a move that its author knew to be impossible, or that is not theirs to make."""
    if scene.random.random() < 0.5:
        over = scene.pick("visit", lambda visit: visit["status"] == "done")
        return [Deed("visit", over, "VisitPaused")] if over else []
    job = scene.pick("work_order", lambda job: job["status"] == "completed")
    return [Deed("work_order", job, "WorkOrderApproved")] if job else []
