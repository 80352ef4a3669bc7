"""New clients against an old server, which is then updated: it ends as if the server had been new all along."""

from collections.abc import Callable
from typing import Any, Final

import pytest

from api.newer_clients import take_in_what_can_be_read_now
from api.services import Services
from domain import catalogue
from domain.facts import Fact
from infra.doorbell import ProcessDoorbell
from sync import envelope, state_codec
from sync.frames import VerdictFrame, read_page
from tests.api.conftest import MakeOffice
from tests.api.office import Office
from tests.devices import Device, new_id, replica_named

AsOld = Callable[..., None]
TEMPLATE: Final = {"name": "Boiler", "items": [{"id": "a", "text": "Tight?", "kind": "yes_no", "required": True}]}


@pytest.fixture
def as_old(monkeypatch: pytest.MonkeyPatch) -> AsOld:
    """Makes the server one that does not know these facts yet; called with none, one that is updated."""

    def make(*unknown: str) -> None:
        def fact(entity_type: str, event_type: str) -> Fact | None:
            return None if event_type in unknown else catalogue.fact(entity_type, event_type)

        monkeypatch.setattr(envelope, "fact", fact)

    return make


def digest(office: Office) -> str:
    return state_codec.state_hash(office.log.states(office.tenant))


def start(office: Office) -> int:
    """What the server does when it starts."""
    services = Services(
        log=office.log,
        accounts=office.accounts,
        doorbell=ProcessDoorbell(),
        now_ms=lambda: office.clock.ms,
        new_replica=lambda tenant, person: "",
        is_ready=lambda: True,
    )
    return take_in_what_can_be_read_now([office.tenant], services)


def a_day(device: Device) -> list[bytes]:
    """Two jobs, each with a visit from its plan to its end, and one that is edited meanwhile."""
    raws: list[bytes] = []
    for _ in range(2):
        job, visit = new_id(), new_id()
        raws += [device.create("work_order", job), device.create("visit", visit, {"work_order_id": job})]
        raws += [device.tell("visit", visit, "VisitDispatched"), device.tell("visit", visit, "VisitAccepted")]
        raws.append(device.tell("visit", visit, "VisitArrived", {"arrived_at": "2026-01-01T10:00:00.000Z"}))
        raws.append(device.tell("work_order", job, "Edited", {"title": "Boiler, upstairs"}))
        raws.append(device.tell("visit", visit, "Edited", {"crew": {"add": [new_id()]}}))
    return raws


@pytest.mark.parametrize("unknown", [("VisitArrived",), ("VisitDispatched", "VisitArrived"), ("Created",), ()])
def test_b12_new_clients_against_an_old_server_end_after_its_update_as_if_it_had_been_new(
    offices: MakeOffice, as_old: AsOld, unknown: tuple[str, ...]
) -> None:
    old, new = offices(), offices()
    device = old.device("ada", "supervisor")
    new.device("ada", "supervisor")
    raws = a_day(device)
    assert {each["verdict"] for each in new.verdicts(*raws, role="supervisor")} == {"accepted"}
    as_old(*unknown)
    told = old.verdicts(*raws, role="supervisor")
    assert {each["verdict"] for each in told} <= {"accepted", "held"}
    unread = [each for each in told if each["verdict"] == "held" and not each["missing"]]
    assert {each["code"] for each in unread} == ({"unknown_event"} if unknown else set())
    again = {"accepted": "duplicate", "held": "held"}
    assert [each["verdict"] for each in old.verdicts(*raws, role="supervisor")] == [
        again[each["verdict"]] for each in told
    ]
    assert start(old) == 0, "a server that is as old reads nothing more"
    as_old()
    assert start(old) == len(unread)
    assert digest(old) == digest(new)
    assert start(old) == 0
    page = read_page(old.get("/v1/sync/pull", role="supervisor", cursor=0, replica=device.replica).content)
    heard = {frame.verdict["seq"]: frame.verdict["verdict"] for frame in page.frames if isinstance(frame, VerdictFrame)}
    assert heard == {each["seq"]: "accepted" for each in told if each["verdict"] == "held"}
    assert old.get("/v1/quarantine").json()["items"] == []
    assert old.verdicts(device.create("customer", new_id()), role="supervisor")[0]["verdict"] == "accepted"


def test_b12_a_version_from_the_future_waits_too(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    device, template = office.device("ada"), new_id()
    raw = device.create("checklist_template", template)
    newest = catalogue.fact("checklist_template", envelope.parse(raw).type)
    assert newest is not None
    assert newest.version > 1

    class Older:
        version = 1

    monkeypatch.setattr(envelope, "fact", lambda entity_type, event_type: Older)
    (verdict,) = office.verdicts(raw)
    assert (verdict["verdict"], verdict["missing"], verdict["code"]) == ("held", [], "unknown_version")
    monkeypatch.setattr(envelope, "fact", catalogue.fact)
    assert start(office) == 1
    assert office.verdicts(raw)[0]["verdict"] == "duplicate"


def test_b12_what_can_be_read_now_is_judged_as_its_authors(office: Office, as_old: AsOld) -> None:
    device, job = office.device("ada", "technician"), new_id()
    created = device.create("work_order", job)
    approved = device.tell("work_order", job, "WorkOrderApproved")
    as_old("WorkOrderApproved")
    assert [each["verdict"] for each in office.verdicts(created, approved, role="technician")] == ["accepted", "held"]
    as_old()
    assert start(office) == 1
    (case,) = office.get("/v1/quarantine").json()["items"]
    assert (case["code"], case["replica"], case["seq"]) == ("not_allowed", device.replica, 2)
    assert office.verdicts(approved, role="technician")[0]["verdict"] == "quarantined"


def test_b12_what_turns_out_to_build_on_something_else_waits_for_that(office: Office, as_old: AsOld) -> None:
    ada, ben, job = office.device("ada"), office.device("ben"), new_id()
    created, unseen = ada.create("work_order", job), ada.tell("work_order", job, "Edited", {"title": "Upstairs"})
    ben.see(created, unseen)
    opened = ben.tell("work_order", job, "WorkOrderOpened")
    as_old("WorkOrderOpened")
    office.verdicts(created)
    assert office.verdicts(opened)[0]["missing"] == []
    as_old()
    assert start(office) == 1
    assert office.verdicts(opened)[0]["missing"] == [[ada.replica, 2]]
    assert office.verdicts(unseen)[0]["verdict"] == "accepted"
    assert office.verdicts(opened)[0]["verdict"] == "duplicate"


def test_b12_many_of_many_tenants_are_read(offices: MakeOffice, as_old: AsOld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.newer_clients.ROWS_AT_ONCE", 2)
    office = offices()
    as_old("Edited")
    for name in ("ada", "ben"):
        device, site = office.device(name), new_id()
        raws = [device.create("site", site), *(device.tell("site", site, "Edited", {"name": f"{n}"}) for n in range(3))]
        assert [each["verdict"] for each in office.verdicts(*raws)] == ["accepted", "held", "held", "held"]
    as_old()
    assert start(office) == 6
    for name in ("ada", "ben"):
        row: Any = office.log.replica(office.tenant, replica_named(name))
        assert row.last_seq == 4
    assert len(read_page(office.get("/v1/sync/pull", history=True).content).events) == 8
