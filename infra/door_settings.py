"""What can be set of the door: who may call from where, at what pace, and what stands in front of us."""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from commands.quotas import QUOTAS
from infra.setting_invalid import SettingInvalid

PROCESSES_MAX: Final = 1_000
AMOUNT_MAX: Final = 10**12
_ORIGIN: Final = re.compile(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?|https?://\[[0-9a-f:]+\](:[0-9]{1,5})?")
_QUOTA: Final = re.compile(r"(?P<name>[a-z-]+)=(?P<amount>[1-9][0-9]*)/(?P<window_s>[1-9][0-9]*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorSettings:
    """What the door is told from outside."""

    origins: frozenset[str] = frozenset()
    """Other sites whose pages may call us."""
    limits_are_on: bool = True
    limits: Mapping[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])
    """Quotas that differ from the usual ones: amount and seconds, by name."""
    redis_url: str | None = None
    """Where all processes count together; None: each counts alone."""
    processes: int = 1
    """How many processes serve one installation."""
    trusted_proxies: tuple[str, ...] = ()
    """Whom we believe when they say for whom they ask, and whether that came by TLS."""
    is_behind_tls: bool = False
    """Whether something that speaks TLS stands in front of us."""


def door_from(environment: Mapping[str, str]) -> DoorSettings:
    """Read CAIRN_CORS_ORIGINS, CAIRN_RATE_LIMITS, CAIRN_REDIS_URL, CAIRN_PROCESSES, CAIRN_TRUSTED_PROXIES and
    CAIRN_BEHIND_TLS; raises SettingInvalid for a value that cannot be used or would not be safe."""
    limits = environment.get("CAIRN_RATE_LIMITS", "")
    return DoorSettings(
        origins=frozenset(_origin(each) for each in _listed(environment.get("CAIRN_CORS_ORIGINS", ""))),
        limits_are_on=limits != "off",
        limits={} if limits == "off" else dict(_quota(each) for each in _listed(limits)),
        redis_url=_redis_url(environment.get("CAIRN_REDIS_URL", "")),
        processes=_count("CAIRN_PROCESSES", environment.get("CAIRN_PROCESSES", "")),
        trusted_proxies=tuple(_proxy(each) for each in _listed(environment.get("CAIRN_TRUSTED_PROXIES", ""))),
        is_behind_tls=is_on("CAIRN_BEHIND_TLS", environment.get("CAIRN_BEHIND_TLS", "")),
    )


def is_local(host: str) -> bool:
    """Whether only this machine reaches a server that listens there, or whether a URL leads to this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_on(variable: str, value: str) -> bool:
    """Whether a switch is on: it is set to 1."""
    if value not in ("", "0", "1"):
        raise SettingInvalid(variable, value, "Set 1, or leave it unset.")
    return value == "1"


def _listed(value: str) -> list[str]:
    return [each for each in re.split(r"[,\s]+", value) if each]


def _origin(value: str) -> str:
    remedy = "List origins exactly as browsers send them, such as https://console.example.com, without a path."
    if "*" in value or value == "null":
        raise SettingInvalid("CAIRN_CORS_ORIGINS", value, f"Any site could read with its visitor's rights. {remedy}")
    if not _ORIGIN.fullmatch(value):
        raise SettingInvalid("CAIRN_CORS_ORIGINS", value, remedy)
    parts = urlsplit(value)
    if parts.scheme == "http" and not is_local(parts.hostname or ""):
        raise SettingInvalid(
            "CAIRN_CORS_ORIGINS",
            value,
            "Anybody on the way could change that page. Serve it by https.",
        )
    return value


def _quota(value: str) -> tuple[str, tuple[int, int]]:
    found = _QUOTA.fullmatch(value)
    if not found or int(found["amount"]) > AMOUNT_MAX or int(found["window_s"]) > AMOUNT_MAX:
        raise SettingInvalid(
            "CAIRN_RATE_LIMITS", value, "Write name=amount/seconds, such as person=6000/60, or off for none at all."
        )
    if found["name"] not in QUOTAS:
        raise SettingInvalid("CAIRN_RATE_LIMITS", value, f"There is none of that name. There are: {', '.join(QUOTAS)}.")
    return found["name"], (int(found["amount"]), int(found["window_s"]))


def _redis_url(value: str) -> str | None:
    if value and urlsplit(value).scheme not in ("redis", "rediss", "unix"):
        # The value is not repeated: it may hold a password.
        raise SettingInvalid("CAIRN_REDIS_URL", "…", "Write it as rediss://user:password@host:6379/0.")
    return value or None


def _count(variable: str, value: str) -> int:
    if not value:
        return 1
    if not (value.isascii() and value.isdecimal() and len(value) <= 4 and 1 <= int(value) <= PROCESSES_MAX):
        raise SettingInvalid(variable, value, f"Set a number from 1 to {PROCESSES_MAX}.")
    return int(value)


def _proxy(value: str) -> str:
    try:
        network = ipaddress.ip_network(value, strict=False)
    except ValueError:
        raise SettingInvalid(
            "CAIRN_TRUSTED_PROXIES", value, "List the addresses or networks of your proxies, such as 10.0.0.0/24."
        ) from None
    if network.prefixlen == 0:
        raise SettingInvalid(
            "CAIRN_TRUSTED_PROXIES",
            value,
            "Anybody could say to be anybody else. List only the addresses of your own proxies.",
        )
    return value
