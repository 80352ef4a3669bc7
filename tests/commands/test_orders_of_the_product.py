"""Everything that people in the field and in the office do is an order: the list of their day, written by hand."""

from typing import Final

import pytest

from api.policy import POLICY
from commands.command import COLLECTIONS
from commands.registry import COMMANDS

OFFICE: Final = {
    "open a job": "/v1/work-orders/{id}/open",
    "plan a visit": "/v1/work-orders/{id}/schedule",
    "put a job on hold": "/v1/work-orders/{id}/hold",
    "go on with it": "/v1/work-orders/{id}/resume",
    "cancel a job": "/v1/work-orders/{id}/cancel",
    "complete a job": "/v1/work-orders/{id}/complete",
    "approve what was done": "/v1/work-orders/{id}/approve",
    "close a job": "/v1/work-orders/{id}/close",
    "reopen a job": "/v1/work-orders/{id}/reopen",
    "send somebody else": "/v1/visits/{id}/assign",
    "plan it for another time": "/v1/visits/{id}/reschedule",
    "send somebody off": "/v1/visits/{id}/dispatch",
    "call a visit off": "/v1/visits/{id}/cancel",
}
FIELD: Final = {
    "accept a visit": "/v1/visits/{id}/accept",
    "decline a visit": "/v1/visits/{id}/decline",
    "drive there": "/v1/visits/{id}/travel",
    "arrive": "/v1/visits/{id}/arrive",
    "pause": "/v1/visits/{id}/pause",
    "go on": "/v1/visits/{id}/continue",
    "finish": "/v1/visits/{id}/finish",
    "answer a checklist": "/v1/checklist-answers",
    "take a note": "/v1/notes",
    "attach a photo": "/v1/attachments",
    "have it signed": "/v1/signatures",
    "use a part": "/v1/part-uses",
    "log time": "/v1/time-entries",
    "stop the timer": "/v1/time-entries/{id}/stop",
    "read a meter": "/v1/meter-readings",
    "say how an asset is": "/v1/assets/{id}/report-condition",
    "say where an asset went": "/v1/assets/{id}/move",
}
CORRECTED: Final = ("checklist-answers", "meter-readings", "notes", "part-uses", "time-entries")
"""Evidence is not edited; a supervisor corrects it with a reason."""


@pytest.mark.parametrize("done", [*OFFICE, *FIELD])
def test_what_people_do_in_a_day_is_an_order_with_a_route(done: str) -> None:
    path = (OFFICE | FIELD)[done]
    assert ("POST", path) in {(each.method, each.path) for each in COMMANDS}, done
    assert ("POST", path) in POLICY, done


@pytest.mark.parametrize("collection", sorted(COLLECTIONS.values()))
def test_everything_is_created_archived_and_decided_between_and_evidence_is_corrected(collection: str) -> None:
    given = {(each.method, each.path.removeprefix(f"/v1/{collection}")) for each in COMMANDS}
    assert {("POST", ""), ("POST", "/{id}/archive"), ("POST", "/{id}/restore"), ("POST", "/{id}/resolve")} <= given
    if collection in CORRECTED:
        assert ("POST", "/{id}/correct") in given
        assert ("PATCH", "/{id}") not in given


def test_every_job_and_place_is_edited() -> None:
    edited = {each.path.split("/")[2] for each in COMMANDS if each.method == "PATCH"}
    assert {"customers", "sites", "assets", "work-orders", "visits", "contacts", "parts"} <= edited


def test_the_orders_of_a_day_are_all_that_there_are() -> None:
    """A new order is written into the list above, in words of whoever gives it."""
    acts = {each.path for each in COMMANDS if each.name not in ("create", "edit", "archive", "restore", "resolve")}
    listed = {path for path in (OFFICE | FIELD).values() if "{id}" in path}
    listed |= {f"/v1/{collection}/{{id}}/correct" for collection in CORRECTED}
    listed |= {"/v1/work-orders/{id}/unschedule", "/v1/work-orders/{id}/start"}  # they follow from visits, mostly
    assert acts == listed
