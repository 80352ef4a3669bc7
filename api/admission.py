"""What every route asks before anything else: who speaks, and whether the policy lets them ask."""

from typing import Final

from fastapi import Request
from fastapi.concurrency import run_in_threadpool

from api.auth import forbidden, principal_of, remembered_principal
from api.policy import POLICY, Row
from commands.authority import Principal

_ASK_SOMEBODY: Final = "Ask somebody whose role does it, or sign in as somebody who may."


async def admit(request: Request) -> None:
    """Before every route: raises Problem 401 where nobody we know asks, 403 where they may not."""
    row = row_of(request)
    if row.who is not None:
        check_admitted(row, await _speaking(request), request)


def row_of(request: Request) -> Row:
    """The policy of the route that answers."""
    method = request.scope["method"]
    return POLICY["GET" if method == "HEAD" else method, request.scope["route"].path]


async def _speaking(request: Request) -> Principal:
    remembered = remembered_principal(request)
    return remembered if remembered is not None else await run_in_threadpool(principal_of, request)


def check_admitted(row: Row, speaking: Principal, request: Request) -> None:
    """Raises Problem 403 unless the row lets this principal ask."""
    refused = refusal(row, speaking)
    if refused:
        raise forbidden(f"{request.method} {request.url.path}: {refused}", _ASK_SOMEBODY)


def refusal(row: Row, speaking: Principal) -> str | None:
    """Why somebody may not ask what the row is for; None where they may."""
    if row.who is not None and speaking.role not in row.who:
        return f"whoever is {speaking.role} does not ask this."
    if speaking.scopes is not None and not speaking.scopes & row.scopes:
        return f"this token is limited to {', '.join(sorted(speaking.scopes)) or 'nothing'}."
    if row.by_device and speaking.device is None:
        return "only a registered device asks this."
    return None
