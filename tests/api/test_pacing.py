"""Whoever asks for more than is given is told so, which quota it was, and when to come back."""

import re
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

import httpx
import pytest
from fastapi import FastAPI, Request

from api.pacing import address_of, jittered, spend_sign_in
from api.terms import Terms
from commands.quotas import QUOTAS, WHOM
from infra.process_limits import ProcessLimits
from tests.api.door import office_on
from tests.api.in_process import client_of
from tests.api.office import Office, customers, problem

MINUTE_US = 60_000_000


class Clock:
    us = 10**15

    def __call__(self) -> int:
        return self.us


@contextmanager
def held_to(quotas: Mapping[str, int]) -> Iterator[tuple[Office, Clock]]:
    """An office with smaller quotas, each for a minute, and the clock of its limits."""
    clock = Clock()
    smaller = {name: replace(QUOTAS[name], amount=amount, window_s=60) for name, amount in quotas.items()}
    with office_on(Terms(limiter=ProcessLimits(clock), quotas={**QUOTAS, **smaller})) as office:
        yield office, clock


def _refused(answer: httpx.Response, *names: str) -> int:
    document = problem(answer, 429, "quota-exceeded")
    assert document["violated-policies"] == list(names)
    assert document["retryable"]
    return int(answer.headers["retry-after"])


def test_g15_a_person_is_held_to_a_pace_on_all_routes_together_and_told_when_to_return() -> None:
    with held_to({"person": 6}) as (office, clock):
        for path in ("/v1/sync/digest", "/v1/work-orders", "/v1/sync/digest", "/v1/entities/site") * 2:
            answer = office.get(path)
            if answer.status_code == 429:
                break
        wait_s = _refused(answer, "person")
        assert 10 <= wait_s <= 15  # ten seconds for one of six in a minute, and a little for not all at once
        clock.us += wait_s * 1_000_000
        assert office.get("/v1/sync/digest").status_code == 200
        assert office.get("/v1/sync/digest", role="supervisor").status_code == 200


def test_every_answer_tells_what_is_given_and_what_is_left() -> None:
    with held_to({"person": 6}) as (office, _):
        office.get("/v1/sync/digest")
        answer = office.get("/v1/sync/digest")
        assert answer.headers["ratelimit-policy"] == '"person";q=6;w=60'
        assert answer.headers["ratelimit"] == '"person";r=4;t=20'
        not_found = office.get("/v1/quarantine/xx")
        assert not_found.headers["ratelimit"] == '"person";r=3;t=30'


def test_what_is_refused_stores_nothing_and_what_was_told_to_wait_passes_later() -> None:
    with held_to({"tenant-events": 10}) as (office, clock):
        device = office.device("ada")
        assert len(office.verdicts(*customers(device, 8))) == 8
        before, late = office.standing(device), customers(device, 8)
        wait_s = _refused(office.push(*late), "tenant-events")
        assert office.standing(device) == before
        clock.us += wait_s * 1_000_000
        assert {each["verdict"] for each in office.verdicts(*late)} == {"accepted"}


def test_an_order_costs_its_tenant_the_events_that_it_may_come_to() -> None:
    with held_to({"tenant-events": 4}) as (office, clock):

        def order(path: str) -> httpx.Response:
            headers = {**office.bearer("dispatcher"), "Idempotency-Key": str(uuid.uuid4())}
            return office.client.post(f"/v1/{path}", json={"name": "Harbour Mill"}, headers=headers)

        answers = [order("customers") for _ in range(5)]
        assert [each.status_code for each in answers] == [201] * 4 + [429]
        wait_s = _refused(answers[-1], "tenant-events")
        before = office.log.head(office.tenant).position
        _refused(office.push(*customers(office.device("ada"), 1)), "tenant-events")
        assert office.log.head(office.tenant).position == before
        clock.us += wait_s * 1_000_000
        assert order("customers").status_code == 201


def test_one_tenant_takes_nothing_from_another_person_of_it_but_events() -> None:
    with held_to({"tenant-events": 10}) as (office, _):
        office.verdicts(*customers(office.device("ada"), 10))
        other = office.device("ben", role="supervisor")
        answer = office.push(*customers(other, 5), role="supervisor")
        _refused(answer, "tenant-events")
        assert office.get("/v1/sync/pull", role="supervisor").status_code == 200


def test_bytes_are_counted_as_they_are_sent() -> None:
    with held_to({"device-bytes": 1_000}) as (office, _):
        device = office.device("ada")
        raws = customers(device, 4)
        first = office.push(raws[0])
        assert 'qu="content-bytes"' in first.headers["ratelimit-policy"]
        left = int(re.search(r'"device-bytes";r=(\d+)', first.headers["ratelimit"])[1])  # type: ignore[index]
        assert left == 1_000 - len(raws[0])
        _refused(office.push(*raws[1:]), "device-bytes")


def test_a_body_of_unknown_length_counts_as_the_largest() -> None:
    with held_to({"device-bytes": 2_000_000}) as (office, _):
        device = office.device("ada")

        def pieces() -> Iterator[bytes]:
            yield from customers(device, 1)

        headers = {"Content-Type": "application/x-ndjson", **office.bearer("dispatcher")}
        answers = [office.client.post("/v1/sync/push", content=pieces(), headers=headers) for _ in range(2)]
        assert [each.status_code for each in answers] == [200, 429]


def test_d10_an_address_that_tries_tokens_is_held_up_and_who_is_known_there_is_not() -> None:
    with held_to({"address": 5}) as (office, _):
        assert office.get("/v1/sync/digest").status_code == 200
        tried = [office.client.get("/v1/sync/digest", headers={"Authorization": f"Bearer t{n}"}) for n in range(6)]
        assert [each.status_code for each in tried] == [401] * 4 + [429] * 2
        _refused(tried[-1], "address")
        assert office.get("/v1/sync/digest").status_code == 200  # remembered: costs its address nothing


def test_whether_the_process_lives_is_always_told() -> None:
    with held_to({"address": 1}) as (office, _):
        assert {office.client.get("/livez").status_code for _ in range(20)} == {200}
        assert [office.client.get("/problems").status_code for _ in range(2)] == [200, 429]


@pytest.mark.parametrize(
    ("host", "counts_as"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("not an address", "not an address"),
    ],
)
def test_one_network_of_ipv6_counts_as_one_address(host: str, counts_as: str) -> None:
    assert address_of(Request({"type": "http", "client": (host, 1), "headers": []})) == counts_as


def test_those_who_are_refused_together_do_not_come_back_together() -> None:
    waits = [jittered(20) for _ in range(500)]
    assert (min(waits), max(waits)) == (20, 30)
    assert len(set(waits)) == 11


def test_d10_an_account_is_held_to_a_few_attempts_however_it_is_spelled() -> None:
    app = FastAPI()
    app.state.terms = Terms(limiter=ProcessLimits(Clock()))

    @app.post("/sign-in/{account}")
    def sign_in(account: str, request: Request) -> str:
        spend_sign_in(request, account)
        return "wrong"

    with client_of(app) as client:
        spelled = ["Ada@example.com", "ada@EXAMPLE.com", " ada@example.com"] * 5
        answers = [client.post(f"/sign-in/{each}").status_code for each in spelled]
        assert answers == [200] * 10 + [500] * 5  # a problem, which this small application does not answer
        assert client.post("/sign-in/ben@example.com").status_code == 200


def test_every_quota_says_whom_it_is_for() -> None:
    assert QUOTAS.keys() == WHOM.keys()
    assert {name for name, each in QUOTAS.items() if each.is_strict} == {"account", "sign-in-address"}
