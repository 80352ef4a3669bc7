"""What a simulated technician does next: pure, from what their device shows and a die.

They keep to the jobs that they are let into. People meet there all the same: a technician carries several devices, jobs
share a site, and the office changes what they work on.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from cairnfield.simulate.world import Deed, Home, Moment, Ref, Scene

OVER: Final = frozenset({"done", "declined", "cancelled"})
SHARED: Final = 8
"""So many of each type are everybody's business, so that people meet there."""


@dataclass(slots=True)
class Technician:
    """One technician with a device: who they are and where they are."""

    person: Ref
    visit: Ref | None = None

    def decide(self, scene: Scene) -> list[Deed]:
        """What is told at this moment; empty while there is nothing to do."""
        chance = scene.random.random()
        if chance < 0.03:
            return _mischief(scene, self.person)
        if chance < 0.22:
            return _meddle_nearby(scene, self.person)
        if self.visit is None:
            self.visit = _visit_of(scene, self.person, lambda visit: visit["status"] not in OVER)
        if self.visit is None:
            return _plan_own(scene, self.person)
        values = scene.sees(self.visit)
        if values is None or values["status"] in OVER or not _is_for(values, scene.world.id_of(self.person)):
            self.visit = None
            return []
        return _go_on(scene, self.visit, values, self.person)


def _visit_of(scene: Scene, person: Ref, fits: Callable[[dict[str, Any]], bool]) -> Ref | None:
    """A visit that sends this person somewhere."""
    name = scene.world.id_of(person)
    return scene.pick("visit", lambda visit: _is_for(visit, name) and fits(visit))


def _is_for(visit: dict[str, Any], person: str) -> bool:
    return visit.get("assignee_id") == person or person in visit.get("crew", ())


def _job_of(scene: Scene, person: Ref) -> Ref | None:
    """A job that this person is sent to, or was and is named for still."""
    visit = _visit_of(scene, person, lambda _: True)
    values = scene.sees(visit) if visit else None
    return scene.world.ref_of(values["work_order_id"]) if values else None


def _plan_own(scene: Scene, person: Ref) -> list[Deed]:
    """Come back to a job of theirs, alone or with somebody along."""
    job = _job_of(scene, person)
    if job is None or (scene.sees(job) or {}).get("status") not in ("open", "scheduled", "in_progress"):
        return []
    return [Deed("visit", scene.new("visit"), "VisitPlanned", {"work_order_id": job, "assignee_id": person})]


def _go_on(scene: Scene, visit: Ref, values: dict[str, Any], person: Ref) -> list[Deed]:
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


def _arrive(scene: Scene, visit: Ref, job: Ref | None, person: Ref) -> list[Deed]:
    deeds = [Deed("visit", visit, "VisitArrived", {"arrived_at": Moment(scene.ms)})]
    if job is not None and (scene.sees(job) or {}).get("status") in ("open", "scheduled"):
        deeds.append(Deed("work_order", job, "WorkOrderStarted"))
    if job is not None:
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


_TOUCHED: Final = ("site", "site", "asset", "work_order", "part_use")


def meddle(scene: Scene) -> list[Deed]:
    """Touch what others touch too."""
    entity_type = scene.random.choice(_TOUCHED)
    known = scene.world.by_type.get(entity_type, [])[:SHARED]
    return _touch(scene, entity_type, scene.random.choice(known)) if known else []


def _meddle_nearby(scene: Scene, person: Ref) -> list[Deed]:
    """Touch what belongs to a job of theirs, its site or what stands there."""
    entity_type = scene.random.choice(_TOUCHED)
    job = _job_of(scene, person)
    values = scene.sees(job) if job else None
    if job is None or values is None:
        return []
    site = scene.world.ref_of(values["site_id"])
    match entity_type:
        case "work_order":
            return _touch(scene, entity_type, job)
        case "site":
            return _touch(scene, entity_type, site) if site else []
        case "asset":
            found = scene.pick("asset", lambda asset: asset["site_id"] == values["site_id"])
        case _:
            found = scene.pick("part_use", lambda use: use["work_order_id"] == scene.world.id_of(job))
    return _touch(scene, entity_type, found) if found else []


def _touch(scene: Scene, entity_type: str, ref: Ref) -> list[Deed]:
    """Write to fields, sets, maps and sums."""
    values = scene.sees(ref)
    if values is None:
        return []
    edit: dict[str, Any]
    match entity_type:
        case "site":
            hazards: list[str] = values.get("hazards", [])
            edit = scene.random.choice(
                [
                    {"position": {"lat": scene.random.randint(1, 9), "lon": 0, "source": "gps"}},
                    {"hazards": {"add": [scene.random.choice(["dog", "gas", "height", "traffic"])]}},
                    {"hazards": {"remove": hazards[:1]}} if hazards else {"hazards": {"add": ["water"]}},
                ]
            )
        case "asset":
            edit = {"condition": scene.random.choice(["good", "watch", "fault", "out"])}
            if scene.random.random() < 0.5:
                return [Deed("asset", ref, "AssetConditionReported", edit)]
        case "part_use":
            edit = {"quantity": scene.random.choice(["1", "-1", "2", "0.5"])}
        case _:
            edit = scene.random.choice(
                [
                    {"tags": {"add": [scene.random.choice(["old", "loud", "spare", "new"])]}},
                    {"custom": [["key_box", str(scene.random.randint(1, 99))]]},
                    {"title": f"Job, take {scene.random.randint(1, 99)}"},
                ]
            )
    return [Deed(entity_type, ref, "Edited", edit)]


def _mischief(scene: Scene, person: Ref) -> list[Deed]:
    """What the server must set aside: a move that its author knew to be impossible, or that is not theirs to make."""
    if scene.random.random() < 0.5:
        over = _visit_of(scene, person, lambda visit: visit["status"] == "done")
        return [Deed("visit", over, "VisitPaused")] if over else []
    job = _job_of(scene, person)
    return [Deed("work_order", job, "WorkOrderApproved")] if job else []
