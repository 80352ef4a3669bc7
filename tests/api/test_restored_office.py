"""The server came back older and has forgotten what it said itself, which nobody hands in again: whoever built on that
waits for nothing, and does not seem to have known what is said since."""

from collections.abc import Callable

import pytest

from cairnfield.epoch import begin_epochs
from commands.carrying_out import console_of
from sync.office import office_of
from tests.api.office import Office
from tests.devices import Device, new_id

Speaks = Callable[[Office], str]
LOST = 7
"""A number that the server had come to before it was put back."""


def the_office(company: Office) -> str:
    return office_of(company.tenant).replica


def a_console(company: Office) -> str:
    return console_of(company.tenant, company.people["dispatcher"].person).replica


def come_back(company: Office) -> None:
    """Come back from a backup of before anything of that was said."""
    named = [(company.tenant, "the company")]
    begin_epochs(company.log, company.accounts, named, lambda *_: None, now_ms=company.clock.ms)


def job_of(company: Office, device: Device) -> str:
    job = new_id()
    (verdict,) = company.verdicts(device.create("work_order", job))
    assert verdict["verdict"] == "accepted"
    return job


def edit(device: Device, job: str, title: str, speaks: str) -> bytes:
    return device.tell("work_order", job, "Edited", {"title": title}, clock={device.replica: 1, speaks: LOST})


def order(company: Office, job: str, title: str) -> None:
    told = {**company.bearer("dispatcher"), "Idempotency-Key": new_id(), "If-Match": "*"}
    answer = company.client.patch(f"/v1/work-orders/{job}", json={"title": title}, headers=told)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("speaks", [the_office, a_console])
def test_who_built_on_what_the_server_had_said_does_not_wait_for_it(office: Office, speaks: Speaks) -> None:
    device = office.device("ada")
    job = job_of(office, device)
    come_back(office)
    (verdict,) = office.verdicts(edit(device, job, "Pump is loud", speaks(office)))
    assert verdict["verdict"] == "accepted"


def test_whoever_names_what_the_server_never_said_waits_while_it_has_not_come_back(office: Office) -> None:
    device = office.device("ada")
    job = job_of(office, device)
    (verdict,) = office.verdicts(edit(device, job, "Pump is loud", a_console(office)))
    assert verdict["verdict"] == "held"


def test_who_built_on_what_was_lost_has_not_known_what_is_ordered_since(office: Office) -> None:
    device = office.device("ada")
    job = job_of(office, device)
    come_back(office)
    order(office, job, "Pump hums")
    (verdict,) = office.verdicts(edit(device, job, "Pump is loud", a_console(office)))
    assert verdict["conflicts"] == ["title"]


def test_the_server_says_more_of_what_somebody_built_on_what_was_lost(office: Office) -> None:
    device, author = office.device("ada"), office.device("ben", "technician")
    job = job_of(office, device)
    come_back(office)
    (taken,) = office.verdicts(edit(device, job, "Pump is loud", the_office(office)))
    assert taken["verdict"] == "accepted"
    raw = author.tell("work_order", job, "Edited", {"priority": "high"}, clock={device.replica: 2})
    (aside,) = office.verdicts(raw, role="technician")
    answer = office.post(f"/v1/quarantine/{aside['case']}/resubmit", {"data": {"priority": "high"}})
    assert (answer.status_code, answer.json()["state"]) == (200, "resubmitted")
    order(office, job, "Pump hums")


def test_a_server_that_comes_back_twice_leaves_out_more(office: Office) -> None:
    come_back(office)
    once = office.log.replica(office.tenant, the_office(office))
    come_back(office)
    twice = office.log.replica(office.tenant, the_office(office))
    assert once is not None
    assert twice is not None
    assert 0 < once.last_seq < twice.last_seq
