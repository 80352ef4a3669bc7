"""Working off what was set aside: approve, retry, resubmit, reassign, dismiss. Pure decisions over what the log shows.

Each settles a case once: whoever says the same again is answered the same and changes nothing, and whoever comes second
with something else is refused and told who was first.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

from commands.authority import Principal, may_tell
from commands.case_refusals import (
    CaseSettled,
    EventRefused,
    NotApprovable,
    NotRetryable,
    NotYoursToTell,
    StillRefused,
)
from commands.cases import CASE, entity_of, opening
from commands.judge import RoleJudge, judge_for
from domain.catalogue import ON_DEVICES, fact
from sync import canonical, shown
from sync.canonical import NotCanonical
from sync.desk import Judge, home_of
from sync.envelope import Event, Link, Unacceptable, parse
from sync.hybrid_clock import latest_at
from sync.log import Changes, Decision, Known, Wanted, WantedGrants
from sync.merge import State
from sync.office import Office, OfficeDesk, Saying, id_from
from sync.rows import CaseMoved, CaseRow, LaterRow
from sync.verdict import Verdict, case_of, verdict_of

APPROVABLE: Final = frozenset(
    {"not_allowed", "illegal_move", "out_of_scope", "tx_incomplete", "tx_broken", "handed_in_late", "device_revoked"}
)
"""A person may see these otherwise; what else is set aside cannot be merged as it is, and only what is edited can."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OnTheDesk:
    """A case, and who decides about it."""

    case: CaseRow
    office: Office
    speaking: Principal
    now_ms: int

    @property
    def entity(self) -> str:
        """The id of the case's own entity."""
        return entity_of(self.case.aside.replica, self.case.aside.seq)

    @property
    def name(self) -> str:
        """What people call the case."""
        return case_of(self.case.aside.replica, self.case.aside.seq)


class Order(NamedTuple):
    """What to ask the log for, and the decision that settles the case there."""

    wanted: Wanted
    decide: Decision[None]


class _Settlement(NamedTuple):
    """How a case is settled: what its author is told, and what is said of the case."""

    verdict: Verdict
    type: str
    data: Mapping[str, Any]


def approve(on: OnTheDesk) -> Order:
    """Take in what was authored, byte for byte, although a rule speaks against it.

    Raises NotApprovable and NotYoursToTell; the decision raises CaseSettled and StillRefused.
    """
    aside = on.case.aside
    if aside.code not in APPROVABLE:
        raise NotApprovable(f"it was set aside as {aside.code}")
    event = _parsed(on.case)
    _check_may_tell(on, event.entity_type, event.type)
    return _order(on, "approved", "CaseApproved", event, judge=_Lenient(role=on.speaking.role), at_desk=on.speaking)


def retry(on: OnTheDesk, author: Principal | None) -> Order:
    """Judge once more what was authored, as its author's; they are None where they have left.

    Raises NotRetryable and StillRefused; the decision raises CaseSettled and StillRefused.
    """
    if not on.case.aside.retryable:
        raise NotRetryable(f"it was set aside as {on.case.aside.code}")
    if author is None:
        raise StillRefused("not_allowed", "whoever handed it in has left")
    event = _parsed(on.case)
    return _order(on, "retried", "CaseRetried", event, judge=judge_for(author.role), at_desk=author)


def resubmit(on: OnTheDesk, said: Saying) -> Order:
    """Say in the office's name what should have been said; its id follows from the case and from what is said.

    Raises NotYoursToTell and EventRefused; the decision raises CaseSettled and EventRefused.
    """
    if said.entity_type not in ON_DEVICES or fact(said.entity_type, said.type) is None:
        raise EventRefused("unknown_event", f"/type: {said.type} of {said.entity_type} is not an event we know")
    _check_may_tell(on, said.entity_type, said.type)
    try:
        content = canonical.dumps([said.entity_type, said.entity, said.type, dict(said.data), said.reason])
    except NotCanonical as why:
        raise EventRefused(why.code, why.detail) from None
    said = replace(said, id=id_from(f"{on.name} {content.decode()}", on.case.recorded_at_ms))

    def settle(desk: OfficeDesk) -> _Settlement:
        try:
            event = desk.authored(said)
        except Unacceptable as why:
            raise EventRefused(why.code, why.detail) from None
        fault = desk.in_the_way(event)
        if fault is not None:
            raise EventRefused(fault.code, fault.detail)
        desk.take_in(event, on.speaking.person)
        verdict = verdict_of(_link(on.case), "resubmitted", resubmitted_as=event.id)
        settled = {"resubmitted_as": event.id, "settled_by_id": on.speaking.person}
        return _Settlement(verdict, "CaseResubmitted", settled)

    wanted = _wanted(on, ids=[said.id], entities=[said.entity])
    judge = judge_for(on.speaking.role)
    return Order(wanted, _deciding(on, judge, settle, same={"status": "resubmitted", "resubmitted_as": said.id}))


def dismiss(on: OnTheDesk, reason: str) -> Order:
    """Leave it out for good; it is kept, and its author is told why. The decision raises CaseSettled."""

    def settle(desk: OfficeDesk) -> _Settlement:
        del desk
        verdict = verdict_of(_link(on.case), "dismissed", reason=reason)
        return _Settlement(verdict, "CaseDismissed", {"dismiss_reason": reason, "settled_by_id": on.speaking.person})

    same = {"status": "dismissed", "dismiss_reason": reason, "settled_by_id": on.speaking.person}
    return Order(_wanted(on), _deciding(on, judge_for(on.speaking.role), settle, same=same))


def reassign(on: OnTheDesk, owner_id: str) -> Order:
    """Give the case to somebody. The decision raises CaseSettled."""

    def decide(known: Known) -> tuple[Changes, None]:
        desk = OfficeDesk(known, on.office, judge_for(on.speaking.role), on.speaking.person, on.now_ms)
        case = _opened(on, desk)
        if case["status"] != "open":
            raise CaseSettled(case["status"], case["settled_by_id"])
        if case.get("owner_id") == owner_id:
            return Changes(), None
        desk.tell(Saying(CASE, on.entity, "CaseReassigned", {"owner_id": owner_id}), on.speaking.person)
        return replace(desk.decided(), cases=[_moved(on, desk)]), None

    return Order(_wanted(on), decide)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lenient(RoleJudge):
    """Of an event that a person has approved nothing is asked any more but that it can be merged."""

    @property
    def is_limited(self) -> bool:
        return False

    def may_tell(self, event: Event, actor: str) -> Unacceptable | None:
        return None

    def follows(self, event: Event, state: State | None) -> Unacceptable | None:
        return None


def _order(on: OnTheDesk, status: str, settled: str, event: Event, *, judge: Judge, at_desk: Principal) -> Order:
    """Take in what was authored; `at_desk` is whose event the judge takes it for."""
    actor = on.case.aside.actor
    effective = min(event.at, latest_at(on.case.recorded_at_ms))

    def settle(desk: OfficeDesk) -> _Settlement:
        fault = desk.in_the_way(event)
        if fault is not None:
            raise StillRefused(fault.code, fault.detail)
        verdict = desk.take_in(event, actor, effective=effective)
        return _Settlement(verdict, settled, {"settled_by_id": on.speaking.person})

    wanted = _wanted(on, ids=[event.id], entities=[event.entity], event=event)
    if judge.is_limited:
        homes = [home_of(event)] if event.fact.creates else []
        wanted = wanted._replace(grants=[WantedGrants(actor, [event.entity], homes)])
    same = {"status": status, "settled_by_id": on.speaking.person}
    return Order(wanted, _deciding(on, judge, settle, same=same, at_desk=at_desk))


def _deciding(
    on: OnTheDesk,
    judge: Judge,
    settle: Callable[[OfficeDesk], _Settlement],
    *,
    same: Mapping[str, Any],
    at_desk: Principal | None = None,
) -> Decision[None]:
    """The decision that settles an open case; `same` is how it looks to whoever has said the same before."""

    def decide(known: Known) -> tuple[Changes, None]:
        desk = OfficeDesk(known, on.office, judge, (at_desk or on.speaking).person, on.now_ms)
        case = _opened(on, desk)
        if case["status"] != "open":
            if same.items() <= case.items():
                return Changes(), None
            raise CaseSettled(case["status"], case["settled_by_id"])
        verdict, kind, data = settle(desk)
        desk.tell(Saying(CASE, on.entity, kind, data), on.speaking.person)
        changes = desk.decided()
        aside = on.case.aside
        later = LaterRow(aside.replica, aside.seq, aside.id, known.position + len(changes.events), verdict)
        return replace(changes, later=[*changes.later, later], cases=[_moved(on, desk)]), None

    return decide


def _opened(on: OnTheDesk, desk: OfficeDesk) -> dict[str, Any]:
    """The case as it is now; what was set aside before there were cases gets one."""
    state = desk.state(on.entity)
    if state is None:
        desk.tell(opening(on.case.aside), on.office.person)
        state = desk.state(on.entity)
    assert state is not None
    return shown.values(state)


def _moved(on: OnTheDesk, desk: OfficeDesk) -> CaseMoved:
    case = _opened(on, desk)
    return CaseMoved(on.case.aside.replica, on.case.aside.seq, case["status"], case.get("owner_id"))


def _wanted(
    on: OnTheDesk, *, ids: list[str] | None = None, entities: list[str] | None = None, event: Event | None = None
) -> Wanted:
    replicas = {on.office.replica, on.case.aside.replica}
    spans = [(on.office.replica, 1, 0)]  # of the office nothing but what waits for it
    if event is not None:
        replicas |= {event.replica, *event.clock}
        spans.append((event.replica, event.seq, event.seq))
    return Wanted(replicas=frozenset(replicas), ids=ids or [], entities=[on.entity, *(entities or [])], spans=spans)


def _parsed(case: CaseRow) -> Event:
    try:
        return parse(case.aside.body)
    except Unacceptable as why:
        raise StillRefused(why.code, why.detail) from None


def _check_may_tell(on: OnTheDesk, entity_type: str, event_type: str) -> None:
    role = on.speaking.role
    if not may_tell(role, entity_type, event_type):
        raise NotYoursToTell(f"whoever is {role} does not tell {event_type} of a {entity_type}")


def _link(case: CaseRow) -> Link:
    aside = case.aside
    return Link(aside.replica, aside.seq, None, aside.id, aside.entity)
