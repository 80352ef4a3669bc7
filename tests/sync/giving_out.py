"""A dispatcher who gives out jobs, and what a device that pulls must hold of them, for tests."""

from collections.abc import Mapping
from typing import Any, Final

from sync import state_codec
from sync.device import Device, edit, out_of_step
from sync.frames import Page
from sync.taking_in import apply_page
from tests.devices import CREATED, NOON, PERSON_1, PERSON_2, new_id
from tests.sync.fleet import TENANT, Server, settled

ADA: Final = PERSON_1
BEN: Final = PERSON_2


def tell(
    device: Device,
    kind: str,
    entity: str,
    type: str = "Edited",  # noqa: A002  # its name on the wire
    data: Mapping[str, Any] | None = None,
) -> Device:
    said = {**(CREATED[kind] if type == "Created" else {}), **(data or {})}
    device, _ = edit(device, id=new_id(), entity_type=kind, entity=entity, type=type, data=said, now_ms=NOON)
    return device


class Office:
    """A server with a dispatcher, and jobs to give out."""

    def __init__(self) -> None:
        self.server = Server()
        self.desk = self.server.device()
        self.jobs: dict[str, str] = {}
        """By job, its site."""
        self.visits: dict[str, str] = {}
        """By visit, its job."""

    def say(self, kind: str, entity: str, type: str = "Edited", data: Mapping[str, Any] | None = None) -> None:  # noqa: A002
        self.desk = settled(self.server, tell(self.desk, kind, entity, type, data))

    def job(self) -> str:
        job, site, customer = new_id(), new_id(), new_id()
        self.say("customer", customer, "Created")
        self.say("site", site, "Created", {"customer_id": customer})
        self.say("work_order", job, "Created", {"customer_id": customer, "site_id": site})
        self.jobs[job] = site
        return job

    def visit(self, job: str, person: str | None, **more: Any) -> str:
        visit = new_id()
        self.visits[visit] = job
        self.say("visit", visit, "Created", {"work_order_id": job, "assignee_id": person, **more})
        return visit

    def give(self, visit: str, person: str | None) -> None:
        self.say("visit", visit, "VisitReassigned", {"assignee_id": person})


def pulled(office: Office, device: Device, **asked: Any) -> Device:
    """The device once it stands at the head."""
    while True:
        device = apply_page(device, office.server.page(device, **asked), now_ms=NOON)
        if device.cursor == office.server.head and not device.resume:
            return device


def is_right(office: Office, device: Device) -> None:
    """It holds what it may see and nothing else, in the server's words."""
    expected = office.server.seen_by(device)
    assert {entity: state_codec.encode(state) for entity, state in device.accepted.items()} == expected
    assert {device.homes[entity] for entity in device.accepted} == {
        row.scope for row in (office.server.log.entity(TENANT, entity) for entity in expected) if row
    }
    assert device.homes.keys() == device.accepted.keys()
    assert out_of_step(device, office.server.page(device, digests=True).digests or {}) == []


def kinds(page: Page) -> list[type]:
    return [type(frame) for frame in page.frames]
