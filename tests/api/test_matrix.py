"""Every route, asked by everybody, for everything: their own, others' of the company, another company's, nobody's.

The routes are those that the application serves, so a new one is in the matrix or fails it. What is expected stands in
`expected_authority.py`, which was written from the product's table. Once more with all checks of our own stubbed to
allow, and with the tenant left out of every statement: row-level security alone shows and writes nothing of another
company.
"""

import inspect
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import psycopg
import pytest
from psycopg import sql

from api import admission
from api.policy import told_by
from commands import authority
from infra.postgres.pool import Connection, open_pool
from tests.api import signing
from tests.api.expected_authority import Undecided, expected
from tests.api.office import ROLES
from tests.api.two_companies import (
    ENDLESS,
    NO_IDS,
    OF_WHAT_IS_MADE,
    STRANGERS,
    Place,
    Route,
    Spot,
    Towns,
    in_common,
    two_companies,
)
from tests.conftest import TestServer

PARAMETER: Final = re.compile(r"\{(\w+)\}")
UUIDS: Final = re.compile("[0-9a-f-]{36}")
NEEDS_MORE_THAN_A_TOKEN: Final = {
    *(("POST", "/v1/devices"), ("PUT", "/v1/me/password"), ("POST", "/v1/sync/hello"), ("POST", "/v1/sync/replicas"))
}
"""A proof by a key, the old password, a replica of one's own: without it they refuse whoever may ask, too."""
TELLS_NOBODY: Final = ("POST", "/v1/sign-in/passkey/options")
"""A challenge is made for whoever asks."""
SEEN_BY_EVERYBODY: Final = frozenset({"part", "stock_location", "checklist_template", "person", "tenant"})
"""The catalog needs no grant, and colleagues are known."""
REFUSED_BY_NAME: Final[defaultdict[Any, tuple[str, ...]]] = defaultdict(
    tuple, {"owner_id": ("owner_cannot_decide",), "entity_id": ("event_refused",)}
)
"""Where the answer does not point at a member of the body."""
ELSEWHERE: Final[tuple[Place, ...]] = ("foreign", "nowhere")


@pytest.fixture(scope="module")
def towns(embedded_server: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Towns]:
    with embedded_server.database() as dsn, two_companies(dsn, tmp_path_factory.mktemp("keys")) as made:
        yield made


def routes_of(towns: Towns) -> list[Route]:
    app: Any = towns.ours.company.client._transport._carrier.app  # type: ignore[attr-defined]
    return sorted(told_by(app.routes))


def ask(
    towns: Towns, route: Route, who: str, place: Place, *, whole: bool = True, at: Spot | None = None
) -> tuple[Any, list[str]]:
    """The answer, and the ids that were sent for it; `at`: one of them alone is of that place, and the others ours."""
    method, template = route
    named, body = towns.named(template, place, at), towns.body(route, place, whole=whole, at=at)
    sent = [*(each for name, each in named.items() if name not in NO_IDS), *UUIDS.findall((body or b"").decode())]
    return towns.ours.ask(method, template.format(**named), who, body), sent


def test_c7_somebody_decided_on_every_route(towns: Towns) -> None:
    for method, path in routes_of(towns):
        expected(method, path)
    with pytest.raises(Undecided, match="GET /v1/salaries"):
        expected("GET", "/v1/salaries")


@pytest.mark.parametrize("stranger", STRANGERS)
def test_c1_a_stranger_is_shown_nothing_whatever_they_name(towns: Towns, stranger: str) -> None:
    before = towns.ours.rows(), towns.theirs.rows()
    for route in routes_of(towns):
        if expected(*route) is None:
            continue
        for place in places_of(route):
            answer, _ = ask(towns, route, stranger, place)
            assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized"), (route, place)
    assert (towns.ours.rows(), towns.theirs.rows()) == before


@pytest.mark.parametrize("role", ROLES)
def test_c1_whoever_may_not_ask_is_told_so_whatever_they_name(towns: Towns, role: str) -> None:
    before = towns.ours.rows(), towns.theirs.rows()
    for route in routes_of(towns):
        roles = expected(*route)
        if roles is None or role in roles:
            continue
        answers = [in_common(*_flat(ask(towns, route, role, place))) for place in places_of(route)]
        assert answers[0][0] == 403, (route, answers[0])
        assert len({status for status, _ in answers}) == 1, (route, answers)
    assert (towns.ours.rows(), towns.theirs.rows()) == before


def places_of(route: Route) -> tuple[Place, ...]:
    return ("own", "out of scope", "foreign", "nowhere") if takes_an_id(route) or route[0] != "GET" else ("own",)


def takes_an_id(route: Route) -> bool:
    return bool({*PARAMETER.findall(route[1])} - NO_IDS.keys())


def _flat(told: tuple[Any, list[str]]) -> tuple[Any, ...]:
    answer, sent = told
    return (answer, *sent)


@pytest.mark.parametrize("role", ROLES)
def test_c3_what_is_another_companys_is_answered_like_what_is_not_there(towns: Towns, role: str) -> None:
    """Every route, also those whose ids travel in the body; whoever asks learns nothing from the answer."""
    before, secrets = towns.theirs.rows(), towns.theirs.secrets
    for route in routes_of(towns):
        if route == ENDLESS or role not in (expected(*route) or ()):
            continue
        (foreign, sent), (nowhere, sent_too) = (ask(towns, route, role, place) for place in ELSEWHERE)
        if takes_an_id(route) or foreign.status_code >= 400:
            assert in_common(foreign, *sent) == in_common(nowhere, *sent_too), route
        if takes_an_id(route):
            assert 400 <= foreign.status_code < 500, (route, foreign.text)
        leaked = [each for each in secrets if each in foreign.text and each not in sent]
        assert not leaked, (route, leaked)
    assert towns.theirs.rows() == before


def test_c4_what_a_technician_is_not_sent_to_is_answered_like_what_is_not_there(towns: Towns) -> None:
    hidden = {towns.ours.ids["out of scope"][kind] for kind in ("customer", "site", "work_order", "visit", "note")}
    for route in routes_of(towns):
        if route == ENDLESS or "technician" not in (expected(*route) or ()):
            continue
        beyond, sent = ask(towns, route, "technician", "out of scope")
        nowhere, sent_too = ask(towns, route, "technician", "nowhere")
        leaked = [each for each in hidden if each in beyond.text and each not in sent]
        assert not leaked, (route, leaked)
        if takes_an_id(route) and not _is_of_everybody(route):
            assert in_common(beyond, *sent) == in_common(nowhere, *sent_too), route


@pytest.mark.parametrize("role", ROLES)
def test_c2_c3_one_id_alone_of_another_company_is_answered_like_one_of_nobody(towns: Towns, role: str) -> None:
    """All else that is said is one's own, so that it is this id that is refused."""
    before, secrets, asked = towns.theirs.rows(), towns.theirs.secrets, 0
    for route, spot in spots_of(towns, role):
        (foreign, sent), (nowhere, sent_too) = (ask(towns, route, role, place, at=spot) for place in ELSEWHERE)
        assert in_common(foreign, *sent) == in_common(nowhere, *sent_too), (route, spot)
        leaked = [each for each in secrets if each in foreign.text and each not in sent]
        assert not leaked, (route, spot, leaked)
        assert route == TELLS_NOBODY or is_refused_for(foreign, spot), (route, spot, foreign.text)
        asked += 1
    assert towns.theirs.rows() == before
    assert asked > 5


def is_refused_for(answer: Any, spot: Spot) -> bool:
    """Whether this id is what an answer complains of."""
    if spot[0] == "path":
        return bool(answer.status_code == 404)
    if spot[-1] in ("tenant", "client_id"):
        return bool(answer.status_code == 401)
    pointer = "/".join(["", *map(str, spot[1:])])
    return answer.status_code == 409 and (
        answer.json()["detail"].startswith(f"{pointer}: ") or answer.json()["code"] in REFUSED_BY_NAME[spot[-1]]
    )


def test_c4_one_id_alone_that_a_technician_is_not_let_into_is_answered_like_one_of_nobody(towns: Towns) -> None:
    ours = towns.ours.ids["out of scope"]
    hidden, asked = {ours[kind] for kind in ("customer", "site", "work_order", "visit", "note")}, 0
    for route, spot in spots_of(towns, "technician"):
        if expected(*route) is None or towns.kind_at(route[1], spot) in SEEN_BY_EVERYBODY:
            continue
        places: tuple[Place, ...] = ("out of scope", "nowhere")
        (beyond, sent), (nowhere, sent_too) = (ask(towns, route, "technician", place, at=spot) for place in places)
        leaked = [each for each in hidden if each in beyond.text and each not in sent]

        assert not leaked, (route, spot, leaked)
        assert in_common(beyond, *sent) == in_common(nowhere, *sent_too), (route, spot)
        asked += 1
    assert asked > 40


def spots_of(towns: Towns, role: str) -> Iterator[tuple[Route, Spot]]:
    """Every id in every request that a role may send, also in those that everybody may."""
    for route in routes_of(towns):
        roles = expected(*route)
        if route != ENDLESS and (roles is None or role in roles):
            of_a_company = [spot for spot in towns.spots(route) if roles is not None or spot[0] == "body"]
            yield from ((route, spot) for spot in of_a_company if spot != OF_WHAT_IS_MADE)


def _is_of_everybody(route: Route) -> bool:
    """What the catalog holds needs no grant."""
    return any(f"/{each}/" in route[1] for each in ("parts", "stock-locations", "checklist-templates"))


def test_c3_what_is_made_under_an_id_of_another_companys_is_made_as_under_any(towns: Towns) -> None:
    """That the id is taken there is told to nobody; what is there stays theirs, and what is here is ours."""
    before, secrets, made = towns.theirs.rows(), towns.theirs.secrets, 0
    for route in routes_of(towns):
        if OF_WHAT_IS_MADE not in towns.spots(route):
            continue
        role = "supervisor" if "supervisor" in (expected(*route) or ()) else "admin"
        (foreign, sent), (nowhere, _) = (ask(towns, route, role, place, at=OF_WHAT_IS_MADE) for place in ELSEWHERE)
        assert foreign.status_code == nowhere.status_code == 201, (route, foreign.text, nowhere.text)
        assert foreign.json().keys() == nowhere.json().keys(), route
        assert foreign.json()["version"] == nowhere.json()["version"] == 1, route
        leaked = [each for each in secrets if each in foreign.text and each not in sent]
        assert not leaked, (route, leaked)
        made += 1
    assert towns.theirs.rows() == before
    assert made > 10


@pytest.mark.parametrize("role", ROLES)
def test_c10_nothing_that_is_anybodys_may_be_kept_on_the_way(towns: Towns, role: str) -> None:
    """Two companies ask the same URLs through a proxy that keeps whatever it may."""
    kept: dict[str, Any] = {}
    for method, template in routes_of(towns):
        if method != "GET" or (method, template) == ENDLESS or ("{" in template and expected(method, template) is None):
            continue
        path = template.format(**towns.named(template, "own"))
        for town, other in ((towns.ours, towns.theirs), (towns.theirs, towns.ours)):
            answer = kept.get(path) or town.ask("GET", path, role)
            if answer.is_success and "no-store" not in answer.headers.get("cache-control", ""):
                kept[path] = answer
            if town is towns.theirs:
                assert not [each for each in other.secrets if each in answer.text and each not in path], path
    assert not [path for path in kept if path.startswith("/v1/")]


@pytest.mark.parametrize("role", ROLES)
def test_whoever_may_ask_is_not_turned_away_from_their_own(towns: Towns, role: str) -> None:
    """Last, because it changes things: the answers above are worth something only if these are given."""
    answered: set[Route] = set()
    turned_away: list[Any] = []
    for route in sorted(routes_of(towns), key=lambda route: (route[1].endswith("/revoke"), route[0] == "DELETE")):
        roles = expected(*route)
        if route == ENDLESS or roles is None or role not in roles or _is_somebody_elses(route, role):
            continue
        answer, _ = ask(towns, route, role, "own", whole=False)
        if answer.status_code in (401, 403, 404, 405, 500) and route not in NEEDS_MORE_THAN_A_TOKEN:
            turned_away.append((route, answer.text))
        if answer.is_success:
            answered.add(route)
    assert turned_away == []
    assert {("GET", "/v1/entities/{entity_type}/{entity_id}"), ("GET", "/v1/work-orders")} <= answered
    assert len(answered) > 5


def _is_somebody_elses(route: Route, role: str) -> bool:
    """What is one person's own; nobody else has the use of it."""
    whose = {"{session}": "technician", "{device}": "technician", "{credential}": "technician", "{webhook}": "admin"}
    return any(each in route[1] and role != owner for each, owner in whose.items())


_WALLED: Final = """
    select relnamespace::regnamespace || '.' || quote_ident(relname) from pg_class
    where relrowsecurity and relkind in ('r', 'p')
"""


class Forgetful(psycopg.Cursor[Any]):
    """Leaves out of every statement that it is about one tenant."""

    def execute(self, query: Any, *told: Any, **how: Any) -> Any:
        text = query.as_string(self) if isinstance(query, sql.Composable) else query
        forgotten = re.sub(r"(?:\w+\.)?\btenant = %\(tenant\)s(?:::uuid)?", "true", text)
        return super().execute(forgotten, *told, **how)


def forgetful_pool(dsn: str, *, size: int, **how: Any) -> Any:
    pool = open_pool(dsn, size=size, **how)
    taken: list[Connection] = [pool.getconn() for _ in range(size)]
    for connection in taken:
        connection.cursor_factory = Forgetful
        pool.putconn(connection)
    return pool


@contextmanager
def everything_allowed() -> Iterator[None]:
    """All checks of our own answer yes: the door's policy, and every question that the authority table answers."""
    answers: dict[str, Any] = {"fault_in_telling": None, "masked_from": frozenset()}
    originals: dict[Any, Any] = {admission.refusal: None}
    for name, asked in inspect.getmembers(authority, inspect.isfunction):
        if inspect.signature(asked).return_annotation is bool:
            originals[asked] = True
        elif name in answers:
            originals[asked] = answers[name]
    with pytest.MonkeyPatch.context() as patch:
        for module in [each for name, each in sys.modules.items() if name.split(".")[0] in ("api", "commands", "sync")]:
            for name, found in list(vars(module).items()):
                if inspect.isfunction(found) and found in originals:
                    patch.setattr(module, name, lambda *_, answer=originals[found], **__: answer)
        yield


@pytest.fixture(scope="module")
def open_towns(embedded_server: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Towns]:
    """The same server, with no wall but the database's."""
    with pytest.MonkeyPatch.context() as patch, embedded_server.database() as dsn:
        patch.setattr(signing, "open_pool", forgetful_pool)
        with two_companies(dsn, tmp_path_factory.mktemp("open_keys")) as made:
            yield made


@pytest.mark.parametrize("role", ROLES)
def test_c1_row_level_security_alone_shows_and_writes_nothing_of_another_company(open_towns: Towns, role: str) -> None:
    before, secrets, seen = open_towns.theirs.rows(), open_towns.theirs.secrets, 0
    with everything_allowed():
        for route in routes_of(open_towns):
            if route == ENDLESS or expected(*route) is None:
                continue
            answer, sent = ask(open_towns, route, role, "foreign")
            assert answer.status_code not in (401, 403) or route in NEEDS_MORE_THAN_A_TOKEN, (route, answer.text)
            assert answer.status_code not in (500, 502), (route, answer.text)
            leaked = [each for each in secrets if each in answer.text and each not in sent]
            assert not leaked, (route, leaked)
            seen += answer.is_success
    assert open_towns.theirs.rows() == before
    assert seen > 5, "the checks were open, and our own was shown"


def test_without_row_level_security_the_same_requests_do_leak(open_towns: Towns) -> None:
    """So the test above can fail: with the last wall down too, one company reads the other."""
    with psycopg.connect(open_towns.dsn, autocommit=True) as superuser:
        walled = [name for (name,) in superuser.execute(_WALLED).fetchall()]
        for table in walled:
            superuser.execute(f"alter table {table} disable row level security")
        try:
            for path in ("/v1/entities/{entity_type}", "/v1/views/{view}", "/v1/views/{view}/export"):
                with everything_allowed():
                    answer, _ = ask(open_towns, ("GET", path), "supervisor", "own")
                assert any(each in answer.text for each in open_towns.theirs.secrets), path
        finally:
            for table in walled:
                superuser.execute(f"alter table {table} enable row level security")
