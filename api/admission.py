"""What every route asks before anything else: who speaks, and whether the policy lets them ask."""

from http import HTTPStatus
from typing import Final

from fastapi import Request
from fastapi.concurrency import run_in_threadpool

from api.auth import check_key, forbidden, principal_of, remembered_principal
from api.door import FAREWELL, RETIRED
from api.pacing import spend_known, spend_unknown, terms_of
from api.policy import POLICY, READS, Row
from api.problem import Problem
from api.versions import HEADER
from commands.authority import Principal

_ASK_SOMEBODY: Final = "Ask somebody whose role does it, or sign in as somebody who may."


async def admit(request: Request) -> None:
    """Before every route: raises Problem 401 where nobody we know asks, or without the key that their token is bound
    to, 403 where they may not, 426 and 429."""
    row = row_of(request)
    _check_version(row, request)
    if row.farewell is not None:
        request.scope.setdefault("state", {})[FAREWELL] = row.farewell.headers()
    if row.who is None:
        await spend_unknown(request, row)
        return
    speaking = await _speaking(request, row)
    if speaking.key is not None:
        await _check_key(request, row, speaking)
    check_admitted(row, speaking, request)
    await spend_known(request, speaking)


def row_of(request: Request) -> Row:
    """The policy of the route that answers."""
    method = request.scope["method"]
    return POLICY["GET" if method == "HEAD" else method, request.scope["route"].path]


async def _speaking(request: Request, row: Row) -> Principal:
    remembered = remembered_principal(request)
    if remembered is not None:
        return remembered
    await spend_unknown(request, row)
    return await principal_of(request)


async def _check_key(request: Request, row: Row, speaking: Principal) -> None:
    try:
        if request.app.state.proofs.waits:
            await run_in_threadpool(check_key, request, speaking)
        else:
            check_key(request, speaking)  # a sixth of a millisecond, and nothing to wait for: a thread costs as much
    except Problem:
        await spend_unknown(request, row)  # a token without its key is nobody we know, and costs them nothing
        raise


def _check_version(row: Row, request: Request) -> None:
    """Who cannot read what we write is told so; what they have done is taken all the same."""
    retired = request.scope.get("state", {}).get(RETIRED)
    if retired is not None and request.method in READS and row.pace == "asked":
        raise Problem(
            HTTPStatus.UPGRADE_REQUIRED,
            "client-too-old",
            f"{HEADER} {retired} is no longer answered.",
            hint="Update the app. What was done offline can still be handed in with this one.",
            headers={"Upgrade": f"cairnfield/{terms_of(request).versions.newest}"},
        )


def check_admitted(row: Row, speaking: Principal, request: Request) -> None:
    """Raises Problem 403 unless the row lets this principal ask."""
    refused = refusal(row, speaking)
    if refused:
        raise forbidden(f"{request.method} {request.url.path}: {refused}", _ASK_SOMEBODY)
    if row.by_device and speaking.session is not None and speaking.device is None:
        raise Problem(
            HTTPStatus.FORBIDDEN,
            "device-missing",
            f"{request.method} {request.url.path}: a session hands in only from a device that is registered.",
            hint="Register it with POST /v1/devices, and go on with the access token of that answer.",
        )


def refusal(row: Row, speaking: Principal) -> str | None:
    """Why somebody may not ask what the row is for; None where they may."""
    if row.who is not None and speaking.role not in row.who:
        return f"whoever is {speaking.role} does not ask this."
    if speaking.scopes is not None and not speaking.scopes & row.scopes:
        return f"this token is limited to {', '.join(sorted(speaking.scopes)) or 'nothing'}."
    return None
