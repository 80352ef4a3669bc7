"""What newer clients handed in before this server was updated is taken in when it starts."""

from collections.abc import Iterable
from typing import Final

from api.office import with_office
from api.services import Services
from commands.cases import with_cases
from commands.judge import judge_for
from sync import read_again
from sync.envelope import Unacceptable
from sync.log import Changes, Known, TenantId
from sync.office import office_of
from sync.read_again import Readable
from sync.rows import HeldRow

ROWS_AT_ONCE: Final = 200


def take_in_what_can_be_read_now(tenants: Iterable[TenantId], services: Services) -> int:
    """Read once more whatever waits for a newer server; returns how much could be read. It may be done at any time."""
    return sum(_take_in(row, tenant, services) for tenant in tenants for row in _unread(tenant, services))


def _unread(tenant: TenantId, services: Services) -> Iterable[HeldRow]:
    after = ("", 0)
    while rows := services.log.unread(tenant, after=after, limit=ROWS_AT_ONCE):
        yield from rows
        after = rows[-1].replica, rows[-1].seq


def _take_in(row: HeldRow, tenant: TenantId, services: Services) -> bool:
    waiting = read_again.readable(row)
    if waiting is None:
        return False
    author = services.accounts.person(tenant, row.actor)
    if author is None:  # whoever has left does not tell it any more; somebody in the office says what becomes of it
        waiting = Readable(row, None, Unacceptable("not_allowed", "whoever handed it in has left"))
    judge, now_ms, office = judge_for(author.role if author else "analyst"), services.now_ms(), office_of(tenant)
    asked = read_again.wanted(waiting, judge)
    asked = asked._replace(replicas=asked.replicas | {office.replica})

    def decide(known: Known) -> tuple[Changes, None]:
        changes = read_again.read_again(waiting, known, judge=judge, now_ms=now_ms)
        return with_cases(changes, known, office=office, now_ms=now_ms), None

    with_office(tenant, services, lambda: services.log.append(tenant, asked, decide, now_ms=now_ms))
    return True
