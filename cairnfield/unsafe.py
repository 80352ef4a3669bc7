"""Settings that work and must not be served with: each would be found out by somebody who should not.

What is wrong by itself is refused where it is read (`infra.settings`, `infra.door_settings`), and a database that may
lose what it confirmed where it is opened (`infra.postgres.migrate`). Here is what is wrong together.
"""

from collections.abc import Iterator

from cairnfield.failure import CannotGoOn
from infra import failpoints
from infra.settings import Settings


class Unsafe(CannotGoOn):
    """A server that would not be safe is not started; the text names every reason."""


def check_safe(settings: Settings, *, with_demo: bool) -> None:
    """Raises Unsafe for settings that must not be served with."""
    reasons = [*_whatever_the_host(settings)]
    if settings.is_reached_by_others:
        reasons += _where_others_reach_us(settings, with_demo=with_demo)
    if reasons:
        told = "\n".join(f"  - {each}" for each in reasons)
        raise Unsafe(f"This would not be safe, so nothing was started:\n{told}")


def _whatever_the_host(settings: Settings) -> Iterator[str]:
    door = settings.door
    if door.is_behind_tls and not door.trusted_proxies:
        yield (
            "CAIRN_BEHIND_TLS says that a proxy stands in front, but CAIRN_TRUSTED_PROXIES names none: all requests "
            "would count as those of one address. Name the proxy's address."
        )
    if door.processes > 1 and settings.database_url is None:
        yield (
            "CAIRN_PROCESSES says that several processes serve together, but each would start a database of its own. "
            "Set DATABASE_URL."
        )


def _where_others_reach_us(settings: Settings, *, with_demo: bool) -> Iterator[str]:
    where, door = f"others reach {settings.host}", settings.door
    if not door.is_behind_tls:
        yield (
            f"{where}, and tokens would pass in the clear. Put a proxy that speaks TLS in front and set "
            "CAIRN_BEHIND_TLS=1 and CAIRN_TRUSTED_PROXIES, or listen on 127.0.0.1."
        )
    if with_demo:
        yield f"{where}, and the people of the demo town have passwords that everybody knows. Use --no-demo."
    if not door.limits_are_on:
        yield f"{where}, and CAIRN_RATE_LIMITS=off lets anybody try passwords without end. Leave it unset."
    if settings.webhooks_allow_local:
        yield f"{where}, and CAIRN_WEBHOOKS_ALLOW_LOCAL lets webhooks call this machine's own network. Leave it unset."
    if failpoints.is_armed():
        yield f"{where}, and CAIRN_FAILPOINTS lets this server fail on purpose. Leave it unset."
