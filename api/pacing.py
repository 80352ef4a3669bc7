"""Holding whoever asks to a pace, and telling them how they stand (draft-ietf-httpapi-ratelimit-headers-10)."""

import hashlib
import ipaddress
import secrets
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final

from anyio import from_thread
from fastapi import Request

from api.policy import Row
from api.problem import Problem
from api.terms import Terms
from commands.authority import Principal
from commands.rate_limits import Ask, Quota, Taken
from sync.log import TenantId

STATE: Final = "cairnfield_taken"
"""Where a request keeps how whoever asked stands, until its answer begins."""


def terms_of(request: Request) -> Terms:
    """The terms of the application."""
    terms = request.app.state.terms
    assert isinstance(terms, Terms)
    return terms


async def spend_unknown(request: Request, row: Row) -> None:
    """Count a request of whom we do not know yet; raises Problem 429."""
    terms, address = terms_of(request), address_of(request)
    if terms.limiter is not None and row.pace != "free":
        asks = [Ask(terms.quotas["address"], address)]
        if row.pace == "sign_in":
            asks.append(Ask(terms.quotas["sign-in-address"], address))
        await _spend(request, terms, asks)


async def spend_known(request: Request, speaking: Principal) -> None:
    """Count a request of somebody we know, and what it brings; raises Problem 429."""
    terms = terms_of(request)
    if terms.limiter is None:
        return
    person = f"{speaking.tenant}:{speaking.person}"
    asks = [Ask(terms.quotas["person"], person)]
    device = f"{person}:{speaking.device}" if speaking.device else person
    if speaking.device:
        asks.append(Ask(terms.quotas["device"], device))
    size = _declared_bytes(request)
    if size:
        asks.append(Ask(terms.quotas["device-bytes"], device, size))
    await _spend(request, terms, asks)


async def spend_events(request: Request, tenant: TenantId, count: int) -> None:
    """Count the events that somebody brings into a tenant; raises Problem 429."""
    terms = terms_of(request)
    if terms.limiter is not None:
        await _spend(request, terms, [Ask(terms.quotas["tenant-events"], tenant, count)])


def spend_events_in_thread(request: Request, tenant: TenantId, count: int) -> None:
    """The same, for routes that run in a thread."""
    from_thread.run(spend_events, request, tenant, count)


def spend_sign_in(request: Request, account: str) -> None:
    """Count an attempt to sign in to an account, known or not; raises Problem 429. For routes that run in a thread.

    Each address is held up by itself: who tries somebody's passwords does not keep them from signing in elsewhere.
    """
    terms = terms_of(request)
    if terms.limiter is not None:
        # Whose account it is does not leave us: the limits may be kept elsewhere.
        key = hashlib.sha256(f"{address_of(request)} {account.strip().casefold()}".encode()).hexdigest()
        from_thread.run(_spend, request, terms, [Ask(terms.quotas["account"], key)])


async def _spend(request: Request, terms: Terms, asks: Sequence[Ask]) -> None:
    assert terms.limiter is not None
    taken = await terms.limiter.take(asks)
    state: dict[str, Any] = request.scope.setdefault("state", {})
    state[STATE] = [*state.get(STATE, ()), *taken]
    violated = [each for each in taken if not each.is_granted]
    if violated:
        raise _too_many(violated)


def _too_many(violated: Sequence[Taken]) -> Problem:
    names = ", ".join(each.quota.name for each in violated)
    wait_s = jittered(max(each.retry_in_s for each in violated))
    return Problem(
        HTTPStatus.TOO_MANY_REQUESTS,
        "quota-exceeded",
        f"More was asked than is given at once: {names}.",
        hint=f"Nothing of it was done. Send the same request again in {wait_s} seconds.",
        retryable=True,
        headers={"Retry-After": str(wait_s)},
        **{"violated-policies": [each.quota.name for each in violated]},
    )


def jittered(wait_s: int) -> int:
    """A little later for everybody, and for each a little otherwise: those refused together do not return together."""
    return max(1, wait_s) + secrets.randbelow(max(2, wait_s // 2) + 1)


def rate_headers(taken: Sequence[Taken]) -> list[tuple[bytes, bytes]]:
    """What the quotas are, and what is left of them."""
    policies = ", ".join([_policy(each.quota) for each in taken])
    stands = ", ".join([f'"{each.quota.name}";r={each.left};t={each.whole_in_s}' for each in taken])
    return [(b"ratelimit-policy", policies.encode()), (b"ratelimit", stands.encode())]


def _policy(quota: Quota) -> str:
    unit = "" if quota.unit == "requests" else f';qu="{quota.unit}"'
    return f'"{quota.name}";q={quota.amount}{unit};w={quota.window_s}'


def address_of(request: Request) -> str:
    """From where somebody asks; whoever has one IPv6 address has 2^64 of them."""
    host = request.client.host if request.client else "-"
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if address.version == 6:
        mapped = address.ipv4_mapped
        return str(mapped or ipaddress.ip_network((address, 64), strict=False).network_address)
    return host


def _declared_bytes(request: Request) -> int:
    """Of the body as it is sent. One that comes in pieces of unknown number counts as the largest that is read."""
    declared = b"0"
    for name, value in request.scope["headers"]:  # one walk, by their bytes: this is asked of every request
        if name == b"transfer-encoding":
            return 1024 * 1024
        if name == b"content-length":
            declared = value
    return int(declared) if declared.isdigit() and len(declared) < 16 else 0
