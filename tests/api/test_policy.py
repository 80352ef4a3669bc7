"""The door is a closed world: whatever nobody decided on is not served."""

from typing import get_args

import pytest
from fastapi import APIRouter, FastAPI

from api.admission import refusal
from api.policy import HANDING_IN, POLICY, RouteUnknown, Row, check_closed, told_by
from commands.authority import Principal, may_hand_in, may_relay, may_see_cases, may_work_on_cases
from domain.people import Role
from tests.api.office import Office

ROLES: tuple[Role, ...] = get_args(Role)


def _nobody_decided() -> FastAPI:
    router = APIRouter(prefix="/v1")

    @router.get("/salaries")
    def salaries() -> str:
        return "all of them"

    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.include_router(router)
    return app


def _somebody(role: Role, *, scopes: frozenset[str] | None = None) -> Principal:
    return Principal(tenant="t", person="p", name="Ada", role=role, scopes=scopes)


def test_c7_the_routes_are_those_of_the_policy(office: Office) -> None:
    document = office.client.get("/openapi.json").json()
    served = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert served <= POLICY.keys()
    for method, path in POLICY.keys() - served:  # pages for people are no part of the contract
        assert (method, POLICY[method, path].who) == ("GET", None)


def test_c7_a_route_without_a_row_does_not_start() -> None:
    with pytest.raises(RouteUnknown, match=r"no row for .*GET /v1/salaries"):
        check_closed(_nobody_decided().routes, {})


def test_c7_a_row_without_a_route_does_not_start() -> None:
    app = _nobody_decided()
    check_closed(app.routes, {("GET", "/v1/salaries"): Row(who=None)})
    with pytest.raises(RouteUnknown, match=r"a row without a route for .*DELETE /v1/salaries"):
        check_closed(app.routes, {each: Row(who=None) for each in [*told_by(app.routes), ("DELETE", "/v1/salaries")]})


@pytest.mark.parametrize("route", sorted(each for each, row in POLICY.items() if row.who is not None))
def test_c7_a_route_that_is_not_everybodys_asks_who_speaks_before_it_reads(
    office: Office, route: tuple[str, str]
) -> None:
    method, path = route
    answer = office.client.request(method, path.replace("{", "x").replace("}", "x"), content=b"\xff" * 10)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")


@pytest.mark.parametrize("role", ROLES)
def test_c7_the_policy_asks_for_the_roles_that_the_authority_table_knows(role: Role) -> None:
    def admits(method: str, path: str) -> bool:
        return refusal(POLICY[method, path], _somebody(role)) is None

    assert admits("POST", "/v1/sync/push") == (role in HANDING_IN) == may_hand_in(role)
    assert admits("POST", "/v1/sync/relay") == may_relay(role)
    assert admits("GET", "/v1/quarantine/{case}") == may_see_cases(role)
    assert admits("POST", "/v1/quarantine/{case}/approve") == may_work_on_cases(role)


def test_a_token_that_is_limited_passes_only_where_its_scopes_say() -> None:
    pulling = _somebody("integration", scopes=frozenset({"sync:pull"}))
    passes = {path for (_, path), row in POLICY.items() if row.who is not None and refusal(row, pulling) is None}
    assert passes >= {"/v1/sync/pull", "/v1/sync/digest", "/v1/sync/hello"}
    assert not passes & {"/v1/sync/push", "/v1/sync/replicas", "/v1/entities/{entity_type}", "/v1/work-orders"}


def test_a_token_that_is_limited_to_nothing_passes_nowhere() -> None:
    nothing = _somebody("admin", scopes=frozenset())
    assert all(refusal(row, nothing) for row in POLICY.values() if row.who is not None)
