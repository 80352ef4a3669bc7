"""Has milestones of all logs made while the server runs.

Nobody waits for them: what is not made yet is folded from further back.
"""

from collections.abc import Callable, Sequence
from typing import Final, Protocol

from infra.rounds import Rounds, Words
from sync.doorbell import Doorbell
from sync.log import TenantId
from sync.milestones import MILESTONE_EVERY

SWEEP_S: Final = 60.0
PAUSE_S: Final = 1.0
"""Between two looks for what has grown."""


class Keeps(Protocol):
    """What makes them. Implemented by `infra.postgres.milestones.PostgresMilestones`."""

    def tenants(self) -> Sequence[TenantId]:
        """Whose logs there are; raises LogUnavailable."""
        ...

    def keep_up(self, tenant: TenantId) -> bool:
        """Go through one more stretch of a log; whether there is more. Raises TenantUnknown and LogUnavailable."""
        ...


class Milestones(Rounds):
    """Makes what is due of every log, stretch by stretch."""

    def __init__(
        self,
        keeps: Keeps,
        doorbell: Doorbell,
        *,
        now_ms: Callable[[], int],
        sweep_s: float = SWEEP_S,
        pause_s: float = PAUSE_S,
    ) -> None:
        def keep_up(tenant: TenantId) -> int | None:
            return now_ms() if keeps.keep_up(tenant) else None

        super().__init__(
            Words("milestones", "log"),
            keeps.tenants,
            keep_up,
            doorbell,
            worth=MILESTONE_EVERY,  # of one entity, and so of the log at least
            now_ms=now_ms,
            sweep_s=sweep_s,
            pause_s=pause_s,
        )
