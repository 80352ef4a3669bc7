"""The port of the doorbell: how whoever waits for news of a tenant's log hears that there are some.

A hint and nothing more: a ring may be lost, come twice, or come after a later one. Whoever hears it pulls, and whoever
hears nothing pulls every few minutes all the same, so with no doorbell at all everybody still has everything.
"""

from collections.abc import Callable
from typing import Protocol

from sync.log import TenantId

Heard = Callable[[int], None]
"""Told how far a log has come: the position of its newest event, or of one that was the newest a moment ago."""


class Doorbell(Protocol):
    """Implemented by `infra.doorbell.ProcessDoorbell` and `infra.postgres.doorbell.PostgresDoorbell`."""

    def ring(self, tenant: TenantId, head: int) -> None:
        """Say that a tenant's log has come as far as `head`: after the commit, from any thread.

        Never waits and never fails, because what it tells of is stored already.
        """
        ...

    def listen(self, tenant: TenantId, heard: Heard) -> Callable[[], None]:
        """Let `heard` be called, on the event loop that this is called on, whenever the tenant's bell is rung.

        Returns what stops it: from then on `heard` is not called any more.
        """
        ...
