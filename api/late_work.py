"""What a device had handed in without a session is taken in when its person signs in there again."""

from api.office import with_office
from api.services import Services
from commands.authority import Principal
from commands.case_refusals import CaseRefused
from commands.lanes import LATE, DeviceRow
from commands.late import CASES_AT_ONCE_MAX, taking_in
from sync.log import CasesWanted, Conflicting
from sync.office import office_of
from sync.rows import CaseRow
from sync.together import Append, deciding, wanted_by


def take_in_late(speaking: Principal, device: DeviceRow, services: Services) -> dict[str, int] | None:
    """How much was taken in and how much still waits for somebody in the office; None where there was nothing.

    It happens before the sign-in is answered, so that nothing the device says next comes before what it said then.
    """
    waiting = [case for replica in device.replicas for case in _open_cases(speaking, replica, services)]
    if not waiting:
        return None
    for first in range(0, len(waiting), CASES_AT_ONCE_MAX):
        _take_in(waiting[first : first + CASES_AT_ONCE_MAX], speaking, services)
    still = sum(len(_open_cases(speaking, replica, services)) for replica in device.replicas)
    return {"taken_in": len(waiting) - still, "waiting": still}


def _take_in(cases: list[CaseRow], speaking: Principal, services: Services) -> None:
    now_ms = services.now_ms()
    appends = taking_in(cases, office=office_of(speaking.tenant), author=speaking, now_ms=now_ms)
    try:
        _append(appends, speaking, services, now_ms)
    except Conflicting:  # one lets its author in where the next one writes, and so they need a commit each
        for each in appends:
            _append([each], speaking, services, now_ms)


def _append(appends: list[Append], speaking: Principal, services: Services, now_ms: int) -> None:
    tenant = speaking.tenant

    def append() -> None:
        outcomes = services.log.append(tenant, wanted_by(appends), deciding(appends), now_ms=now_ms)
        for each in outcomes:
            # Of what is still refused the case stays open, for somebody in the office.
            if each.failure is not None and not isinstance(each.failure, CaseRefused):
                raise each.failure

    with_office(tenant, services, append)


def _open_cases(speaking: Principal, replica: str, services: Services) -> list[CaseRow]:
    """Cases of that replica that wait for a sign-in, each with its content."""
    wanted, place = CasesWanted("open", LATE, None, replica), (-1, "", 0)
    found: list[CaseRow] = []
    while True:
        page = services.log.cases(speaking.tenant, wanted, after=place, limit=CASES_AT_ONCE_MAX)
        for row in page:
            whole = services.log.case(speaking.tenant, row.aside.replica, row.aside.seq)
            assert whole is not None, "a case is never removed"
            found.append(whole)
        if len(page) < CASES_AT_ONCE_MAX:
            return found
        place = (page[-1].recorded_at_ms, page[-1].aside.replica, page[-1].aside.seq)
