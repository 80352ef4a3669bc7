"""What becomes of a delivery, against a clock that is told; and how an event is worded for its receiver."""

import json
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commands.webhooks import (
    BODY_BYTES_MAX,
    NAMES,
    RETRY_AFTER_MS_MAX,
    SLOW_MS,
    SPREAD,
    TRIES_MAX,
    WAITS_MS,
    Answer,
    Step,
    after,
    is_slow,
    message_of,
    ping,
    time_of,
    unknown_names,
)
from domain.catalogue import FACTS, ON_DEVICES
from sync.limits import EVENT_BYTES_MAX
from tests.devices import NOON
from tests.infra.event_logs import event

HOUR: Final = 3_600_000
STATUSES: Final = st.one_of(st.none(), st.integers(100, 599))


def answer(status: int | None, *, retry_after_ms: int | None = None) -> Answer:
    return Answer(status, 10, retry_after_ms=retry_after_ms)


def told(given: Answer, failures: int, dice: float = 0.5, *, just_buried: bool = False, now_ms: int = NOON) -> Step:
    return after(given, failures=failures, just_buried=just_buried, now_ms=now_ms, dice=dice)


def tries(given: Answer, dice: float) -> Iterator[int]:
    """When each try is made, by a receiver that always answers like this."""
    failures, now_ms = 0, NOON
    while True:
        yield now_ms
        step = told(given, failures, dice, now_ms=now_ms)
        if step.moves_on:
            assert step.outcome == "dead"
            return
        failures, now_ms = step.failures, step.next_at_ms


@pytest.mark.parametrize("status", [None, 500, 404, 301])
def test_e3_ten_tries_are_made_within_75_hours(status: int | None) -> None:
    made = list(tries(answer(status), 0.5))
    assert len(made) == TRIES_MAX == 10
    waits = [later - earlier for earlier, later in pairwise(made)]
    assert waits == list(WAITS_MS)
    assert 75 * HOUR <= made[-1] - made[0] < 76 * HOUR


@given(st.floats(0, 1), st.floats(0, 1))
def test_receivers_that_fell_together_are_not_called_together(one: float, other: float) -> None:
    first, second = (told(answer(None), 3, dice).next_at_ms - NOON for dice in (one, other))
    for wait in (first, second):
        assert WAITS_MS[3] * (1 - SPREAD) - 1 <= wait <= WAITS_MS[3] * (1 + SPREAD) + 1
    if abs(one - other) > 0.01:
        assert first != second


@pytest.mark.parametrize("status", range(200, 300, 9))
def test_every_2xx_is_a_yes(status: int) -> None:
    assert told(answer(status), 7) == Step("delivered", 0, NOON, moves_on=True)


@given(STATUSES, st.integers(0, TRIES_MAX - 1), st.booleans())
def test_nothing_but_a_yes_or_the_tenth_no_lets_the_next_one_pass(
    status: int | None, failures: int, just_buried: bool
) -> None:
    step = told(answer(status), failures, just_buried=just_buried)
    is_yes = status is not None and 200 <= status < 300
    if step.moves_on:
        assert is_yes or failures + 1 == TRIES_MAX
    else:
        assert not is_yes
        assert step.closes or step.next_at_ms > NOON


def test_e3_410_disables() -> None:
    step = told(answer(410), 0)
    assert (step.outcome, step.closes, step.moves_on) == ("gone", "gone", False)


def test_after_a_dead_letter_a_receiver_that_fails_again_is_down() -> None:
    assert told(answer(500), 0, just_buried=True).closes == "failing"
    assert told(answer(500), 1, just_buried=True).closes is None
    assert told(answer(200), 0, just_buried=True).closes is None


@pytest.mark.parametrize(
    ("status", "asked_ms", "waits_ms"),
    [
        (429, 10 * 60_000, 10 * 60_000),
        (503, 10 * 60_000, 10 * 60_000),
        (429, 1_000, WAITS_MS[0]),
        (429, 10 * RETRY_AFTER_MS_MAX, RETRY_AFTER_MS_MAX),
        (500, 10 * 60_000, WAITS_MS[0]),
    ],
)
def test_a_receiver_may_ask_for_a_longer_wait_within_reason(status: int, asked_ms: int, waits_ms: int) -> None:
    assert told(answer(status, retry_after_ms=asked_ms), 0).next_at_ms == NOON + waits_ms


@pytest.mark.parametrize(
    ("given_", "slow"),
    [(Answer(200, SLOW_MS), False), (Answer(200, SLOW_MS + 1), True), (Answer(500, 1), True), (Answer(None, 1), True)],
)
def test_who_was_slow_or_failed_goes_where_the_slow_ones_are(given_: Answer, slow: bool) -> None:
    assert is_slow(given_) is slow


def test_every_fact_has_a_name_that_can_be_subscribed_to() -> None:
    for entity in ON_DEVICES:
        for fact in FACTS[entity]:
            assert {f"{entity}.{fact}", f"{entity}.*"} <= NAMES
    assert unknown_names(["*", "visit.*", "visit.VisitFinished", "case.CaseOpened", "visit", "Visit.*"]) == [
        *("Visit.*", "case.CaseOpened", "visit"),
    ]


def test_a_message_carries_the_event_as_it_was_written() -> None:
    row = event(7, entity_type="visit", type="VisitFinished", body='{"data":{"name":"Brückner"},"n":1}'.encode())
    message = message_of(row)
    document = json.loads(message.body)
    assert message.id == f"evt_{row.id}"
    assert row.body in message.body
    assert (document["type"], document["timestamp"]) == ("visit.VisitFinished", time_of(row.recorded_at_ms))
    assert (document["data"]["position"], document["data"]["entity_id"]) == (7, row.entity)
    assert message_of(row) == message, "every try is the same"


@pytest.mark.parametrize("size", [BODY_BYTES_MAX, EVENT_BYTES_MAX])
def test_an_event_that_is_too_large_is_told_by_where_it_is_read(size: int) -> None:
    row = event(7, body=b'{"body":"%s"}' % (b"x" * size))
    message = message_of(row)
    data = json.loads(message.body)["data"]
    assert len(message.body) < BODY_BYTES_MAX
    assert data["event"] is None
    assert data["link"] == f"/v1/entities/{row.entity_type}/{row.entity}"


@given(st.integers(0, EVENT_BYTES_MAX))
def test_no_message_is_larger_than_receivers_must_take(size: int) -> None:
    assert len(message_of(event(1, body=b'{"b":"%s"}' % (b"x" * size))).body) < BODY_BYTES_MAX


def test_a_ping_says_what_it_is() -> None:
    message = ping("01900000-0000-7000-9000-000000000001", now_ms=NOON)
    assert message.id == "ping_01900000-0000-7000-9000-000000000001"
    assert json.loads(message.body)["type"] == "webhook.ping"


def test_times_are_told_to_the_millisecond() -> None:
    assert time_of(NOON + 7) == "2026-01-01T12:00:00.007Z"
