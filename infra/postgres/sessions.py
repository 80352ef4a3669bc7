"""Sessions in Postgres: whoever refreshes one holds its row, so that eight tabs that ask at once ask one by one."""

from collections.abc import Callable, Sequence
from typing import Any, Final, LiteralString

from psycopg_pool import ConnectionPool

from commands.sessions import Ends, GoesOn, IsOver, SessionRow
from commands.standing import Speaker, Standing
from infra.postgres import of_tenant
from infra.postgres.pool import Connection
from sync.log import TenantId

_COLUMNS: Final[LiteralString] = """
    session.session::text, session.person::text, session.device::text, session.thumbprint, session.refresh_key,
    session.generation, session.way, (extract(epoch from session.signed_in_at) * 1000)::bigint,
    (extract(epoch from session.refreshed_at) * 1000)::bigint,
    (extract(epoch from session.ended_at) * 1000)::bigint, session.end_reason
"""
_BEGIN: Final[LiteralString] = """
    insert into session (tenant, session, person, device, thumbprint, refresh_key, generation, way, signed_in_at,
                         refreshed_at)
    values (%(tenant)s, %(session)s, %(person)s, %(device)s, %(thumbprint)s, %(refresh_key)s, %(generation)s, %(way)s,
            timestamptz 'epoch' + %(now_ms)s * interval '1 ms', timestamptz 'epoch' + %(now_ms)s * interval '1 ms')
"""
_LOCK: Final[LiteralString] = f"""
    select {_COLUMNS} from session where tenant = %(tenant)s and session = %(session)s for update
"""
_OF_PERSON: Final[LiteralString] = f"""
    select {_COLUMNS} from session where tenant = %(tenant)s and person = %(person)s and ended_at is null
    order by signed_in_at desc, session limit %(limit)s
"""
_GO_ON: Final[LiteralString] = """
    update session set generation = %(generation)s, refreshed_at = timestamptz 'epoch' + %(now_ms)s * interval '1 ms'
    where tenant = %(tenant)s and session = %(session)s
"""
_END: Final[LiteralString] = """
    update session set ended_at = timestamptz 'epoch' + %(now_ms)s * interval '1 ms', end_reason = %(reason)s
    where tenant = %(tenant)s and ended_at is null
      and (session = %(session)s or (%(session)s::uuid is null and person = %(person)s)
           or device = %(device)s)
    returning session
"""
_SET_DEVICE: Final[LiteralString] = """
    update session set device = %(device)s where tenant = %(tenant)s and session = %(session)s
"""
_STANDING: Final[LiteralString] = """
    select person.name, person.role, person.active, person.authority,
           %(session)s::uuid is null
           or exists (select from session where session.tenant = person.tenant and session.session = %(session)s
                      and session.person = person.person and session.ended_at is null),
           %(device)s::uuid is null
           or exists (select from device where device.tenant = person.tenant and device.device = %(device)s
                      and device.person = person.person and device.revoked_at is null),
           %(client)s::uuid is null
           or exists (select from service_account as client where client.tenant = person.tenant
                      and client.client = %(client)s and client.person = person.person and client.revoked_at is null)
    from person where person.tenant = %(tenant)s and person.person = %(person)s
"""
SESSIONS_LISTED_MAX: Final = 200


class PostgresSessions:
    """`api.identity.Sessions`; safe to share between threads."""

    def __init__(self, pool: ConnectionPool[Connection]) -> None:
        self._pool = pool

    def begin(self, tenant: TenantId, row: SessionRow) -> None:
        """Keep a new session."""
        told = {
            **{name: getattr(row, name) for name in ("session", "person", "device", "thumbprint", "refresh_key")},
            "tenant": tenant,
            "generation": row.generation,
            "way": row.way,
            "now_ms": row.signed_in_at_ms,
        }
        of_tenant.rows(self._pool, _BEGIN, told)

    def refresh(
        self,
        tenant: TenantId,
        session: str,
        decide: Callable[[SessionRow], GoesOn | Ends | IsOver | None],
        *,
        now_ms: int,
    ) -> tuple[SessionRow, GoesOn | Ends | IsOver] | None:
        """Decide under the session's lock and store that; None where there is no such session or nothing decided."""
        asked = {"tenant": tenant, "session": session}
        with of_tenant.transaction(self._pool, tenant) as connection:
            found = connection.execute(_LOCK, asked).fetchone()
            if found is None:
                return None
            row = _row(found)
            outcome = decide(row)
            match outcome:
                case None:
                    return None
                case GoesOn(generation=generation):
                    connection.execute(_GO_ON, {**asked, "generation": generation, "now_ms": now_ms})
                case Ends(reason=reason):
                    ended = {**asked, "person": None, "device": None, "reason": reason, "now_ms": now_ms}
                    connection.execute(_END, ended)
                case IsOver():
                    pass
        return row, outcome

    def end(
        self,
        tenant: TenantId,
        *,
        session: str | None = None,
        person: str | None = None,
        device: str | None = None,
        reason: str,
        now_ms: int,
    ) -> int:
        """End one session, all of a person, or all on a device; returns how many went on until now."""
        told = {"tenant": tenant, "session": session, "person": person, "device": device, "reason": reason}
        return len(of_tenant.rows(self._pool, _END, {**told, "now_ms": now_ms}))

    def of_person(self, tenant: TenantId, person: str) -> Sequence[SessionRow]:
        """Somebody's sessions that were not ended, newest first."""
        asked = {"tenant": tenant, "person": person, "limit": SESSIONS_LISTED_MAX}
        return [_row(row) for row in of_tenant.rows(self._pool, _OF_PERSON, asked)]

    def set_device(self, tenant: TenantId, session: str, device: str) -> None:
        """The session is on this registered device from now on."""
        of_tenant.rows(self._pool, _SET_DEVICE, {"tenant": tenant, "session": session, "device": device})

    def standing(self, tenant: TenantId, speaker: Speaker) -> Standing | None:
        """How whoever an access token names stands now; None where there is no such person."""
        asked = {
            "tenant": tenant,
            "person": speaker.person,
            "session": speaker.session,
            "device": speaker.device,
            "client": speaker.client,
        }
        found = of_tenant.rows(self._pool, _STANDING, asked)
        return Standing(*found[0]) if found else None


def _row(row: tuple[Any, ...]) -> SessionRow:
    names = (
        *("session", "person", "device", "thumbprint", "refresh_key", "generation", "way", "signed_in_at_ms"),
        *("refreshed_at_ms", "ended_at_ms", "end_reason"),
    )
    return SessionRow(**dict(zip(names, row, strict=True)))
