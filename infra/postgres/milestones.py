"""Makes the milestones of long-lived entities and keeps them in Postgres: beside the log, from what is committed.

How far a log was gone through stands in `tracking`, in a row that names the epoch and the way of folding and that is
locked while somebody goes on: each milestone is made once, by whichever process comes first. They may be taken away at
any moment (`forget`); then they are made again.
"""

import logging
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, LiteralString, NamedTuple

import psycopg
from psycopg_pool import ConnectionPool

from domain.catalogue import ENTITIES
from infra.failpoints import hit
from infra.postgres import cold, of_tenant
from infra.postgres.past import HISTORY, MILESTONES
from infra.postgres.pool import Connection
from infra.postgres.trouble import told_as_ours
from sync.as_of import EVENTS_AT_ONCE_MAX
from sync.log import LogUnavailable, TenantId, TenantUnknown
from sync.milestones import MILESTONE_EVERY, Milestone, next_milestone, way_of_folding
from sync.office import OFFICE
from sync.rows import EventRow

POSITIONS_PER_STEP: Final = 50_000
"""Of the log; they are looked at by the database alone."""
MILESTONES_PER_STEP: Final = 16

_TENANTS: Final[LiteralString] = "select tenant::text from tenant order by tenant"
_EPOCH: Final[LiteralString] = "select epoch::text from log_head where tenant = %(tenant)s"
# On its own: a row that is not committed yet would be waited for.
_BEGIN: Final[LiteralString] = """
    insert into tracking (tenant, application, position) select %(tenant)s, %(follower)s, 0
    where not exists (select from tracking where tenant = %(tenant)s and application = %(follower)s)
    on conflict (tenant, application) do nothing
"""
# In no hurry to be on the disk: what is lost in a crash is lost together with how far it had come.
_CLAIM: Final[LiteralString] = """
    select position, set_config('synchronous_commit', 'off', true) from tracking
    where tenant = %(tenant)s and application = %(follower)s for update skip locked
"""
_MOVE: Final[LiteralString] = """
    update tracking set position = %(to)s where tenant = %(tenant)s and application = %(follower)s
"""
_HEAD: Final[LiteralString] = "select position from log_head where tenant = %(tenant)s"
_DUE: Final[LiteralString] = """
    select entity::text, version, position from event
    where tenant = %(tenant)s and position > %(after)s and position <= %(until)s and version %% %(every)s = 0
          and version > 0 and entity_type = any(%(types)s)
    order by position limit %(limit)s
"""
_KEEP: Final[LiteralString] = """
    insert into milestone (tenant, entity, version, position, epoch, way, state, knew)
    values (%(tenant)s, %(entity)s, %(version)s, %(position)s, %(epoch)s, %(way)s, %(state)s, %(knew)s)
    on conflict (tenant, entity, version) do update
    set position = excluded.position, epoch = excluded.epoch, way = excluded.way, state = excluded.state,
        knew = excluded.knew
"""
_FOLLOWERS: Final = "milestones-"
# What others made in another epoch or another way is not looked at by anybody any more.
_FORGET_OTHERS: Final[tuple[LiteralString, ...]] = (
    "delete from milestone where tenant = %(tenant)s and (epoch, way) <> (%(epoch)s::uuid, %(way)s)",
    "delete from tracking where tenant = %(tenant)s and starts_with(application, %(followers)s)"
    " and application <> %(follower)s",
)
_FORGET: Final[tuple[LiteralString, ...]] = (
    "delete from tracking where tenant = %(tenant)s and starts_with(application, %(followers)s)",
    "delete from milestone where tenant = %(tenant)s",
)
_IS_THERE: Final[LiteralString] = "select to_regclass('public.milestone') is not null"

_log = logging.getLogger("cairnfield.milestones")


class _Due(NamedTuple):
    """An event at which a milestone is to stand."""

    entity: str
    version: int
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresMilestones:
    """Keeps up the milestones of all logs; safe to share between threads and processes. Its pool works as PROJECTOR."""

    pool: ConnectionPool[Connection]

    def tenants(self) -> Sequence[TenantId]:
        """Whose logs there are; raises LogUnavailable."""
        with told_as_ours(), self.pool.connection() as connection:
            return [tenant for (tenant,) in connection.execute(_TENANTS).fetchall()]

    def keep_up(self, tenant: TenantId) -> bool:
        """Go through one more stretch of the log; whether there is more behind it.

        False as well where somebody else is at it. Raises TenantUnknown and LogUnavailable.
        """
        found = of_tenant.rows(self.pool, _EPOCH, {"tenant": tenant})
        if not found:
            raise TenantUnknown(tenant)
        with self._claimed(tenant, found[0][0]) as claim:
            is_more = claim.go_on() if claim else False
        hit("milestones.committed")
        return is_more

    @contextmanager
    def _claimed(self, tenant: TenantId, epoch: str) -> Generator["_Claim | None"]:
        way = way_of_folding()
        told = {
            "tenant": tenant,
            "epoch": epoch,
            "way": way,
            "follower": f"{_FOLLOWERS}{way}-{epoch}:{OFFICE}",
            "followers": _FOLLOWERS,
        }
        of_tenant.rows(self.pool, _BEGIN, told)
        with of_tenant.transaction(self.pool, tenant) as connection:
            claimed = connection.execute(_CLAIM, told).fetchone()
            yield _Claim(connection, told, claimed[0]) if claimed else None
            hit("milestones.before_commit")


class _Claim:
    """The transaction that holds the lock on one log's milestones."""

    def __init__(self, connection: Connection, told: dict[str, Any], position: int) -> None:
        self._connection, self._told, self._position = connection, told, position

    def go_on(self) -> bool:
        """Make what is due in the next stretch, and note how far that is; whether there is more."""
        if self._position == 0:
            for statement in _FORGET_OTHERS:
                self._connection.execute(statement, self._told)
        head = int(self._rows(_HEAD)[0][0])
        until = min(head, self._position + POSITIONS_PER_STEP)
        due = [_Due(*row) for row in self._rows(_DUE, **self._stretch(until))]
        if len(due) == MILESTONES_PER_STEP:
            until = due[-1].position
        for each in due:
            if made := self._made(each):
                self._connection.execute(_KEEP, {**self._told, **made._asdict()})
        self._connection.execute(_MOVE, {**self._told, "to": until})
        return until < head

    def _stretch(self, until: int) -> dict[str, Any]:
        return {
            "after": self._position,
            "until": until,
            "every": MILESTONE_EVERY,
            "types": sorted(ENTITIES),
            "limit": MILESTONES_PER_STEP,
        }

    def _made(self, due: _Due) -> Milestone | None:
        before = self._rows(MILESTONES, entities=[due.entity], until=due.position, version=due.version - 1)
        begun = Milestone(*before[0]) if before else None
        try:
            return next_milestone(begun, self._events(due, begun.version if begun else 0))
        except (LogUnavailable, psycopg.Error):  # a file or the database is away: all of it is tried again
            raise
        except Exception:  # whatever it is, without this one the same is answered, and the others are made
            _log.exception("no milestone of entity %s at position %s", due.entity, due.position)
            return None

    def _events(self, due: _Due, after: int) -> Generator[EventRow]:
        """Those of the entity behind a version, up to where the milestone is to stand."""
        thaw = cold.on(self._connection, self._told["tenant"])
        while after < due.version:
            limit = min(EVENTS_AT_ONCE_MAX, due.version - after)
            asked = {"entity": due.entity, "after": after, "until": due.position, "limit": limit}
            page = cold.whole(thaw.rows(self._rows(HISTORY, **asked)))
            assert [row.version for row in page] == [*range(after + 1, after + 1 + limit)], "versions are dense"
            yield from page
            after += limit

    def _rows(self, statement: LiteralString, **asked: Any) -> list[tuple[Any, ...]]:
        return self._connection.cursor(binary=True).execute(statement, {**self._told, **asked}).fetchall()


def forget(connection: psycopg.Connection[Any], tenant: TenantId) -> None:
    """Take all milestones of a tenant away, in the transaction that is open and names it: its states are spelled anew.

    Nothing where there are none yet, in a database from before.
    """
    if connection.execute(_IS_THERE).fetchone() == (True,):
        for statement in _FORGET:
            connection.execute(statement, {"tenant": tenant, "followers": _FOLLOWERS})
