"""Who is told of events, in Postgres: what people subscribe to, ask for and look at."""

from collections.abc import Sequence
from typing import Any, Final, LiteralString

from psycopg_pool import ConnectionPool

from commands.webhooks import REPLAYS_MAX, WEBHOOKS_MAX, Changed, DeadLetter, Delivery, Errand, Webhook
from infra.postgres.of_tenant import rows, transaction
from infra.postgres.pool import Connection
from sync.log import TenantId

COLUMNS: Final[LiteralString] = """
    webhook::text, owner::text, name, url, facts, state, reason, version, position, failures,
    (extract(epoch from next_at) * 1000)::bigint, just_buried, generation,
    coalesce((extract(epoch from overlap_until) * 1000)::bigint, 0), key,
    (extract(epoch from created_at) * 1000)::bigint
"""
ERRAND_COLUMNS: Final[LiteralString] = """
    errand::text, kind, position, to_position, failures, (extract(epoch from next_at) * 1000)::bigint,
    asked_by::text, (extract(epoch from asked_at) * 1000)::bigint
"""

# The tenant's head is locked, so that two that subscribe at the same time do not both find the last place free.
_COUNT: Final[LiteralString] = "select count(*) from webhook where tenant = %(tenant)s"
_LOCK: Final[LiteralString] = "select position from log_head where tenant = %(tenant)s for update"
_ADD: Final[LiteralString] = """
    insert into webhook (tenant, webhook, owner, name, url, facts, position, key, created_at, next_at)
    values (%(tenant)s, %(webhook)s, %(owner)s, %(name)s, %(url)s, %(facts)s, %(position)s, %(key)s,
            timestamptz 'epoch' + %(now_ms)s * interval '1 ms', timestamptz 'epoch' + %(now_ms)s * interval '1 ms')
"""
_ONE: Final[LiteralString] = f"select {COLUMNS} from webhook where tenant = %(tenant)s and webhook = %(webhook)s"
_ALL: Final[LiteralString] = f"""
    select {COLUMNS} from webhook
    where tenant = %(tenant)s and (%(owner)s::uuid is null or owner = %(owner)s) order by created_at, webhook
"""
_CHANGE: Final[LiteralString] = f"""
    update webhook set
        name = coalesce(%(name)s, name), url = coalesce(%(url)s, url), facts = coalesce(%(facts)s::text[], facts),
        state = coalesce(%(state)s, state), version = version + 1,
        reason = case when %(state)s::text is null then reason end,
        failures = case when %(is_on)s then 0 else failures end,
        just_buried = just_buried and not %(is_on)s,
        next_at = case when %(is_on)s then timestamptz 'epoch' + %(now_ms)s * interval '1 ms' else next_at end
    where tenant = %(tenant)s and webhook = %(webhook)s and (%(version)s::bigint is null or version = %(version)s)
    returning {COLUMNS}
"""
_REMOVE: Final[LiteralString] = "delete from webhook where tenant = %(tenant)s and webhook = %(webhook)s"
_ROTATE: Final[LiteralString] = f"""
    update webhook set generation = generation + 1, version = version + 1, key = %(key)s,
        overlap_until = timestamptz 'epoch' + %(until_ms)s * interval '1 ms'
    where tenant = %(tenant)s and webhook = %(webhook)s returning {COLUMNS}
"""
_ASK: Final[LiteralString] = """
    insert into webhook_errand (tenant, webhook, errand, kind, position, to_position, asked_by, asked_at, next_at)
    select tenant, webhook, %(errand)s, %(kind)s, %(position)s, %(to_position)s, %(asked_by)s,
           timestamptz 'epoch' + %(now_ms)s * interval '1 ms', timestamptz 'epoch' + %(now_ms)s * interval '1 ms'
    from webhook
    where tenant = %(tenant)s and webhook = %(webhook)s
      and (select count(*) from webhook_errand as waiting
           where waiting.tenant = %(tenant)s and waiting.webhook = %(webhook)s) < %(most)s
    returning errand
"""
_ERRANDS: Final[LiteralString] = f"""
    select {ERRAND_COLUMNS} from webhook_errand where tenant = %(tenant)s and webhook = %(webhook)s
    order by asked_at, errand
"""
_DELIVERIES: Final[LiteralString] = """
    select delivery::text, message, kind, position, attempt, (extract(epoch from sent_at) * 1000)::bigint, took_ms,
           status, error, answer, outcome
    from webhook_delivery
    where tenant = %(tenant)s and webhook = %(webhook)s
      and (sent_at, delivery) < (timestamptz 'epoch' + %(before_ms)s * interval '1 ms', %(before)s::uuid)
    order by sent_at desc, delivery desc limit %(limit)s
"""
_DEAD_LETTERS: Final[LiteralString] = """
    select position, message, (extract(epoch from buried_at) * 1000)::bigint, status, error from webhook_dead_letter
    where tenant = %(tenant)s and webhook = %(webhook)s and position > %(after)s order by position limit %(limit)s
"""


class PostgresWebhooks:
    """`commands.webhooks.WebhookBook` over the tables `webhook…`; safe to share between threads."""

    def __init__(self, pool: ConnectionPool[Connection]) -> None:
        self._pool = pool

    def add(self, tenant: TenantId, webhook: Webhook, *, from_position: int | None) -> bool:
        told = {
            "tenant": tenant,
            "webhook": webhook.webhook,
            "owner": webhook.owner,
            "name": webhook.name,
            "url": webhook.url,
            "facts": list(webhook.facts),
            "key": webhook.key,
            "now_ms": webhook.created_at_ms,
        }
        with transaction(self._pool, tenant) as connection:
            head = connection.execute(_LOCK, told).fetchone()
            there = connection.execute(_COUNT, told).fetchone()
            if head is None or there is None or there[0] >= WEBHOOKS_MAX:
                return False
            position = head[0] if from_position is None else min(from_position, head[0])
            connection.execute(_ADD, {**told, "position": position})
        return True

    def webhook(self, tenant: TenantId, webhook: str) -> Webhook | None:
        found = rows(self._pool, _ONE, {"tenant": tenant, "webhook": webhook})
        return webhook_of(found[0]) if found else None

    def webhooks(self, tenant: TenantId, owner: str | None) -> Sequence[Webhook]:
        return [webhook_of(row) for row in rows(self._pool, _ALL, {"tenant": tenant, "owner": owner})]

    def change(
        self, tenant: TenantId, webhook: str, changed: Changed, *, version: int | None, now_ms: int
    ) -> Webhook | None:
        told: dict[str, Any] = {
            "tenant": tenant,
            "webhook": webhook,
            "version": version,
            "now_ms": now_ms,
            **changed._asdict(),
            "facts": None if changed.facts is None else list(changed.facts),
            "is_on": changed.state == "active",
        }
        found = rows(self._pool, _CHANGE, told)
        return webhook_of(found[0]) if found else None

    def remove(self, tenant: TenantId, webhook: str) -> None:
        rows(self._pool, _REMOVE, {"tenant": tenant, "webhook": webhook})

    def rotate(self, tenant: TenantId, webhook: str, *, key: str, overlap_until_ms: int) -> Webhook | None:
        told = {"tenant": tenant, "webhook": webhook, "key": key, "until_ms": overlap_until_ms}
        found = rows(self._pool, _ROTATE, told)
        return webhook_of(found[0]) if found else None

    def ask(self, tenant: TenantId, webhook: str, errand: Errand) -> bool:
        told = {
            "tenant": tenant,
            "webhook": webhook,
            "errand": errand.errand,
            "kind": errand.kind,
            "position": errand.position,
            "to_position": errand.to_position,
            "asked_by": errand.asked_by,
            "now_ms": errand.asked_at_ms,
            "most": REPLAYS_MAX,
        }
        return bool(rows(self._pool, _ASK, told))

    def errands(self, tenant: TenantId, webhook: str) -> Sequence[Errand]:
        return [Errand(*row) for row in rows(self._pool, _ERRANDS, {"tenant": tenant, "webhook": webhook})]

    def deliveries(self, tenant: TenantId, webhook: str, *, before: tuple[int, str], limit: int) -> Sequence[Delivery]:
        asked = {"tenant": tenant, "webhook": webhook, "before_ms": before[0], "before": before[1], "limit": limit}
        return [Delivery(*row) for row in rows(self._pool, _DELIVERIES, asked)]

    def dead_letters(self, tenant: TenantId, webhook: str, *, after: int, limit: int) -> Sequence[DeadLetter]:
        asked = {"tenant": tenant, "webhook": webhook, "after": after, "limit": limit}
        return [DeadLetter(*row) for row in rows(self._pool, _DEAD_LETTERS, asked)]


def webhook_of(row: tuple[Any, ...]) -> Webhook:
    """A row of COLUMNS."""
    return Webhook(
        webhook=row[0],
        owner=row[1],
        name=row[2],
        url=row[3],
        facts=tuple(row[4]),
        state=row[5],
        reason=row[6],
        version=row[7],
        position=row[8],
        failures=row[9],
        next_at_ms=row[10],
        just_buried=row[11],
        generation=row[12],
        overlap_until_ms=row[13],
        key=row[14],
        created_at_ms=row[15],
    )
