"""The API is as it describes itself; what is not would be found, and everybody asks for what they may."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
from schemathesis.checks import CHECKS

from api.policy import POLICY
from cairnfield.failure import CannotGoOn
from cairnfield.prove_api.apart import apart
from cairnfield.prove_api.asking import STEPS, ask
from cairnfield.prove_api.findings import Findings
from cairnfield.prove_api.good_words import GoodWords, There
from cairnfield.prove_api.plan import ANONYMOUS, Share, shares
from cairnfield.prove_api.run import EVERYBODY, NO_REPLICA, prove
from cairnfield.prove_api.stage import Stage
from tests.api.serving import served_office

REQUESTS: Final = 5_000
SEED: Final = 201
OPERATIONS = {f"{method} {path}": (method, path) for method, path in POLICY}


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[str, dict[str, Any]]]:
    with served_office() as (_, _, port):
        url = f"http://127.0.0.1:{port}"
        yield url, httpx.get(f"{url}/openapi.json", trust_env=False).json()


def found(url: str, document: dict[str, Any], operation: str) -> set[str]:
    findings = Findings()
    share = Share(who=ANONYMOUS, operations=(operation,), covered=1_000, drawn=10, chains=1)
    words = GoodWords(There({}, {}, {}, 1, frozenset(), []), who=ANONYMOUS, replica=NO_REPLICA, seed=1)
    for event in ask(url, document, share, words, token="made-up", seed=1):
        findings.hear(ANONYMOUS, event)
    assert findings.asked > 3
    return {each.check for each in findings.found.values()}


@pytest.mark.timeout(900)  # 5,000 requests are made up, sent and looked at
def test_b16_five_thousand_requests_by_everybody_find_the_api_as_it_describes_itself(open_folder: Path) -> None:
    with Stage(open_folder) as stage:
        findings = prove(stage, requests=REQUESTS, seed=SEED)
    assert [each._asdict() for each in findings.found.values()] == []
    assert findings.asked >= REQUESTS
    asked = {tuple(each.split()) for each in findings.requests}
    assert {who for who, _ in asked} == set(EVERYBODY)
    assert {phase for _, phase in asked} == {"examples", "coverage", "fuzzing", "stateful"}
    assert set(CHECKS.get_all_names()) <= set(findings.checks)
    never_done = findings.operations - findings.done
    assert len(never_done) < len(findings.operations) / 3, never_done


def test_good_requests_name_the_columns_that_whoever_asks_is_shown() -> None:
    there = There({}, {"analyst": {"contact": ["role"]}, "admin": {"contact": ["email"]}}, {}, 1, frozenset(), [])
    for who, column in (("analyst", "role"), ("admin", "email")):
        query = {"sort": "drawn", "fields": "drawn"}
        words = GoodWords(there, who=who, replica=NO_REPLICA, seed=1)
        words._ask_for_columns({"view": "contact"}, query)
        assert query == {"sort": column, "fields": column}


def killed(by: int) -> None:
    """Ends as a process does that takes too much memory."""
    os.kill(os.getpid(), by)


def test_a_run_whose_process_is_killed_says_so_and_ends() -> None:
    with pytest.raises(CannotGoOn, match=r"asked as auditor was killed, .* Ask for fewer requests"):
        apart(killed, signal.SIGKILL, who="auditor")
    assert apart(abs, -1, who="auditor") == 1


def test_what_is_as_described_is_not_found(served: tuple[str, dict[str, Any]]) -> None:
    assert found(*served, "one_problem") == set()


LISTED, EXPLAINED = ("all_problems", "/problems"), ("one_problem", "/problems/{kind}")
LIES: list[tuple[tuple[str, str], str, Any, str]] = [
    (EXPLAINED, "responses/404", None, "status_code_conformance"),
    (LISTED, "responses/200/content", {"text/csv": {"schema": {}}}, "content_type_conformance"),
    (LISTED, "responses/200/headers/X-Page", {"required": True, "schema": {}}, "response_headers_conformance"),
    (EXPLAINED, "responses/404", {"description": "A lie.", "content": {"application/problem+json": {"schema": False}}},
     "response_schema_conformance"),
    (LISTED, "parameters/-", {"name": "X-Page", "in": "header", "required": True, "schema": {"type": "string"}},
     "missing_required_header"),
    (LISTED, "parameters/-", {"name": "page", "in": "query", "required": True, "schema": {"type": "integer"}},
     "negative_data_rejection"),
    (LISTED, "security", [{"bearer": []}], "ignored_auth"),
]  # fmt: skip


@pytest.mark.parametrize(("operation", "place", "says", "check"), LIES)
def test_what_is_not_as_described_is_found(
    served: tuple[str, dict[str, Any]], operation: tuple[str, str], place: str, says: Any, check: str
) -> None:
    url, document = served
    lying = json.loads(json.dumps(document))
    name, path = operation
    *steps, last = place.split("/")
    where = lying["paths"][path]["get"]
    for step in steps:
        where = where[step]
    if isinstance(where, list):
        where.append(says)
    elif says is None:
        del where[last]
    else:
        where[last] = says
    assert check in found(url, lying, name)


@pytest.mark.parametrize("requests", [500, 5_000, 50_000])
def test_every_operation_is_asked_by_somebody_who_may(requests: int) -> None:
    made = shares(OPERATIONS, EVERYBODY, requests=requests, seed=1, steps=STEPS)
    assert {share.who for share in made} == set(EVERYBODY)
    for operation, route in OPERATIONS.items():
        who = POLICY[route].who
        asked_by = {share.who for share in made if operation in share.operations}
        assert asked_by & (set(EVERYBODY) if who is None else set(who)), operation


def test_with_room_enough_everybody_asks_for_everything_and_the_seed_decides_otherwise() -> None:
    assert all(
        len(share.operations) == len(OPERATIONS)
        for share in shares(OPERATIONS, EVERYBODY, requests=50_000, seed=1, steps=STEPS)
    )
    few = [shares(OPERATIONS, EVERYBODY, requests=5_000, seed=seed, steps=STEPS) for seed in (1, 1, 2)]
    assert few[0] == few[1] != few[2]
