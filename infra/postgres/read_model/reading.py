"""How far the read model that people see has come, for whoever has written something and wants to see it there."""

import time
from typing import Final, LiteralString, NamedTuple

from psycopg_pool import ConnectionPool

from infra.postgres import of_tenant
from infra.postgres.pool import Connection
from sync.log import TenantId, TenantUnknown

WAIT_S_MAX: Final = 10.0
FIRST_PAUSE_S: Final = 0.002
PAUSE_S_MAX: Final = 0.05

SHOWN: Final[LiteralString] = """
    select shown.version, coalesce(tracking.position, 0), log_head.position
    from log_head cross join rpt.read_model_version as shown
    left join tracking on tracking.tenant = %(tenant)s and tracking.application = 'rpt_v' || shown.version || ':office'
    where log_head.tenant = %(tenant)s and shown.state = 'shown'
"""
"""The version that people see, up to where it holds the log, and where the log ends."""


class Reached(NamedTuple):
    """Where the tables stand that people see."""

    version: int
    position: int
    head: int
    """Of the log."""


class ReadModel:
    """What serves people asks of the read model; safe to share between threads."""

    def __init__(self, pool: ConnectionPool[Connection]) -> None:
        self._pool = pool

    def reached(self, tenant: TenantId) -> Reached:
        """Where the tables stand now; raises TenantUnknown and LogUnavailable."""
        found = of_tenant.rows(self._pool, SHOWN, {"tenant": tenant})
        if not found:
            raise TenantUnknown(tenant)
        return Reached(*found[0])

    def wait_for(self, tenant: TenantId, position: int, *, at_most_s: float = WAIT_S_MAX) -> Reached:
        """Wait until the tables hold the log up to `position`, or `at_most_s` (WAIT_S_MAX at most) have passed.

        Whether they do, the answer says. Raises TenantUnknown and LogUnavailable.
        """
        deadline, pause_s = time.monotonic() + min(at_most_s, WAIT_S_MAX), FIRST_PAUSE_S
        while True:
            reached = self.reached(tenant)
            left_s = deadline - time.monotonic()
            if reached.position >= position or left_s <= 0:
                return reached
            time.sleep(min(pause_s, left_s))
            pause_s = min(pause_s * 2, PAUSE_S_MAX)
