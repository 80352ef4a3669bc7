"""Registered devices in Postgres, and which replicas are whose."""

import time
from collections.abc import Mapping, Sequence
from typing import Any, Final, LiteralString

from psycopg.types.json import Jsonb
from psycopg_pool import ConnectionPool

from commands.lanes import DeviceRow, DeviceState
from infra.postgres import of_tenant
from infra.postgres.pool import Connection
from sync.log import TenantId

DEVICES_LISTED_MAX: Final = 1_000
REMEMBERED_S: Final = 5.0
REMEMBERED_MAX: Final = 10_000
"""Replicas whose device is remembered."""

_COLUMNS: Final[LiteralString] = """
    device.device::text, device.person::text, device.name, device.platform, device.thumbprint, device.state,
    (extract(epoch from device.registered_at) * 1000)::bigint, (extract(epoch from device.seen_at) * 1000)::bigint,
    (extract(epoch from device.revoked_at) * 1000)::bigint, device.late_events, device.late_bytes,
    array(select replica from device_replica as its where its.tenant = device.tenant and its.device = device.device
          order by replica)
"""
_DEVICE: Final[LiteralString] = f"""
    select {_COLUMNS} from device where tenant = %(tenant)s and device = %(device)s
"""
_BY_KEY: Final[LiteralString] = f"""
    select {_COLUMNS} from device where tenant = %(tenant)s and thumbprint = %(thumbprint)s
"""
_DEVICES: Final[LiteralString] = f"""
    select {_COLUMNS} from device
    where tenant = %(tenant)s and (%(person)s::uuid is null or person = %(person)s)
    order by registered_at desc, device limit %(limit)s
"""
_REGISTER: Final[LiteralString] = """
    insert into device (tenant, device, person, name, platform, public_key, thumbprint, registered_at, seen_at)
    values (%(tenant)s, %(device)s, %(person)s, %(name)s, %(platform)s, %(public_key)s, %(thumbprint)s,
            timestamptz 'epoch' + %(now_ms)s * interval '1 ms', timestamptz 'epoch' + %(now_ms)s * interval '1 ms')
"""
_BIND: Final[LiteralString] = """
    insert into device_replica (tenant, replica, device) values (%(tenant)s, %(replica)s, %(device)s)
    on conflict (tenant, replica) do nothing
"""
_DEVICE_OF: Final[LiteralString] = """
    select device::text from device_replica where tenant = %(tenant)s and replica = %(replica)s
"""
_RENAME: Final[LiteralString] = """
    update device set name = %(name)s where tenant = %(tenant)s and device = %(device)s
"""
_REVOKE: Final[LiteralString] = """
    update device set state = %(state)s,
        revoked_at = coalesce(revoked_at, timestamptz 'epoch' + %(now_ms)s * interval '1 ms')
    where tenant = %(tenant)s and device = %(device)s and state <> 'compromised'
    returning device
"""
_SEEN: Final[LiteralString] = """
    update device set seen_at = timestamptz 'epoch' + %(now_ms)s * interval '1 ms'
    where tenant = %(tenant)s and device = %(device)s
"""
_LATE: Final[LiteralString] = """
    update device set late_events = late_events + %(events)s, late_bytes = late_bytes + %(size)s,
        seen_at = timestamptz 'epoch' + %(now_ms)s * interval '1 ms'
    where tenant = %(tenant)s and device = %(device)s
"""


class PostgresDevices:
    """`api.identity.Devices`; safe to share between threads."""

    def __init__(self, pool: ConnectionPool[Connection]) -> None:
        self._pool = pool
        self._bound: dict[tuple[TenantId, str], tuple[float, str | None]] = {}

    def device(self, tenant: TenantId, device: str) -> DeviceRow | None:
        """A device, by its id."""
        return self._one(_DEVICE, {"tenant": tenant, "device": device})

    def by_key(self, tenant: TenantId, thumbprint: str) -> DeviceRow | None:
        """A device, by its key."""
        return self._one(_BY_KEY, {"tenant": tenant, "thumbprint": thumbprint})

    def devices(self, tenant: TenantId, *, person: str | None) -> Sequence[DeviceRow]:
        """Somebody's devices, or everybody's, newest first."""
        asked = {"tenant": tenant, "person": person, "limit": DEVICES_LISTED_MAX}
        return [DeviceRow(**_named(row)) for row in of_tenant.rows(self._pool, _DEVICES, asked)]

    def register(self, tenant: TenantId, row: DeviceRow, *, public_key: Mapping[str, str]) -> None:
        """Keep a new device with its replicas, which are minted already; raises Conflicting where its key is known."""
        told = {
            **{name: getattr(row, name) for name in ("device", "person", "name", "platform", "thumbprint")},
            "tenant": tenant,
            "public_key": Jsonb(dict(public_key)),
            "now_ms": row.registered_at_ms,
        }
        with of_tenant.transaction(self._pool, tenant) as connection:
            connection.execute(_REGISTER, told)
            for replica in row.replicas:
                connection.execute(_BIND, {"tenant": tenant, "replica": replica, "device": row.device})

    def bind(self, tenant: TenantId, replica: str, device: str) -> None:
        """Another replica is this device's."""
        of_tenant.rows(self._pool, _BIND, {"tenant": tenant, "replica": replica, "device": device})

    def is_of(self, tenant: TenantId, replica: str, device: str | None) -> bool:
        """Whether a replica is that device's; for None, whether it is no device's.

        A device that sends batch after batch is looked up once in seconds. No replica passes from one device to
        another, so only a no is never given from memory.
        """
        if self.remembers(tenant, replica, device):
            return True
        found = of_tenant.rows(self._pool, _DEVICE_OF, {"tenant": tenant, "replica": replica})
        bound = str(found[0][0]) if found else None
        if len(self._bound) >= REMEMBERED_MAX:
            self._bound = {}
        self._bound[tenant, replica] = time.monotonic(), bound
        return bound == device

    def remembers(self, tenant: TenantId, replica: str, device: str | None) -> bool:
        """Whether it was looked up a moment ago, and was so."""
        at_s, known = self._bound.get((tenant, replica), (0.0, None))
        return bool(at_s) and time.monotonic() - at_s < REMEMBERED_S and known == device

    def rename(self, tenant: TenantId, device: str, name: str) -> None:
        """Call it otherwise."""
        of_tenant.rows(self._pool, _RENAME, {"tenant": tenant, "device": device, "name": name})

    def revoke(self, tenant: TenantId, device: str, state: DeviceState, *, now_ms: int) -> bool:
        """Report it lost, or compromised, which is for good; False where it was that already."""
        told = {"tenant": tenant, "device": device, "state": state, "now_ms": now_ms}
        return bool(of_tenant.rows(self._pool, _REVOKE, told))

    def seen(self, tenant: TenantId, device: str, *, now_ms: int) -> None:
        """It gave a sign of life."""
        of_tenant.rows(self._pool, _SEEN, {"tenant": tenant, "device": device, "now_ms": now_ms})

    def handed_in_late(self, tenant: TenantId, device: str, *, events: int, size: int, now_ms: int) -> None:
        """It handed in so much without a session."""
        told = {"tenant": tenant, "device": device, "events": events, "size": size, "now_ms": now_ms}
        of_tenant.rows(self._pool, _LATE, told)

    def _one(self, statement: LiteralString, asked: Mapping[str, Any]) -> DeviceRow | None:
        found = of_tenant.rows(self._pool, statement, asked)
        return DeviceRow(**_named(found[0])) if found else None


def _named(row: tuple[Any, ...]) -> dict[str, Any]:
    names = (
        *("device", "person", "name", "platform", "thumbprint", "state", "registered_at_ms", "seen_at_ms"),
        *("revoked_at_ms", "late_events", "late_bytes", "replicas"),
    )
    return dict(zip(names, row, strict=True))
