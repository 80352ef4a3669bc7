"""What a simulated dispatcher and a simulated supervisor do next: pure, from what their device shows and a die."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from cairnfield.simulate.technician import OVER, meddle
from cairnfield.simulate.world import Deed, Moment, Ref, Scene
from domain.catalogue import FACTS
from sync import shown
from sync.device import shown as state_of

_UNDER_WAY: Final = frozenset({"dispatched", "accepted", "travelling", "on_site"})
_ARCHIVED: Final = ("asset", "site")
_ASKED: Final = ("site", "asset", "work_order", "visit")


@dataclass(slots=True)
class Dispatcher:
    """Plans the day, and changes it while those it is about are out of reach."""

    people: Sequence[Ref]
    """Whom they send; who has a device in this run is among them more often than others."""

    def decide(self, scene: Scene) -> list[Deed]:
        """What is told at this moment."""
        chance = scene.random.random()
        if chance < 0.40:
            return self._new_job(scene)
        if chance < 0.55:
            return self._reassign(scene)
        if chance < 0.62:
            return _cancel(scene)
        if chance < 0.70:
            return _archive(scene)
        if chance < 0.85:
            return settle_conflict(scene)
        if chance < 0.90:
            return _reopen(scene)
        return meddle(scene)

    def _new_job(self, scene: Scene) -> list[Deed]:
        site = scene.pick("site", lambda site: bool(site.get("customer_id")))
        if site is None:
            return _found_a_place(scene)
        values = scene.sees(site) or {}
        customer = scene.world.ref_of(values["customer_id"])
        if customer is None:
            return []
        job, visit = scene.new("work_order"), scene.new("visit")
        about = {"customer_id": customer, "site_id": site, "kind": scene.random.choice(["repair", "inspection"])}
        due = {"due_at": Moment(scene.ms + 86_400_000), "priority": scene.random.choice(["low", "normal", "high"])}
        sent = {"assignee_id": scene.random.choice(self.people), **self._company(scene)}
        return [
            Deed("work_order", job, "Created", {**about, **due, "title": f"Call {scene.random.randint(100, 999)}"}),
            Deed("work_order", job, "WorkOrderOpened", {"opened_at": Moment(scene.ms)}),
            Deed("visit", visit, "VisitPlanned", {"work_order_id": job, **sent}),
            Deed("work_order", job, "WorkOrderScheduled"),
            Deed("visit", visit, "VisitDispatched"),
        ]

    def _reassign(self, scene: Scene) -> list[Deed]:
        visit = scene.pick("visit", lambda visit: visit["status"] in _UNDER_WAY)
        if visit is None:
            return []
        return [Deed("visit", visit, "VisitReassigned", {"assignee_id": scene.random.choice(self.people)})]

    def _company(self, scene: Scene) -> dict[str, Any]:
        """Now and then two go together."""
        return {"crew": {"add": [scene.random.choice(self.people)]}} if scene.random.random() < 0.3 else {}


@dataclass(slots=True)
class Supervisor:
    """Approves, closes, and decides what waits for a person."""

    def decide(self, scene: Scene) -> list[Deed]:
        """What is told at this moment."""
        chance = scene.random.random()
        if chance < 0.4:
            job = scene.pick("work_order", lambda job: job["status"] == "completed")
            return [Deed("work_order", job, "WorkOrderApproved")] if job else []
        if chance < 0.6:
            job = scene.pick("work_order", lambda job: job["status"] == "approved")
            return [Deed("work_order", job, "WorkOrderClosed", {"closed_at": Moment(scene.ms)})] if job else []
        return settle_conflict(scene)


def _found_a_place(scene: Scene) -> list[Deed]:
    """Where a tenant holds nothing at all, somebody must be worked for."""
    customer, site, asset = (scene.new(kind) for kind in ("customer", "site", "asset"))
    return [
        Deed("customer", customer, "Created", {"name": f"Customer {customer.number}"}),
        Deed("site", site, "Created", {"customer_id": customer, "name": f"Site {site.number}"}),
        Deed("asset", asset, "Created", {"site_id": site, "model": "Pump"}),
    ]


def _cancel(scene: Scene) -> list[Deed]:
    visit = scene.pick("visit", lambda visit: visit["status"] not in {*OVER, "on_site", "paused"})
    return [Deed("visit", visit, "VisitCancelled", {"cancel_reason": "Called off."})] if visit else []


def _archive(scene: Scene) -> list[Deed]:
    entity_type = scene.random.choice(_ARCHIVED)
    ref = scene.pick(entity_type, lambda _: True)
    if ref is None:
        return []
    is_archived = (scene.sees(ref) or {}).get("archived", False)
    return [Deed(entity_type, ref, "Restored" if is_archived else "Archived")]


def _reopen(scene: Scene) -> list[Deed]:
    job = scene.pick("work_order", lambda job: job["status"] == "completed")
    return [Deed("work_order", job, "WorkOrderReopened", {"reopen_reason": "The customer called."})] if job else []


def settle_conflict(scene: Scene) -> list[Deed]:
    """Decide one thing that waits for a person, for what is shown meanwhile."""
    entity_type = scene.random.choice(_ASKED)
    known = scene.world.by_type.get(entity_type, [])
    for ref in scene.random.sample(known, min(len(known), 40)):
        state = state_of(scene.device, scene.world.id_of(ref))
        for conflict in shown.conflicts(state) if state else ():
            if conflict.field in FACTS[entity_type]["Edited"].fields and not _is_moment(conflict.shown):
                return [Deed(entity_type, ref, "Edited", {conflict.field: _renamed(scene, conflict.shown)})]
            if conflict.field == "archived":
                return [Deed(entity_type, ref, "Restored")]
    return []


def _is_moment(value: Any) -> bool:
    """Whether a value is a moment of the real calendar, which would make the history depend on the hour of the run."""
    return isinstance(value, str) and len(value) == len("2018-06-26T12:00:00.000Z") and value.endswith("Z")


def _renamed(scene: Scene, value: Any) -> Any:
    """A shown value with ids by their numbers, so that the history does not depend on them."""
    return scene.world.ref_of(value) or value if isinstance(value, str) else value
