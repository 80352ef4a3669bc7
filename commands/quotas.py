"""How much is given to whom: far more than honest work needs, and a bound on what one fault or thief can do."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from commands.rate_limits import Quota

QUOTAS: Final[Mapping[str, Quota]] = {
    each.name: each
    for each in (
        Quota(name="address", amount=12_000, window_s=60),
        Quota(name="sign-in-address", amount=120, window_s=60, is_strict=True),
        Quota(name="account", amount=10, window_s=300, is_strict=True),
        Quota(name="person", amount=12_000, window_s=60),
        Quota(name="device", amount=6_000, window_s=60),
        Quota(name="device-bytes", amount=512 * 1024 * 1024, window_s=60, unit="content-bytes"),
        Quota(name="tenant-events", amount=1_200_000, window_s=60, unit="events"),
    )
}
"""By name. An office behind one address shares `address`, so only what comes before we know who asks counts there."""

WHOM: Final[Mapping[str, str]] = {
    "address": "an address, for what it asks before we know who asks (an IPv6 network of 64 bits counts as one)",
    "sign-in-address": "an address, for signing in",
    "account": "an account that somebody tries to sign in to, from one address",
    "person": "a person, on all devices together",
    "device": "a device",
    "device-bytes": "a device, or a person who uses none, for what it sends",
    "tenant-events": "a tenant, for the events that it hands in, late too, and those that its orders may come to",
}
"""Who is held to each quota, for the reference."""


def with_amounts(quotas: Mapping[str, Quota], amounts: Mapping[str, tuple[int, int]]) -> Mapping[str, Quota]:
    """The quotas with other amounts and seconds for some."""
    others = {name: replace(quotas[name], amount=amount, window_s=s) for name, (amount, s) in amounts.items()}
    return {**quotas, **others}
