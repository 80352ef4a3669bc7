"""What a request names beside its path and body: every parameter of a query and every header, with what is another's.

The parameters are those that the API describes, so a new one is in this matrix or fails it. A name of another company
is answered like a name of nobody; a place in an order, which is a name of nothing, shows nothing of theirs; and what
another person was handed to go on with is nothing to anybody else.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

import psycopg
import pytest

from tests.api.expected_authority import expected
from tests.api.office import ROLES
from tests.api.two_companies import ENDLESS, Route, Town, Towns, in_common, two_companies
from tests.conftest import TestServer
from tests.devices import new_id

Parameter = tuple[str, str]
"""Where it stands, and its name."""

NAMES_NOTHING: Final = frozenset(
    {
        *(("query", name) for name in ("limit", "digests", "history", "state", "code", "status", "field", "sort")),
        *(("query", name) for name in ("fields", "format", "everybody", "kind")),
        # Moments and positions of whoever asks: numbers that every log has.
        *(("query", name) for name in ("as_of", "since", "until", "wait_for", "position", "after")),
        ("header", "Prefer"),  # how it is told
        ("header", "last-event-id"),  # a position; tests/api/test_live.py holds its stream to whose it is
    }
)
IN_HEADERS: Final = frozenset({("header", "Idempotency-Key"), ("header", "If-Match")})
"""Those have a test each."""
NUMBERED: Final = frozenset(
    {"/v1/sync/pull", "/v1/entities/{entity_type}/{entity_id}/history", "/v1/audit/differences"}
    | {"/v1/webhooks/{webhook}/dead-letters"}
)
"""Where a cursor is a number."""
CONTENT: Final = {"/v1/views/{view}/export": {"format": "ndjson"}, "/v1/sync/relay": {"epoch": new_id()}}
"""What else must be said so that the parameter counts."""
LISTS_QUESTIONS: Final = ("GET", "/v1/audit")
"""What our own people asked by stands there, another company's names too."""


class Named(NamedTuple):
    """The same parameter with something of theirs, and with something of nobody."""

    theirs: str
    nobodys: str
    is_place: bool = False
    """In an order: what is answered depends on where it lies, and shows nothing of theirs."""


@pytest.fixture(scope="module")
def towns(embedded_server: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Towns]:
    with embedded_server.database() as dsn, two_companies(dsn, tmp_path_factory.mktemp("keys")) as made:
        yield made


@pytest.fixture(scope="module")
def asked_by() -> set[str]:
    """What people of our company asked by so far, whichever role they have."""
    return set()


def of_entity(towns: Towns, role: str) -> Named:
    del role
    return Named(towns.theirs.ids["own"]["work_order"], new_id(), is_place=True)


def of_kind(kind: str) -> Callable[[Towns, str], Named]:
    return lambda towns, _: Named(towns.theirs.ids["own"][kind], new_id())


def of_audit(towns: Towns, role: str) -> Named:
    del role
    return Named(one(towns, "select max(entry::text) from audit_entry where tenant = %s"), new_id(), is_place=True)


def of_entry(towns: Towns, role: str) -> Named:
    del role
    return Named(one(towns, "select entry::text from audit_entry where tenant = %s"), new_id())


def of_replica(towns: Towns, role: str) -> Named:
    del role
    return Named(one(towns, "select replica from replica where tenant = %s and person is not null"), "rnobodyaaaaaa")


def of_event(towns: Towns, role: str) -> Named:
    del role
    return Named(one(towns, "select id::text from event where tenant = %s"), new_id())


def of_scope(towns: Towns, role: str) -> Named:
    del role
    return Named(f"work_order:{towns.theirs.ids['own']['work_order']}", f"work_order:{new_id()}")


def of_tenant(towns: Towns, role: str) -> Named:
    del role
    return Named(towns.theirs.company.tenant, new_id())


def of_queue(towns: Towns, role: str) -> Named:
    del role
    case = towns.theirs.ids["own"]["case"]
    return Named(f"0-{case}", "0-rnobodyaaaaaa-1", is_place=True)


def of_delivery(towns: Towns, role: str) -> Named:
    del role
    return Named(f"9999999999999-{towns.theirs.ids['own']['webhook']}", f"9999999999999-{new_id()}", is_place=True)


def of_view(towns: Towns, role: str) -> Named:
    who = "dispatcher" if role == "technician" else role  # whose page is not the only one
    told = towns.theirs.ask("GET", "/v1/views/work_order?limit=1", who).json()["next"]
    return Named(told, f"{told[:-6]}{'A' * 6}")


def of_resuming(towns: Towns, role: str) -> Named:
    del role
    return Named(f"work_order:{towns.theirs.ids['own']['work_order']}", f"work_order:{new_id()}")


def one(towns: Towns, statement: Any) -> str:
    with psycopg.connect(towns.dsn) as superuser:
        return str(superuser.execute(statement, [towns.theirs.company.tenant]).fetchall()[0][0])


CURSORS: Final[dict[str, Callable[[Towns, str], Named]]] = {
    "/v1/entities/{entity_type}": of_entity,
    "/v1/work-orders": of_entity,
    "/v1/audit/replay": of_entity,
    "/v1/audit": of_audit,
    "/v1/quarantine": of_queue,
    "/v1/views/{view}": of_view,
    "/v1/views/{view}/export": of_view,
    "/v1/webhooks/{webhook}/deliveries": of_delivery,
}
NAMES: Final[dict[Parameter, Callable[[Towns, str], Named]]] = {
    ("query", "replica"): of_replica,
    ("query", "resume"): of_resuming,
    ("query", "refetch"): of_scope,
    ("query", "scope"): of_scope,
    ("query", "event"): of_event,
    ("query", "entry"): of_entry,
    ("query", "person"): of_kind("person"),
    ("query", "owner"): of_kind("person"),
    ("query", "device"): of_kind("device"),
    ("query", "tenant"): of_tenant,
    ("query", "hub"): of_tenant,
    ("query", "epoch"): of_tenant,
}


def parameters(towns: Towns) -> Iterator[tuple[Route, Parameter]]:
    for path, item in towns.document["paths"].items():
        for method, operation in item.items():
            for told in operation.get("parameters", ()):
                if told.get("in") in ("query", "header"):
                    yield (method.upper(), path), (told["in"], told["name"])


def naming(route: Route, parameter: Parameter) -> Callable[[Towns, str], Named] | None:
    """What the parameter can name there; None where it names nothing."""
    if parameter in NAMES_NOTHING or parameter in IN_HEADERS:
        return None
    if parameter == ("query", "cursor"):
        return None if route[1] in NUMBERED else CURSORS[route[1]]
    return NAMES[parameter]


def test_somebody_decided_on_every_parameter(towns: Towns) -> None:
    found = [(route, parameter) for route, parameter in parameters(towns) if naming(route, parameter)]
    assert len(found) > 15
    with pytest.raises(KeyError):
        naming(("GET", "/v1/salaries"), ("query", "cursor"))


def asked(towns: Towns, route: Route, role: str, parameter: Parameter, value: str) -> Any:
    method, template = route
    path = template.format(**towns.named(template, "own"))
    said = {**CONTENT.get(template, {}), parameter[1]: value}
    return towns.ours.ask(method, f"{path}?{urlencode(said)}", role, towns.body(route, "own"))


@pytest.mark.parametrize("role", ROLES)
def test_c1_what_another_company_is_called_by_is_answered_like_what_nobody_is(
    towns: Towns, role: str, asked_by: set[str]
) -> None:
    secrets, answered = towns.theirs.secrets, 0
    for route, parameter in parameters(towns):
        of = naming(route, parameter)
        if of is None or route == ENDLESS or role not in (expected(*route) or ()):
            continue
        named = of(towns, role)
        before = towns.theirs.rows()  # after that: what their own auditor asks for it is noted with them
        theirs, nobodys = (asked(towns, route, role, parameter, value) for value in (named.theirs, named.nobodys))
        assert theirs.status_code < 500, (route, parameter, theirs.text)
        asked_by.add(named.theirs)
        known = asked_by if route == LISTS_QUESTIONS else {named.theirs}
        leaked = [each for each in secrets if each in theirs.text and not any(each in name for name in known)]
        assert not leaked, (route, parameter, leaked)
        if not named.is_place:
            assert in_common(theirs, named.theirs) == in_common(nobodys, named.nobodys), (route, parameter)
        assert towns.theirs.rows() == before, (route, parameter)
        answered += theirs.is_success
    assert answered >= 2


def beyond(towns: Towns, route: Route, parameter: Parameter) -> Named | None:
    """The same parameter with something of our company that the technician is not let into; None where nothing is."""
    ids = towns.ours.ids["out of scope"]
    job, nobodys = ids["work_order"], new_id()
    match parameter[1]:
        case "replica":
            return Named(ids["case"].rpartition("-")[0], "rnobodyaaaaaa")
        case "resume" | "refetch" | "scope":
            return Named(f"work_order:{job}", f"work_order:{nobodys}")
        case "device":
            return Named(ids["device"], nobodys)
        case "cursor" if CURSORS[route[1]] is of_entity:
            return Named(job, nobodys, is_place=True)
        case _:
            return None


def test_c4_what_a_technician_is_not_let_into_is_answered_like_what_nobody_is_called_by(towns: Towns) -> None:
    ours, names = towns.ours.ids["out of scope"], set[str]()
    hidden = {ours[kind] for kind in ("customer", "site", "work_order", "visit", "note")}
    for route, parameter in parameters(towns):
        of = naming(route, parameter)
        if of is None or route == ENDLESS or "technician" not in (expected(*route) or ()):
            continue
        named = beyond(towns, route, parameter)
        if named is None:
            continue
        theirs, nobodys = (
            asked(towns, route, "technician", parameter, value) for value in (named.theirs, named.nobodys)
        )
        leaked = [each for each in hidden if each in theirs.text and each not in named.theirs]
        assert not leaked, (route, parameter, leaked)
        if not named.is_place:
            assert in_common(theirs, named.theirs) == in_common(nobodys, named.nobodys), (route, parameter)
        names.add(parameter[1])
    assert names >= {"replica", "resume", "refetch", "cursor"}


@pytest.mark.parametrize("export", ["", "/export"])
def test_c4_a_cursor_that_somebody_else_was_handed_is_none(towns: Towns, export: str) -> None:
    path = f"/v1/views/work_order{export}?limit=1" + ("&format=ndjson" if export else "")
    told = towns.ours.ask("GET", "/v1/views/work_order?limit=1", "dispatcher").json()["next"]
    for town, role, status in (
        (towns.ours, "dispatcher", 200),
        (towns.ours, "supervisor", 422),
        (towns.theirs, "dispatcher", 422),
    ):
        answer = town.ask("GET", f"{path}&{urlencode({'cursor': told})}", role)
        assert answer.status_code == status, (role, answer.text)
        if status == 422:
            assert answer.json()["code"] == "cursor_unknown"


def test_c3_a_key_of_somebody_elses_order_is_a_new_one(towns: Towns) -> None:
    """Neither what they were answered, nor that they ordered, is told to anybody else who sends the same key."""
    key, said = {"Idempotency-Key": "the-same-for-all"}, b'{"name": "North Dock"}'
    answers = [
        town.ask("POST", "/v1/customers", role, said, key)
        for town, role in ((towns.theirs, "dispatcher"), (towns.ours, "dispatcher"), (towns.ours, "supervisor"))
    ]
    assert [each.status_code for each in answers] == [201] * 3
    assert ["idempotency-replayed" in each.headers for each in answers] == [False] * 3
    assert len({each.json()["id"] for each in answers}) == 3
    other = towns.ours.ask("POST", "/v1/customers", "admin", b'{"name": "South Dock"}', key)
    assert other.status_code == 201, "nor is it told that another order was given under it"


def test_c3_a_version_of_another_companys_record_is_none_of_ours(towns: Towns) -> None:
    ours, theirs = (town.ids["own"]["customer"] for town in (towns.ours, towns.theirs))
    for number in range(3):
        edit = f'{{"name": "secret of their town {number}"}}'.encode()
        told: Town = towns.theirs
        answer = told.ask("PATCH", f"/v1/customers/{theirs}", "dispatcher", edit)
        assert answer.is_success, answer.text
    tag = answer.headers["etag"]
    refused = [
        towns.ours.ask("PATCH", f"/v1/customers/{ours}", "dispatcher", b'{"name": "East Dock"}', {"If-Match": each})
        for each in (tag, '"777777"', f'"{theirs}"')
    ]
    assert [each.status_code for each in refused] == [412] * 3
    assert in_common(refused[0]) == in_common(refused[1])
    assert theirs not in refused[2].text
