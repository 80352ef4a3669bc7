"""What the API says of itself is whole, true to policy and problems, and can be read without internet."""

import re
from http import HTTPStatus
from typing import Any

import pytest

from api.answers import ANSWERS
from api.policy import ANYBODY, POLICY
from api.problem_types import PROBLEM_TYPES
from tests.api.office import Office

Operation = tuple[str, str, dict[str, Any]]


@pytest.fixture
def operations(office: Office) -> list[Operation]:
    told = office.client.get("/openapi.json").json()
    return [(method.upper(), path, each) for path, item in told["paths"].items() for method, each in item.items()]


def test_every_route_of_the_policy_is_described_but_those_of_the_page(operations: list[Operation]) -> None:
    described_ = {(method, path) for method, path, _ in operations}
    assert {row for row in POLICY if row not in described_} == {
        ("GET", "/openapi.json"),
        ("GET", "/"),
        ("GET", "/docs"),
        ("GET", "/docs/{file}"),
    }


def test_every_row_of_the_answers_has_its_operation(operations: list[Operation]) -> None:
    assert {each["operationId"] for _, _, each in operations} == ANSWERS.keys()


def test_every_operation_says_what_it_does_and_what_it_answers(operations: list[Operation]) -> None:
    names = [each["operationId"] for _, _, each in operations]
    assert len(set(names)) == len(names) > 15
    for method, path, each in operations:
        place = f"{method} {path}"
        assert re.fullmatch(r"[a-z][a-z_]+", each["operationId"]), place
        assert each["summary"], place
        assert len(each["description"]) > 20, place
        assert len(each["tags"]) == 1, place
        assert bool(each["security"]) == (POLICY[method, path].who is not ANYBODY), place


def test_every_problem_of_an_operation_is_one_that_is_declared(operations: list[Operation]) -> None:
    for method, path, each in operations:
        for status, answer in each["responses"].items():
            if int(status) >= HTTPStatus.BAD_REQUEST:
                kinds = answer["$ref"].rpartition("/")[2].split(".")
                assert {PROBLEM_TYPES[kind].status for kind in kinds} == {int(status)}, (method, path)


def test_every_answer_and_every_parameter_is_described(operations: list[Operation]) -> None:
    bare = []
    for method, path, each in operations:
        for status, answer in each["responses"].items():
            content = answer.get("content", {})
            is_told = "$ref" in answer or int(status) == HTTPStatus.NO_CONTENT
            if not is_told and not all(one.get("schema") for one in content.values() or [{}]):
                bare.append(f"{method} {path}: {status}")
        own = [one for one in each["parameters"] if "$ref" not in one]
        assert len(own) == len(each["parameters"]) - 1, "Cairnfield-Version is described once for all"
        bare += [f"{method} {path}: {one['name']}" for one in own if not one.get("description")]
    assert bare == []


def test_who_types_the_address_alone_is_led_to_the_page(office: Office) -> None:
    led = office.client.get("/", follow_redirects=False)
    assert (led.status_code, led.headers["location"]) == (HTTPStatus.TEMPORARY_REDIRECT, "/docs")
    assert office.client.get("/", follow_redirects=True).headers["content-type"].startswith("text/html")


def test_the_page_needs_nothing_from_elsewhere(office: Office) -> None:
    page = office.client.get("/docs")
    files = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert sorted(files) == ["/docs/begin.js", "/docs/swagger-ui-bundle.js", "/docs/swagger-ui.css"]
    explained = office.client.get("/problems/version-moved").text
    files += re.findall(r"href='(/docs/[^']+)'", explained)
    assert "/docs/plain.css" in files
    for file in files:
        assert office.client.get(file).status_code == HTTPStatus.OK
    assert "script-src 'self';" in page.headers["content-security-policy"]
    assert office.client.get("/docs/passwd").json()["code"] == "not_found"
