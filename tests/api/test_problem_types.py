"""Every problem that is answered is declared, has a page where its type leads, and stands in the reference."""

import ast
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import pytest

from api.problem import Problem
from api.problem_types import PROBLEM_TYPES
from api.refused import kind_of
from commands import case_refusals
from commands.order_refusals import IdempotencyKeyReused, OrderRefused
from tests.api.office import Office

API = Path(__file__).resolve().parents[2] / "api"


def raised() -> Iterator[tuple[str, str, str]]:
    """(file, status, kind) of every problem that is made with both written out."""
    for path in sorted(API.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Problem":
                status, kind = node.args[:2]
                if isinstance(status, ast.Attribute) and isinstance(kind, ast.Constant):
                    yield str(path.relative_to(API)), status.attr, str(kind.value)


def test_every_problem_is_declared_with_its_status() -> None:
    undeclared = [
        each
        for each in raised()
        if each[2] not in PROBLEM_TYPES or PROBLEM_TYPES[each[2]].status != HTTPStatus[each[1]]
    ]
    assert undeclared == []
    assert len({kind for *_, kind in raised()}) > 15


def test_nobody_makes_a_problem_that_is_not_declared() -> None:
    with pytest.raises(LookupError, match="has no row"):
        Problem(HTTPStatus.CONFLICT, "nobody-declared-it", "", hint="")
    with pytest.raises(LookupError, match="with status 404"):
        Problem(HTTPStatus.NOT_FOUND, "forbidden", "", hint="")


def test_the_type_of_a_problem_leads_to_its_page(office: Office) -> None:
    refused = office.client.get("/v1/nowhere")
    page = office.client.get(refused.json()["type"])
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "<h1>Not found</h1>" in page.text
    for kind, declared in PROBLEM_TYPES.items():
        explained = office.client.get(f"/problems/{kind}")
        assert explained.status_code == 200, kind
        told = explained.text
        assert str(declared.status.value) in told
        assert f'href="/problems/{kind}"' in office.client.get("/problems").text
    unknown = office.client.get("/problems/nobody-declared-it")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "not_found")


def refusals(of: type[OrderRefused] = OrderRefused) -> Iterator[type[OrderRefused]]:
    yield of
    for each in of.__subclasses__():
        yield from refusals(each)


def test_every_refusal_of_an_order_is_a_problem_of_its_name_and_says_what_to_do() -> None:
    found = [each for each in refusals() if each is not case_refusals.CaseRefused]
    assert len(found) > 12
    for each in found:
        assert kind_of(each) in PROBLEM_TYPES, each
        assert each.hint.endswith("."), each
    assert kind_of(IdempotencyKeyReused) == "idempotency-key-reused"
