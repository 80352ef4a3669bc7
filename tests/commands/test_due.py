"""Which jobs a new device begins with."""

from typing import Any

from commands.due import NEAR_MS, due_first
from sync import state_codec
from sync.rows import EntityRow
from tests.devices import ELSEWHERE, NOON, Device, fold, new_id

DAY_MS = 24 * 60 * 60 * 1_000


def visit(job: str, *told: tuple[str, dict[str, Any]], **said: Any) -> EntityRow:
    """A visit to a job, after what was told of it."""
    device, name = Device("ada"), new_id()
    raws = [device.create("visit", name, {"work_order_id": ELSEWHERE, **said})]
    raws += [device.tell("visit", name, type_, data) for type_, data in told]
    return EntityRow(name, "visit", len(raws), job, state_codec.encode(fold(raws)))


def test_whoever_is_under_way_sees_that_first_then_today_then_the_rest() -> None:
    rows = [
        visit("someday"),
        visit("next week", planned_start="2026-01-08T08:00:00.000Z"),
        visit("afternoon", planned_start="2026-01-01T15:00:00.000Z"),
        visit("morning", planned_start="2026-01-01T08:00:00.000Z"),
        visit("on site", ("VisitArrived", {"arrived_at": "2026-01-01T11:00:00.000Z"})),
    ]
    assert due_first(rows, now_ms=NOON) == ["on site", "morning", "afternoon", "next week", "someday"]
    assert due_first(rows[::-1], now_ms=NOON) == due_first(rows, now_ms=NOON)


def test_what_is_over_is_in_no_hurry() -> None:
    over = [
        visit("done", ("VisitFinished", {"outcome": "resolved"})),
        visit("declined", ("VisitDeclined", {"decline_reason": "Too far."})),
        visit("cancelled", ("VisitCancelled", {"cancel_reason": "No need."})),
    ]
    assert due_first(over, now_ms=NOON) == []


def test_a_job_is_named_once_and_what_is_no_visit_not_at_all() -> None:
    site = EntityRow(new_id(), "site", 1, "site:1", b"{}")
    assert due_first([visit("job"), visit("job"), site], now_ms=NOON) == ["job"]


def test_today_is_wherever_somebody_may_be() -> None:
    rows = [
        visit("far east", planned_start="2026-01-02T03:59:00.000Z"),
        visit("tomorrow night", planned_start="2026-01-02T05:00:00.000Z"),
    ]
    assert NEAR_MS < DAY_MS
    first = visit("sooner", planned_start="2025-12-01T00:00:00.000Z")
    assert due_first([first, *rows], now_ms=NOON) == ["far east", "sooner", "tomorrow night"]
    assert due_first(rows, now_ms=0) == ["far east", "tomorrow night"]
