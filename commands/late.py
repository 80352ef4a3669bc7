"""What was handed in without a session is taken in, in the order in which it was written, when its author is back."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import groupby
from typing import Any, Final

from commands import quarantine
from commands.authority import Principal
from commands.case_refusals import CaseRefused
from commands.quarantine import OnTheDesk
from sync.envelope import Unacceptable, parse
from sync.log import Changes, Known
from sync.office import Office
from sync.rows import CaseRow
from sync.together import Append, after, one_after_another, wanted_by

CASES_AT_ONCE_MAX: Final = 100


def taking_in(cases: Sequence[CaseRow], *, office: Office, author: Principal, now_ms: int) -> list[Append]:
    """For each event that was set aside, or for those of one tx together, an append that takes it in.

    They are judged as their author's, who answers for them. The decision of one that is still refused raises
    CaseRefused: its case stays open, for somebody in the office.
    """
    appends: list[Append] = []
    for _, group in groupby(sorted(cases, key=_place), key=_tx):
        with suppress(CaseRefused):
            appends.append(_together([*_retries(group, office=office, author=author, now_ms=now_ms)]))
    return appends


def _retries(cases: Iterator[CaseRow], *, office: Office, author: Principal, now_ms: int) -> Iterator[Append]:
    for case in cases:
        on = OnTheDesk(case=case, office=office, speaking=author, now_ms=now_ms)
        yield Append(*quarantine.retry(on, author))


def _together(appends: Sequence[Append]) -> Append:
    """All of them or none."""
    if len(appends) == 1:
        return appends[0]

    def decide(known: Known) -> tuple[Changes, None]:
        changes: list[Changes] = []
        for append in appends:
            wants, _ = append.decide(known)
            known = after(known, wants)
            changes.append(wants)
        return one_after_another(changes), None

    return Append(wanted_by(appends), decide)


def _place(case: CaseRow) -> tuple[str, int]:
    return case.aside.replica, case.aside.seq


def _tx(case: CaseRow) -> tuple[str, Any]:
    """The same for events that stand or fall together, and for no others."""
    try:
        tx = parse(case.aside.body).tx
    except Unacceptable:
        tx = None
    return case.aside.replica, tx["id"] if tx else case.aside.seq
