"""What devices hand in without a session: late, after they were lost, and never after they were copied."""

from dataclasses import replace
from typing import Any

import pytest

from commands.lanes import LATE_EVENTS_MAX, REVOKED_HAND_IN_MS_MAX
from commands.quotas import QUOTAS
from infra.process_limits import ProcessLimits
from sync.author import Author
from tests.api.office import problem
from tests.api.signing import DAY_MS, Companies, Company, Key, Session
from tests.devices import CREATED, Device, new_id


@pytest.fixture
def company(server_here: Companies) -> Company:
    return server_here.new()


def phone(session: Session) -> Device:
    """The device's own log, under the replica that was minted for it."""
    device = Device("phone")
    device.author = Author(replica=session.replicas[0])
    return device


def work(device: Device, count: int) -> list[bytes]:
    """A job that somebody found, and notes on it."""
    job = new_id()
    raws, home = [device.create("work_order", job)], f"work_order:{job}"
    for number in range(count - 1):
        data = {"home": home, "body": f"Note {number}", "target": {"type": "work_order", "id": job}}
        raws.append(device.create("note", new_id(), data))
    return raws


def verdicts(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [each["verdict"] for each in answer.json()["verdicts"]]


def events(company: Company) -> list[tuple[str, int]]:
    """What has been accepted from devices, in order."""
    rows = company.services.log.page(company.tenant, after=0, limit=1_000)
    return [(row.replica, row.seq) for row in rows if row.entity_type != "case"]


def test_a_registered_device_pushes_with_proofs_by_its_key(company: Company) -> None:
    session = company.device()
    device = phone(session)
    raws = work(device, 3)
    problem(company.push(session, *raws, key=Key()), 401, "proof-refused")
    bearer = {"Authorization": f"Bearer {session.access}", "Content-Type": "application/x-ndjson"}
    told = company.client.post("/v1/sync/push", content=b"\n".join(raws), headers=bearer)
    problem(told, 401, "proof-refused")
    assert verdicts(company.push(session, *raws)) == ["accepted"] * 3


def test_registering_again_by_the_same_key_is_the_same_device(company: Company) -> None:
    session = company.device()
    again = company.ask("POST", "/v1/devices", {"name": "A phone"}, key=session.key, token=session.access)
    assert (again.status_code, again.json()["device"]) == (200, session.device)
    assert again.json()["replicas"] == session.replicas
    later = company.session(key=session.key)
    assert (later.device, later.replicas) == (session.device, session.replicas), "a sign-in knows the device"


def test_a_device_needs_a_session_and_its_key(company: Company) -> None:
    session = company.session()
    problem(company.ask("POST", "/v1/devices", {"name": "x"}, key=Key(), token=session.access), 401, "proof-refused")
    unproven = {"Authorization": f"DPoP {session.access}"}
    problem(company.client.post("/v1/devices", json={"name": "x"}, headers=unproven), 401, "proof-refused")
    bare = company.sign_in().json()["access_token"]
    problem(company.ask("POST", "/v1/devices", {"name": "x"}, key=Key(), token=bare), 403, "forbidden")


def test_somebody_has_ten_devices_at_most(company: Company) -> None:
    for _ in range(10):
        company.device()
    session = company.session()
    told = company.ask("POST", "/v1/devices", {"name": "x"}, key=session.key, token=session.access)
    problem(told, 409, "devices-full")


def test_devices_are_listed_renamed_and_others_are_not_told(company: Company) -> None:
    mine, theirs = company.device(), company.device("dispatcher")
    path = f"/v1/devices/{mine.device}"
    (item,) = company.ask("GET", "/v1/devices", token=mine.access).json()["items"]
    assert (item["device"], item["state"]) == (mine.device, "active")
    assert company.ask("PATCH", path, {"name": "The red one"}, token=mine.access).json()["name"] == "The red one"
    problem(company.ask("PATCH", path, {"name": "x"}, token=theirs.access), 404, "device-not-found")
    problem(company.ask("POST", f"{path}/revoke", {"state": "lost"}, token=theirs.access), 404, "device-not-found")
    problem(company.ask("GET", "/v1/devices?everybody=true", token=theirs.access), 403, "forbidden")
    boss = company.session("admin")
    assert len(company.ask("GET", "/v1/devices?everybody=true", token=boss.access).json()["items"]) == 2


@pytest.mark.parametrize("weeks", [3, 5, 13])
def test_d1_work_of_many_weeks_without_signal_is_delivered(company: Company, weeks: int) -> None:
    """After three weeks the session still goes on; after five and thirteen the work comes late, and none is lost."""
    session = company.device()
    device = phone(session)
    raws = work(device, 10)
    company.clock.ms += weeks * 7 * DAY_MS
    refreshed = company.refresh(session.refreshing, session.key)
    if weeks == 3:
        assert refreshed.status_code == 200
        return
    problem(refreshed, 401, "session-over")
    answer = company.hand_in(session, *raws)
    assert verdicts(answer) == ["quarantined"] * 10
    assert set(answer.json()) == {"batch", "verdicts"}, "nothing is told but that it arrived"
    assert {each["code"] for each in answer.json()["verdicts"]} == {"handed_in_late"}
    assert verdicts(company.hand_in(session, *raws)) == ["quarantined"] * 10, "and the same again"
    assert events(company) == []
    told = company.sign_in(key=session.key).json()
    assert told["late"] == {"taken_in": 10, "waiting": 0}
    assert events(company) == [(device.replica, seq) for seq in range(1, 11)]
    assert "late" not in company.sign_in(key=session.key).json(), "and only once"
    session = company.session(key=session.key)
    more = [device.create("note", new_id(), {**CREATED["note"], "home": "work_order:" + new_id()})]
    assert company.push(session, *more).status_code == 200, "the chain goes on"


def test_d1_what_stands_together_comes_late_together(company: Company) -> None:
    session = company.device()
    device, job, tx = phone(session), new_id(), new_id()
    together = [
        device.tell("work_order", job, "Created", CREATED["work_order"], tx={"id": tx, "i": 1, "n": 2}),
        device.tell(
            "note",
            new_id(),
            "Created",
            {"home": f"work_order:{job}", "body": "x", "target": {"type": "work_order", "id": job}},
            tx={"id": tx, "i": 2, "n": 2},
        ),
    ]
    answer = company.hand_in(session, *together)
    assert {each["code"] for each in answer.json()["verdicts"]} == {"handed_in_late"}
    assert company.sign_in(key=session.key).json()["late"] == {"taken_in": 2, "waiting": 0}


def test_nobody_else_hands_in_for_a_device(company: Company) -> None:
    session, other = company.device(), company.device("dispatcher")
    raws = work(phone(session), 2)
    problem(company.hand_in(session, *raws, key=other.key), 401, "proof-refused")
    problem(company.hand_in(session, *raws, body=b"another body"), 401, "proof-refused")
    stranger = Session(Key(), "", "", new_id())
    problem(company.hand_in(stranger, *raws), 401, "proof-refused")
    problem(company.hand_in(other, *raws), 403, "replica-not-yours")
    assert events(company) == []


def test_d13_of_a_lost_device_somebody_decides_event_by_event(company: Company) -> None:
    session = company.device()
    device = phone(session)
    raws = work(device, 3)
    revoked = company.ask("POST", f"/v1/devices/{session.device}/revoke", {"state": "lost"}, token=session.access)
    assert revoked.json()["state"] == "lost"
    company.clock.ms += 5_001
    problem(company.push(session, *raws), 401, "unauthorized")
    problem(company.refresh(session.refreshing, session.key), 401, "session-over")
    answer = company.hand_in(session, *raws)
    assert {each["code"] for each in answer.json()["verdicts"]} == {"device_revoked"}
    problem(company.sign_in(key=session.key), 409, "key-taken")
    company.session()
    assert events(company) == [], "whoever signs in elsewhere lets nothing of it in"
    office = company.session("dispatcher")
    case = answer.json()["verdicts"][0]["case"]
    approved = company.ask("POST", f"/v1/quarantine/{case}/approve", token=office.access)
    assert approved.status_code == 200, approved.text
    assert events(company) == [(device.replica, 1)]
    company.clock.ms += REVOKED_HAND_IN_MS_MAX
    problem(company.hand_in(session, *raws), 410, "device-closed")
    assert [each["actor"] for each in company.audit("device_revoked")] == [company.people["technician"]]


def test_d13_of_a_compromised_device_nothing_is_taken(company: Company) -> None:
    session, boss = company.device(), company.session("admin")
    raws = work(phone(session), 2)
    path = f"/v1/devices/{session.device}/revoke"
    assert company.ask("POST", path, {"state": "compromised"}, token=boss.access).json()["state"] == "compromised"
    problem(company.hand_in(session, *raws), 410, "device-closed")
    again = company.ask("POST", path, {"state": "lost"}, token=boss.access)
    assert again.json()["state"] == "compromised", "that cannot be undone"


def test_c11_work_of_somebody_who_has_left_waits_for_the_office(company: Company) -> None:
    session, boss = company.device(), company.session("admin")
    raws = work(phone(session), 2)
    path = f"/v1/people/{company.people['technician']}"
    assert company.ask("PATCH", path, {"active": False}, token=boss.access).status_code == 200
    answer = company.hand_in(session, *raws)
    assert {each["code"] for each in answer.json()["verdicts"]} == {"device_revoked"}
    assert company.ask("PATCH", path, {"active": True}, token=boss.access).status_code == 200
    assert company.sign_in(key=session.key).status_code == 200, "who comes back has their devices back"


def test_d14_on_a_shared_device_nobody_sends_what_another_wrote(company: Company) -> None:
    first = company.device("technician")
    raws = work(phone(first), 2)
    problem(company.sign_in("dispatcher", key=first.key), 409, "key-taken")
    second = company.device("dispatcher")
    problem(company.push(second, *raws), 403, "replica-not-yours")
    assert verdicts(company.push(first, *raws)) == ["accepted"] * 2
    assert {row.actor for row in company.services.log.page(company.tenant, after=0, limit=10)} == {
        company.people["technician"]
    }


def test_a_device_fills_the_store_only_so_far(company: Company) -> None:
    session = company.device()
    raws, devices = work(phone(session), 4), company.identity.devices
    assert session.device is not None
    devices.handed_in_late(company.tenant, session.device, events=LATE_EVENTS_MAX - 3, size=0, now_ms=company.clock.ms)
    for _ in range(3):
        assert company.hand_in(session, *raws[1:]).json()["batch"] == "gap", "what is not stored takes no room"
    assert verdicts(company.hand_in(session, *raws[:3])) == ["quarantined"] * 3
    assert verdicts(company.hand_in(session, *raws[:3])) == ["quarantined"] * 3, "what is there needs no room"
    problem(company.hand_in(session, *raws), 409, "late-full")


def test_what_comes_late_costs_its_tenant_events_and_of_a_stranger_nothing(company: Company) -> None:
    session, app = company.device(), company.client._transport._carrier.app  # type: ignore[attr-defined]
    raws, terms = work(phone(session), 4), app.state.terms
    smaller = {**QUOTAS, "tenant-events": replace(QUOTAS["tenant-events"], amount=4)}
    app.state.terms = replace(terms, limiter=ProcessLimits(lambda: 10**15), quotas=smaller)
    try:
        for _ in range(3):
            problem(company.hand_in(session, *raws, key=Key()), 401, "proof-refused")
        assert verdicts(company.hand_in(session, *raws)) == ["quarantined"] * 4
        refused = problem(company.hand_in(session, *raws), 429, "quota-exceeded")
        assert refused["violated-policies"] == ["tenant-events"]
    finally:
        app.state.terms = terms
