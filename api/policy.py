"""Who may come through the door: one row for each route, and no route without a row.

A row is the first of three walls. It says who may ask at all; the authority table says what they may tell and see,
and the database's own policies hold whatever the first two forget.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, get_args

from fastapi.routing import iter_route_contexts
from starlette.routing import BaseRoute

from api.versions import Farewell
from commands.authority import may_replay, may_see_cases, may_see_events, may_see_histories
from commands.registry import COMMANDS, may_order
from commands.webhooks import may_subscribe
from domain.people import Role
from sync.limits import EVENT_BYTES_MAX, PAGE_BYTES_MAX, PUSH_BYTES_MAX

Pace = Literal["free", "asked", "sign_in"]
"""What a request costs: nothing (whether the process lives), what everybody's costs, or also what a sign-in does."""
SMALL_BODY_BYTES_MAX: Final = 16_384
"""Room for the longest texts that are asked for in one, every character of them escaped."""
NOTHING: Final = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What one route asks of whoever asks for it."""

    who: frozenset[Role] | None
    """Roles that may ask; None: everybody, also without a token."""
    body_bytes_max: int = NOTHING
    """Of the body, unpacked; the route answers 413 beyond it."""
    scopes: frozenset[str] = frozenset()
    """A token that is limited to scopes holds at least one of these; with none here such a token does not pass."""
    by_device: bool = False
    """Of the tokens of sessions only those pass that speak for a registered device."""
    pace: Pace = "asked"
    farewell: Farewell | None = None
    """Where the route will go."""


class RouteUnknown(Exception):
    """A route has no row, or a row has no route."""


def _roles(*names: Role) -> frozenset[Role]:
    return frozenset(names)


READS: Final = ("GET", "HEAD")
"""What is refused to clients that are too old to read what we write. All else they may do: sign in, and hand in."""
ANYBODY: Final = None
EVERY_ROLE: Final = frozenset[Role](get_args(Role))
READING_EVENTS: Final = frozenset[Role](role for role in EVERY_ROLE if may_see_events(role))
SEEING_CASES: Final = frozenset[Role](role for role in EVERY_ROLE if may_see_cases(role))
SEEING_HISTORIES: Final = frozenset[Role](role for role in EVERY_ROLE if may_see_histories(role))
REPLAYING: Final = frozenset[Role](role for role in EVERY_ROLE if may_replay(role))
ON_CASES: Final = _roles("dispatcher", "supervisor", "admin")
ADMINS: Final = _roles("admin")
SUBSCRIBING: Final = frozenset[Role](role for role in EVERY_ROLE if may_subscribe(role))
CHECKING: Final = _roles("auditor", "admin", "integration")
HANDING_IN: Final = EVERY_ROLE - _roles("analyst", "auditor")

_PUSHES: Final = frozenset({"sync:push"})
_PULLS: Final = frozenset({"sync:pull"})
_ORDERS: Final = frozenset({"commands:write"}) | _PUSHES
"""Whoever may push may tell any fact, and so give any order; `commands:write` is for systems that only give orders."""
_EITHER: Final = _PUSHES | _PULLS
_VERIFIES: Final = frozenset({"log:verify"})
_FOLLOWS: Final = _PULLS | _VERIFIES
_READS: Final = frozenset({"proj:read"})
_LOG: Final = frozenset({"log:read"})
_USERS: Final = frozenset({"users:admin"})
_HOOKS: Final = frozenset({"hooks:admin"})
SCOPES: Final = frozenset(
    {
        *("sync:push", "sync:pull", "proj:read", "log:read", "log:verify", "commands:write"),
        *("users:admin", "hooks:admin"),
    }
)
"""All that a token can be limited to; each opens something."""
_ANY_SCOPE: Final = SCOPES
WITHOUT_KEY: Final = frozenset({"sync:pull", "proj:read", "log:read", "log:verify"})
"""What the token of somebody is limited to who signed in without a key: whoever finds it reads for minutes."""

POLICY: Final[Mapping[tuple[str, str], Row]] = {
    ("GET", "/livez"): Row(who=ANYBODY, pace="free"),
    ("GET", "/readyz"): Row(who=ANYBODY, pace="free"),
    ("GET", "/openapi.json"): Row(who=ANYBODY),
    ("GET", "/"): Row(who=ANYBODY),
    ("GET", "/docs"): Row(who=ANYBODY),
    ("GET", "/docs/{file}"): Row(who=ANYBODY),
    ("GET", "/problems"): Row(who=ANYBODY),
    ("GET", "/problems/{kind}"): Row(who=ANYBODY),
    ("POST", "/v1/sync/replicas"): Row(
        who=HANDING_IN, scopes=_PUSHES, body_bytes_max=SMALL_BODY_BYTES_MAX, by_device=True
    ),
    ("POST", "/v1/sync/hello"): Row(who=EVERY_ROLE, scopes=_EITHER, body_bytes_max=SMALL_BODY_BYTES_MAX),
    ("POST", "/v1/sync/push"): Row(who=HANDING_IN, scopes=_PUSHES, body_bytes_max=PUSH_BYTES_MAX, by_device=True),
    ("GET", "/v1/sync/pull"): Row(who=READING_EVENTS, scopes=_PULLS),
    ("GET", "/v1/sync/digest"): Row(who=READING_EVENTS, scopes=_PULLS),
    ("GET", "/v1/sync/live"): Row(who=READING_EVENTS, scopes=_PULLS),
    ("GET", "/v1/sync/relay"): Row(who=_roles("integration"), scopes=_PUSHES),
    ("POST", "/v1/sync/relay"): Row(
        who=_roles("integration"), scopes=_PUSHES, body_bytes_max=PAGE_BYTES_MAX + EVENT_BYTES_MAX
    ),
    ("GET", "/v1/quarantine"): Row(who=SEEING_CASES, scopes=_READS),
    ("GET", "/v1/quarantine/{case}"): Row(who=SEEING_CASES, scopes=_READS),
    ("POST", "/v1/quarantine/{case}/approve"): Row(who=ON_CASES),
    ("POST", "/v1/quarantine/{case}/retry"): Row(who=ON_CASES),
    ("POST", "/v1/quarantine/{case}/resubmit"): Row(who=ON_CASES, body_bytes_max=2 * EVENT_BYTES_MAX),
    ("POST", "/v1/quarantine/{case}/reassign"): Row(who=ON_CASES, body_bytes_max=SMALL_BODY_BYTES_MAX),
    ("POST", "/v1/quarantine/{case}/dismiss"): Row(who=ON_CASES, body_bytes_max=SMALL_BODY_BYTES_MAX),
    ("GET", "/v1/entities/{entity_type}"): Row(who=EVERY_ROLE, scopes=_READS),
    ("GET", "/v1/entities/{entity_type}/{entity_id}"): Row(who=EVERY_ROLE, scopes=_READS),
    ("GET", "/v1/entities/{entity_type}/{entity_id}/history"): Row(who=SEEING_HISTORIES, scopes=_LOG),
    ("GET", "/v1/entities/{entity_type}/{entity_id}/why/{field}"): Row(who=SEEING_HISTORIES, scopes=_LOG),
    ("GET", "/v1/entities/{entity_type}/{entity_id}/differences"): Row(who=SEEING_HISTORIES, scopes=_LOG),
    ("GET", "/v1/entities/{entity_type}/{entity_id}/graph"): Row(who=SEEING_HISTORIES, scopes=_LOG),
    ("GET", "/v1/entities/{entity_type}/{entity_id}/graph.svg"): Row(who=SEEING_HISTORIES, scopes=_LOG),
    ("GET", "/v1/audit/replay"): Row(who=REPLAYING, scopes=_LOG),
    ("GET", "/v1/audit/differences"): Row(who=REPLAYING, scopes=_LOG),
    ("GET", "/v1/views"): Row(who=EVERY_ROLE, scopes=_READS),
    ("GET", "/v1/views/{view}"): Row(who=EVERY_ROLE, scopes=_READS),
    ("GET", "/v1/views/{view}/export"): Row(who=EVERY_ROLE, scopes=_READS),
    ("GET", "/v1/work-orders"): Row(who=EVERY_ROLE, scopes=_READS),
    ("GET", "/.well-known/jwks.json"): Row(who=ANYBODY),
    ("POST", "/v1/sign-in"): Row(who=ANYBODY, body_bytes_max=SMALL_BODY_BYTES_MAX, pace="sign_in"),
    ("POST", "/v1/sign-in/refresh"): Row(who=ANYBODY, body_bytes_max=SMALL_BODY_BYTES_MAX),
    ("POST", "/v1/sign-out"): Row(who=EVERY_ROLE, scopes=_ANY_SCOPE, body_bytes_max=SMALL_BODY_BYTES_MAX),
    ("POST", "/v1/token"): Row(who=ANYBODY, body_bytes_max=SMALL_BODY_BYTES_MAX, pace="sign_in"),
    ("POST", "/v1/sync/handin"): Row(who=ANYBODY, body_bytes_max=PUSH_BYTES_MAX),
    ("GET", "/v1/me"): Row(who=EVERY_ROLE, scopes=_ANY_SCOPE),
    ("GET", "/v1/me/sessions"): Row(who=EVERY_ROLE),
    ("DELETE", "/v1/me/sessions/{session}"): Row(who=EVERY_ROLE),
    ("PUT", "/v1/me/password"): Row(who=EVERY_ROLE, body_bytes_max=SMALL_BODY_BYTES_MAX, pace="sign_in"),
    ("POST", "/v1/sign-in/passkey/options"): Row(who=ANYBODY, body_bytes_max=SMALL_BODY_BYTES_MAX),
    ("POST", "/v1/sign-in/passkey"): Row(who=ANYBODY, body_bytes_max=SMALL_BODY_BYTES_MAX, pace="sign_in"),
    ("POST", "/v1/me/passkeys/options"): Row(who=EVERY_ROLE),
    ("POST", "/v1/me/passkeys"): Row(who=EVERY_ROLE, body_bytes_max=SMALL_BODY_BYTES_MAX),
    ("GET", "/v1/me/passkeys"): Row(who=EVERY_ROLE),
    ("DELETE", "/v1/me/passkeys/{credential}"): Row(who=EVERY_ROLE),
    ("POST", "/v1/devices"): Row(who=HANDING_IN, body_bytes_max=SMALL_BODY_BYTES_MAX),
    ("GET", "/v1/devices"): Row(who=EVERY_ROLE),
    ("PATCH", "/v1/devices/{device}"): Row(who=EVERY_ROLE, body_bytes_max=SMALL_BODY_BYTES_MAX),
    ("POST", "/v1/devices/{device}/revoke"): Row(who=EVERY_ROLE, body_bytes_max=SMALL_BODY_BYTES_MAX),
    ("GET", "/v1/people"): Row(who=ADMINS, scopes=_USERS),
    ("POST", "/v1/people"): Row(who=ADMINS, scopes=_USERS, body_bytes_max=SMALL_BODY_BYTES_MAX),
    ("PATCH", "/v1/people/{person}"): Row(who=ADMINS, scopes=_USERS, body_bytes_max=SMALL_BODY_BYTES_MAX),
    ("GET", "/v1/service-accounts"): Row(who=ADMINS),
    ("POST", "/v1/service-accounts"): Row(who=ADMINS, body_bytes_max=SMALL_BODY_BYTES_MAX),
    ("POST", "/v1/service-accounts/{client}/revoke"): Row(who=ADMINS),
    ("GET", "/v1/audit"): Row(who=_roles("auditor", "admin")),
    ("GET", "/v1/proof/keys"): Row(who=READING_EVENTS, scopes=_FOLLOWS),
    ("GET", "/v1/proof/checkpoint"): Row(who=READING_EVENTS, scopes=_FOLLOWS),
    ("GET", "/v1/proof/consistency"): Row(who=READING_EVENTS, scopes=_FOLLOWS),
    ("GET", "/v1/proof/checkpoints"): Row(who=CHECKING, scopes=_VERIFIES),
    ("GET", "/v1/proof/inclusion"): Row(who=CHECKING, scopes=_VERIFIES),
    ("GET", "/v1/proof/evidence"): Row(who=_roles("auditor", "admin"), scopes=frozenset({"log:read"})),
    ("GET", "/v1/proof/tiles/{level}/{number}"): Row(who=CHECKING, scopes=_VERIFIES),
    ("GET", "/v1/proof/audit/checkpoint"): Row(who=CHECKING, scopes=_VERIFIES),
    ("GET", "/v1/proof/audit/checkpoints"): Row(who=CHECKING, scopes=_VERIFIES),
    ("GET", "/v1/proof/audit/consistency"): Row(who=CHECKING, scopes=_VERIFIES),
    ("GET", "/v1/proof/audit/inclusion"): Row(who=_roles("auditor", "admin")),
    ("GET", "/v1/proof/audit/entries"): Row(who=_roles("auditor", "admin")),
    ("GET", "/v1/proof/audit/evidence"): Row(who=_roles("auditor", "admin")),
    ("GET", "/v1/webhooks"): Row(who=SUBSCRIBING, scopes=_HOOKS),
    ("POST", "/v1/webhooks"): Row(who=SUBSCRIBING, scopes=_HOOKS, body_bytes_max=4 * SMALL_BODY_BYTES_MAX),
    ("GET", "/v1/webhooks/{webhook}"): Row(who=SUBSCRIBING, scopes=_HOOKS),
    ("PATCH", "/v1/webhooks/{webhook}"): Row(who=SUBSCRIBING, scopes=_HOOKS, body_bytes_max=4 * SMALL_BODY_BYTES_MAX),
    ("DELETE", "/v1/webhooks/{webhook}"): Row(who=SUBSCRIBING, scopes=_HOOKS),
    ("POST", "/v1/webhooks/{webhook}/rotate-secret"): Row(
        who=SUBSCRIBING, scopes=_HOOKS, body_bytes_max=SMALL_BODY_BYTES_MAX
    ),
    ("POST", "/v1/webhooks/{webhook}/ping"): Row(who=SUBSCRIBING, scopes=_HOOKS),
    ("POST", "/v1/webhooks/{webhook}/replay"): Row(who=SUBSCRIBING, scopes=_HOOKS, body_bytes_max=SMALL_BODY_BYTES_MAX),
    ("GET", "/v1/webhooks/{webhook}/deliveries"): Row(who=SUBSCRIBING, scopes=_HOOKS),
    ("GET", "/v1/webhooks/{webhook}/dead-letters"): Row(who=SUBSCRIBING, scopes=_HOOKS),
    **{
        (each.method, each.path): Row(
            who=frozenset[Role](role for role in EVERY_ROLE if may_order(role, each)),
            scopes=_ORDERS,
            body_bytes_max=2 * EVENT_BYTES_MAX,
        )
        for each in COMMANDS
    },
}


def told_by(routes: Iterable[BaseRoute]) -> frozenset[tuple[str, str]]:
    """Method and path template of every route, also of included ones; HEAD is GET without its body."""
    told: set[tuple[str, str]] = set()
    for each in iter_route_contexts(list(routes)):
        methods = each.methods or {"ANY"}
        told |= {(method, each.path or "?") for method in methods if method != "HEAD" or "GET" not in methods}
    return frozenset(told)


def check_closed(routes: Iterable[BaseRoute], rows: Mapping[tuple[str, str], Row] = POLICY) -> None:
    """Raises RouteUnknown unless the routes are those of the rows: what nobody decided on is not served."""
    told = told_by(routes)
    if told != frozenset(rows):
        without_row = sorted(" ".join(each) for each in told - rows.keys())
        without_route = sorted(" ".join(each) for each in rows.keys() - told)
        raise RouteUnknown(
            f"api/policy.py has no row for {without_row or 'nothing'}, and a row without a route for "
            f"{without_route or 'nothing'}."
        )
