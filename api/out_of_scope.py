"""Work that was set aside because its author was not let in comes right by itself once they are.

So it is with somebody who hands in, after a restore, what they wrote on a job before the office has handed in the visit
that let them in: nobody need look at it. What changes something that was only created by it follows.
"""

from collections.abc import Iterable
from contextlib import suppress
from typing import Final

from api.office import with_office
from api.services import Services
from commands import quarantine
from commands.authority import Principal, sees_everything
from commands.case_refusals import CaseRefused
from commands.quarantine import OnTheDesk
from domain.grants import EVERYBODYS
from sync.desk import home_of
from sync.envelope import Event, Unacceptable, parse
from sync.log import CasesWanted, TenantId
from sync.office import OFFICE, office_of
from sync.rows import CaseRow

CASES_MAX: Final = 100
"""How many are looked at in one go; the rest comes with the next hello."""
_FIRST: Final = (-1, "", 0)


def take_in_what_was_out_of_scope(people: Iterable[str], tenant: TenantId, services: Services) -> None:
    """Judge once more what these people wrote where they were not let in, and are now."""
    found = sorted({*people})
    # One question before one for each of them: hardly ever does anything wait that anybody was not let in for.
    if not found or not services.log.cases(tenant, CasesWanted(code="out_of_scope"), after=_FIRST, limit=1):
        return
    for person in found:
        author = services.accounts.person(tenant, person)
        if author is not None and not sees_everything(author.role):
            _take_in_of(author, services)


def _take_in_of(author: Principal, services: Services) -> None:
    wanted = CasesWanted(code="out_of_scope", author=author.person)
    cases = services.log.cases(author.tenant, wanted, after=_FIRST, limit=CASES_MAX)
    if not cases:
        return
    head = services.log.head(author.tenant).position
    let_in = {EVERYBODYS, *(row.scope for row in services.log.scopes(author.tenant, author.person, at=head))}
    for row in sorted(cases, key=lambda row: (row.aside.replica, row.aside.seq)):
        case = services.log.case(author.tenant, row.aside.replica, row.aside.seq)
        assert case is not None, "a case is for ever"
        event = _parsed(case)
        if event is None or _scope_of(event, author.tenant, services) not in let_in:
            continue
        if _is_retried(case, author, services) and event.fact.creates:
            _take_in_what_changes(event.entity, author.tenant, services)


def _take_in_what_changes(entity: str, tenant: TenantId, services: Services) -> None:
    """What others told of an entity that was not there, because its creation was set aside."""
    wanted = CasesWanted(code="unknown_entity", entity=entity)
    for row in services.log.cases(tenant, wanted, after=_FIRST, limit=CASES_MAX):
        case = services.log.case(tenant, row.aside.replica, row.aside.seq)
        author = services.accounts.person(tenant, row.aside.actor)
        if case is not None and author is not None:
            _is_retried(case, author, services)


def _is_retried(case: CaseRow, author: Principal, services: Services) -> bool:
    """Whether it is in by now, as the office's own decision."""
    tenant, now_ms = author.tenant, services.now_ms()
    office = office_of(tenant)
    speaking = Principal(tenant=tenant, person=office.person, name=OFFICE, role="integration")
    on = OnTheDesk(case=case, office=office, speaking=speaking, now_ms=now_ms)
    with suppress(CaseRefused):  # it stays where it is, for a person or for the next time
        wanted, decide = quarantine.retry(on, author)
        with_office(tenant, services, lambda: services.log.append(tenant, wanted, decide, now_ms=now_ms))
        return True
    return False


def _scope_of(event: Event, tenant: TenantId, services: Services) -> str | None:
    row = services.log.entity(tenant, event.entity)
    if row is not None:
        return row.scope
    return home_of(event) if event.fact.creates else None


def _parsed(case: CaseRow) -> Event | None:
    try:
        return parse(case.aside.body)
    except Unacceptable:
        return None  # an older version of us could read it
