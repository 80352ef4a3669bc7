"""Who is speaking: the principal of a request, from its token.

Two kinds of tokens are known. An opaque one (`cairn_...`) is looked up. An access token is a signed JWT: its signature
says who it was made for, and a look-up whether they still are who they were. Both are remembered for seconds. One that
is bound to a key counts only together with a proof of it, on whatever route.
"""

from http import HTTPStatus
from typing import Final

from fastapi import Request
from fastapi.concurrency import run_in_threadpool

from api import access_token
from api import proof as proofs
from api.identity import Identity
from api.problem import Problem, unauthorized
from api.proof import Proofs, Proven
from api.services import Services
from api.terms import Terms
from commands.authority import Principal
from commands.standing import Speaker, is_good

TOKEN_LENGTH_MAX: Final = 4_096
REMEMBERED_MS: Final = 5_000
REMEMBERED_MAX: Final = 10_000
_SPEAKING: Final = "cairnfield_speaking"
"""Where a request keeps who speaks: it is asked before the route, and by it."""
_PROVEN: Final = "cairnfield_proven"
"""Where a request keeps the key that it has proven: a proof is taken once, and looked at twice."""


async def services_of(request: Request) -> Services:
    """The ports that the application was given, as a dependency: what is not `async` would be given a thread."""
    return ports_of(request)


def ports_of(request: Request) -> Services:
    """The ports that the application was given."""
    services = request.app.state.services
    assert isinstance(services, Services)
    return services


class Remembered:
    """Principals of the last seconds, so that a device that sends page after page is looked up once.

    A token that is revoked works for at most REMEMBERED_MS more; unknown tokens are never remembered.
    """

    def __init__(self) -> None:
        self._known: dict[str, tuple[int, Principal]] = {}

    def get(self, token: str, now_ms: int) -> Principal | None:
        """Whom the token spoke for a moment ago."""
        looked_up_ms, principal = self._known.get(token, (0, None))
        return principal if abs(now_ms - looked_up_ms) < REMEMBERED_MS else None

    def put(self, token: str, now_ms: int, principal: Principal) -> None:
        """Remember what was looked up; when there are too many, all are forgotten, which costs one look-up each."""
        if len(self._known) >= REMEMBERED_MAX:
            self._known = {}
        self._known[token] = (now_ms, principal)


async def principal_of(request: Request) -> Principal:
    """The principal of a request, as a dependency: in a thread only where it must be looked up; raises Problem 401."""
    remembered = remembered_principal(request)
    if remembered is not None:
        return remembered
    found: Principal = await run_in_threadpool(known_principal, request)
    return found


def known_principal(request: Request) -> Principal:
    """The principal of a request, looked up in the database; raises Problem 401."""
    token = bearer_token(request)
    now_ms, principal = ports_of(request).now_ms(), looked_up(token, request)
    if principal is None:
        raise unauthorized("This bearer token is unknown, has expired, or its person has left.")
    _remembered(request).put(token, now_ms, principal)
    return principal


def looked_up(token: str, request: Request) -> Principal | None:
    """Whom a token speaks for at this moment, whatever was remembered."""
    services, terms = ports_of(request), request.app.state.terms
    assert isinstance(terms, Terms)
    if len(token) > TOKEN_LENGTH_MAX:
        return None
    if services.identity is None or "." not in token:
        principal = services.accounts.principal(token, now_ms=services.now_ms())
        return principal if principal and principal.role in terms.bearers else None
    return _by_access_token(token, services.identity, services.now_ms())


def _by_access_token(token: str, identity: Identity, now_ms: int) -> Principal | None:
    try:
        claims = access_token.read(token, identity.keyring, now_ms=now_ms)
    except access_token.NotGood:
        return None
    client = None if claims.client_id == access_token.OUR_CLIENT else claims.client_id
    standing = identity.sessions.standing(claims.tid, Speaker(claims.sub, claims.sid, claims.did, client))
    if standing is None or not is_good(standing, role=claims.role, authority=claims.ver):
        return None
    return Principal(
        tenant=claims.tid,
        person=claims.sub,
        name=standing.name,
        role=standing.role,
        device=claims.did,
        session=claims.sid,
        key=claims.cnf.jkt if claims.cnf else None,
        scopes=None if claims.scp is None else frozenset(claims.scp.split()),
    )


def remembered_principal(request: Request) -> Principal | None:
    """The principal, if that was looked up a moment ago: never waits. Raises Problem 401 where there is no token."""
    state = request.scope.setdefault("state", {})
    known: Principal | None = state.get(_SPEAKING)
    if known is None:
        known = _remembered(request).get(bearer_token(request), ports_of(request).now_ms())
        state[_SPEAKING] = known
    return known


def _remembered(request: Request) -> Remembered:
    remembered = request.app.state.remembered
    assert isinstance(remembered, Remembered)
    return remembered


def bearer_token(request: Request) -> str:
    """The token that a request carries; raises Problem 401 where it carries none."""
    said = b""
    for name, value in request.scope["headers"]:  # one walk, by their bytes: this is asked of every request
        if name == b"authorization":
            said = value
            break
    scheme, _, token = said.decode("latin-1").partition(" ")
    if scheme.lower() not in ("bearer", "dpop") or not token.strip():
        raise unauthorized("This request carries no bearer token.")
    return token.strip()


def forbidden(detail: str, hint: str) -> Problem:
    """Somebody we know, who may not do this."""
    return Problem(HTTPStatus.FORBIDDEN, "forbidden", detail, hint=hint)


def identity_of(services: Services) -> Identity:
    """The ports by which people sign in; raises Problem 503 where there are none."""
    if services.identity is None:
        raise Problem(
            HTTPStatus.SERVICE_UNAVAILABLE,
            "sign-in-off",
            "Nobody signs in to this server.",
            hint="Use a bearer token that somebody gave you.",
        )
    return services.identity


def proven_by(request: Request, *, with_token: bool) -> Proven | None:
    """The key that a request proves, None where it carries no proof; raises Problem 401 for one that is not good."""
    services, checker = ports_of(request), request.app.state.proofs
    assert isinstance(checker, Proofs)
    token = bearer_token(request) if with_token else None
    return checker.check(request, identity_of(services).keyring, now_ms=services.now_ms(), token=token)


def check_key(request: Request, speaking: Principal) -> None:
    """Refuse a token that is bound to a key and comes without a proof of it; raises Problem 401."""
    proven = proven_by(request, with_token=True)
    if proven is None or proven.thumbprint != speaking.key:
        raise proofs.missing()
    request.scope.setdefault("state", {})[_PROVEN] = proven


def proven_key(request: Request) -> Proven | None:
    """The key that the token is bound to, which `check_key` has seen proven; None where it is bound to none."""
    proven = request.scope.get("state", {}).get(_PROVEN)
    assert proven is None or isinstance(proven, Proven)
    return proven
