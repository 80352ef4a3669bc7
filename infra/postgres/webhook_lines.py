"""The lines at which events wait for their receivers, in Postgres: claimed by one process at a time, for a while.

Whoever delivers marks how far a line has come after each answer, so a process that dies in between sends that one
message once more, under the same id. Nothing waits anywhere but in the log, and so nothing can be forgotten.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, LiteralString, NamedTuple

from psycopg_pool import ConnectionPool

from commands.webhooks import EVERYTHING, Delivery, Errand, Step, Webhook
from domain.people import Role
from infra.postgres import cold
from infra.postgres.of_tenant import rows, transaction
from infra.postgres.pool import Connection
from infra.postgres.trouble import told_as_ours
from infra.postgres.webhooks import COLUMNS, ERRAND_COLUMNS, webhook_of
from sync.frames import OFFICE_SCOPE
from sync.log import TenantId
from sync.rows import EventRow

SCANNED_MAX: Final = 20_000
"""How many positions one look into the log passes at most, where few of them are wanted."""

_TENANTS: Final[LiteralString] = "select tenant::text from tenant"
_NOW: Final[LiteralString] = "timestamptz 'epoch' + %(now_ms)s * interval '1 ms'"
_UNTIL: Final[LiteralString] = "timestamptz 'epoch' + %(until_ms)s * interval '1 ms'"

_CLAIM: Final[LiteralString] = f"""
    with due as (
        select line.webhook from webhook as line
        where line.tenant = %(tenant)s
          and (line.claimed_until is null or line.claimed_until <= {_NOW})
          and (not line.slow or %(slow_too)s)
          and exists (select from person where person.tenant = line.tenant and person.person = line.owner
                      and person.active and person.role = any(%(roles)s))
          and not exists (select from service_account as account
                          where account.tenant = line.tenant and account.person = line.owner
                            and account.revoked_at is not null)
          and ((line.state = 'active' and line.next_at <= {_NOW}
                and line.position < (select position from log_head where log_head.tenant = %(tenant)s))
               or exists (select from webhook_errand as errand
                          where errand.tenant = line.tenant and errand.webhook = line.webhook
                            and errand.next_at <= {_NOW}
                            and (errand.kind = 'ping' or (line.state = 'active' and line.next_at <= {_NOW}))))
        order by line.slow, line.next_at, line.webhook limit %(limit)s for update of line skip locked)
    update webhook set claim = %(claim)s, claimed_until = {_UNTIL}
    from due where webhook.tenant = %(tenant)s and webhook.webhook = due.webhook
    returning webhook.webhook::text, webhook.slow
"""
_ANY: Final[LiteralString] = "select exists (select from webhook where tenant = %(tenant)s)"

_KEEP: Final[LiteralString] = f"""
    update webhook set claimed_until = {_UNTIL}
    where tenant = %(tenant)s and webhook = %(webhook)s and claim = %(claim)s returning {COLUMNS}
"""
_RELEASE: Final[LiteralString] = """
    update webhook set claim = null, claimed_until = null
    where tenant = %(tenant)s and webhook = %(webhook)s and claim = %(claim)s
"""
_ERRAND: Final[LiteralString] = f"""
    select {ERRAND_COLUMNS} from webhook_errand
    where tenant = %(tenant)s and webhook = %(webhook)s and kind = %(kind)s and next_at <= {_NOW}
    order by asked_at, errand limit 1
"""
# Its head and its events are seen by one snapshot, and positions are given out in the order of commits: whatever is
# not beyond the head and not found is not wanted.
_WAITING: Final[LiteralString] = """
    with reach as (
        select least(position, %(after)s + %(scanned)s, %(to)s::bigint) as position
        from log_head where tenant = %(tenant)s)
    select reach.position, event.position, event.id::text, event.replica, event.seq, event.entity_type,
           event.entity::text, event.version, event.type, event.schema_version, event.scope, event.effective,
           event.actor, (extract(epoch from event.recorded_at) * 1000)::bigint, event.body
    from reach left join lateral (
        select * from event
        where event.tenant = %(tenant)s and event.position > %(after)s and event.position <= reach.position
          and event.scope <> %(office)s
          and (%(all)s or event.entity_type || '.' || event.type = any(%(facts)s)
               or event.entity_type || '.*' = any(%(facts)s))
        order by event.position limit %(limit)s) as event on true
    order by event.position
"""
_MARK: Final[LiteralString] = f"""
    update webhook set
        position = greatest(position, %(position)s), failures = %(failures)s, just_buried = %(just_buried)s,
        next_at = timestamptz 'epoch' + %(next_at_ms)s * interval '1 ms', claimed_until = {_UNTIL},
        slow = coalesce(%(slow)s, slow),
        state = case when %(closes)s::text is not null and version = %(version)s then 'disabled' else state end,
        reason = case when %(closes)s::text is not null and version = %(version)s then %(closes)s else reason end
    where tenant = %(tenant)s and webhook = %(webhook)s and claim = %(claim)s returning version
"""
_MARK_ERRAND: Final[LiteralString] = """
    update webhook_errand set position = %(position)s, failures = %(failures)s,
        next_at = timestamptz 'epoch' + %(next_at_ms)s * interval '1 ms'
    where tenant = %(tenant)s and webhook = %(webhook)s and errand = %(errand)s
"""
_CLOSE: Final[LiteralString] = f"""
    update webhook set slow = %(slow)s, claimed_until = {_UNTIL},
        state = case when %(closes)s::text is not null and version = %(version)s then 'disabled' else state end,
        reason = case when %(closes)s::text is not null and version = %(version)s then %(closes)s else reason end
    where tenant = %(tenant)s and webhook = %(webhook)s and claim = %(claim)s returning version
"""
_END_ERRAND: Final[LiteralString] = """
    delete from webhook_errand where tenant = %(tenant)s and webhook = %(webhook)s and errand = %(errand)s
"""
_NOTE: Final[LiteralString] = """
    insert into webhook_delivery (tenant, webhook, delivery, message, kind, position, attempt, sent_at, took_ms, status,
                                  error, answer, outcome)
    values (%(tenant)s, %(webhook)s, %(delivery)s, %(message)s, %(kind)s, %(position)s, %(attempt)s,
            timestamptz 'epoch' + %(sent_at_ms)s * interval '1 ms', %(took_ms)s, %(status)s, %(error)s, %(answer)s,
            %(outcome)s)
"""
_BURY: Final[LiteralString] = """
    insert into webhook_dead_letter (tenant, webhook, position, message, buried_at, status, error)
    values (%(tenant)s, %(webhook)s, %(position)s, %(message)s,
            timestamptz 'epoch' + %(sent_at_ms)s * interval '1 ms', %(status)s, %(error)s)
    on conflict (tenant, webhook, position)
    do update set buried_at = excluded.buried_at, status = excluded.status, error = excluded.error
"""
_DIG_OUT: Final[LiteralString] = """
    delete from webhook_dead_letter where tenant = %(tenant)s and webhook = %(webhook)s and position = %(position)s
"""
_FORGET: Final[LiteralString] = """
    delete from webhook_delivery
    where tenant = %(tenant)s and sent_at < timestamptz 'epoch' + %(before_ms)s * interval '1 ms'
"""


class Claimed(NamedTuple):
    """A line that is ours for a while."""

    webhook: str
    is_slow: bool


class Tried(NamedTuple):
    """A try, what follows from it, and whether the next goes where the slow ones are."""

    delivery: Delivery
    step: Step
    is_slow: bool


class Waiting(NamedTuple):
    """What waits at a line."""

    events: Sequence[EventRow]
    up_to: int
    """Nothing else is wanted up to here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A claim on one line."""

    tenant: TenantId
    webhook: str
    claim: str

    def told(self) -> dict[str, Any]:
        return {"tenant": self.tenant, "webhook": self.webhook, "claim": self.claim}


class PostgresLines:
    """What delivers asks of the database, and tells it; safe to share between threads.

    Every method raises LogUnavailable.
    """

    def __init__(self, pool: ConnectionPool[Connection], roles: Sequence[Role]) -> None:
        self._pool, self._roles = pool, list(roles)

    def tenants(self) -> Sequence[TenantId]:
        """Everybody who has a log."""
        with told_as_ours(), self._pool.connection() as connection:
            return [tenant for (tenant,) in connection.execute(_TENANTS).fetchall()]

    def has_any(self, tenant: TenantId) -> bool:
        """Whether there is any line of this tenant's."""
        return bool(rows(self._pool, _ANY, {"tenant": tenant})[0][0])

    def claim(
        self, tenant: TenantId, claim: str, *, now_ms: int, until_ms: int, limit: int, slow_too: bool
    ) -> Sequence[Claimed]:
        """Lines at which something is due, now ours until then: those that were quick first."""
        asked = {
            "tenant": tenant,
            "claim": claim,
            "now_ms": now_ms,
            "until_ms": until_ms,
            "limit": limit,
            "slow_too": slow_too,
            "roles": self._roles,
        }
        return [Claimed(*row) for row in rows(self._pool, _CLAIM, asked)]

    def keep(self, hold: Hold, *, until_ms: int) -> Webhook | None:
        """The line as it is now, ours for longer; None where it is not ours any more."""
        found = rows(self._pool, _KEEP, {**hold.told(), "until_ms": until_ms})
        return webhook_of(found[0]) if found else None

    def release(self, hold: Hold) -> None:
        """Let others have it."""
        rows(self._pool, _RELEASE, hold.told())

    def errand(self, hold: Hold, kind: str, *, now_ms: int) -> Errand | None:
        """The first of that kind that is due."""
        found = rows(self._pool, _ERRAND, {**hold.told(), "kind": kind, "now_ms": now_ms})
        return Errand(*found[0]) if found else None

    def waiting(
        self, tenant: TenantId, facts: Sequence[str], *, after: int, limit: int, to: int | None = None
    ) -> Waiting:
        """At most `limit` wanted events after a position, and no further than `to`, in order."""
        asked = {
            "tenant": tenant,
            "after": after,
            "limit": limit,
            "to": to,
            "scanned": SCANNED_MAX,
            "facts": list(facts),
            "all": EVERYTHING in facts,
            "office": OFFICE_SCOPE,
        }
        found = cold.over(self._pool, tenant).rows(rows(self._pool, _WAITING, asked))
        events = [EventRow(*row[1:]) for row in found if row[1] is not None]
        is_full = len(events) == limit
        return Waiting(events, events[-1].position if is_full else found[0][0] if found else after)

    def pass_by(self, hold: Hold, webhook: Webhook, position: int, *, until_ms: int) -> int | None:
        """Nothing up to there is wanted; the line's version, or None where it is not ours any more."""
        told = {"position": position, "failures": 0, "just_buried": webhook.just_buried, "slow": None, "closes": None}
        kept = {"next_at_ms": webhook.next_at_ms, "version": webhook.version, "until_ms": until_ms}
        found = rows(self._pool, _MARK, {**hold.told(), **told, **kept})
        return found[0][0] if found else None

    def mark(self, hold: Hold, webhook: Webhook, tried: Tried, *, until_ms: int) -> int | None:
        """What came of sending the next event; the line's version, or None where it is not ours any more."""
        delivery, step = tried.delivery, tried.step
        told = {
            "position": delivery.position if step.moves_on else 0,
            "failures": step.failures,
            "just_buried": step.outcome == "dead" or (webhook.just_buried and step.outcome != "delivered"),
            "next_at_ms": step.next_at_ms,
            "closes": step.closes,
            "slow": tried.is_slow,
            "version": webhook.version,
            "until_ms": until_ms,
        }
        return self._mark(hold, delivery, _MARK, told)

    def mark_errand(self, hold: Hold, webhook: Webhook, errand: Errand, tried: Tried, *, until_ms: int) -> int | None:
        """What came of sending something that was asked for; as `mark`."""
        delivery, step = tried.delivery, tried.step
        position = (delivery.position or 0) if step.moves_on else errand.position
        told = {
            "errand": errand.errand,
            "position": position,
            "failures": step.failures,
            "version": webhook.version,
            "next_at_ms": step.next_at_ms,
            "closes": step.closes,
            "slow": tried.is_slow,
            "until_ms": until_ms,
        }
        is_done = errand.kind == "ping" or position >= errand.to_position
        return self._mark(hold, delivery, _CLOSE, told, _END_ERRAND if is_done else _MARK_ERRAND)

    def _mark(
        self, hold: Hold, delivery: Delivery, line: LiteralString, told: dict[str, Any], *others: LiteralString
    ) -> int | None:
        with transaction(self._pool, hold.tenant) as connection:
            found = connection.execute(line, {**hold.told(), **told}).fetchone()
            if found is None:
                return None
            for other in others:
                connection.execute(other, {**hold.told(), **told})
            _note(connection, hold, delivery)
        return int(found[0])

    def pass_errand_by(self, hold: Hold, errand: Errand, position: int, *, now_ms: int) -> None:
        """Nothing up to there is to be sent again."""
        is_done = position >= errand.to_position
        told = {"errand": errand.errand, "position": position, "failures": 0, "next_at_ms": now_ms}
        rows(self._pool, _END_ERRAND if is_done else _MARK_ERRAND, {**hold.told(), **told})

    def forget(self, tenant: TenantId, *, before_ms: int) -> None:
        """Forget tries that are older; what was given up stays."""
        rows(self._pool, _FORGET, {"tenant": tenant, "before_ms": before_ms})


def _note(connection: Connection, hold: Hold, delivery: Delivery) -> None:
    told = {**hold.told(), **delivery._asdict()}
    connection.execute(_NOTE, told)
    if delivery.position is not None and delivery.outcome in ("dead", "delivered"):
        connection.execute(_BURY if delivery.outcome == "dead" else _DIG_OUT, told)
