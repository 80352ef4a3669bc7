"""Who may do what, as one table: by role, the facts that a role tells and the reads it may make.

Work that loses its authority between being done and being handed in is never dropped: a refused event is quarantined.
"""

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, replace
from typing import Any, Final

from domain.catalogue import FACTS, ON_DEVICES
from domain.people import Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who is speaking, as the server knows them."""

    tenant: str
    """A UUID."""
    person: str
    """A UUID."""
    name: str
    role: Role
    device: str | None = None
    """The registered device that speaks for them; None where none does."""
    session: str | None = None
    """The sign-in that this follows from; None for tokens that follow from none."""
    key: str | None = None
    """Thumbprint of the key that the token is bound to; None where whoever holds the token may use it."""
    scopes: frozenset[str] | None = None
    """What the token is limited to; None: all that the role may."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """How far a role tells one fact of one type of entity."""

    fields: frozenset[str]
    """What its data may hold, of all that the fact can."""
    themselves: frozenset[str] = frozenset()
    """Fields in which they name nobody but themselves."""


Facts = Mapping[tuple[str, str], Telling]
"""By entity type and event type."""

RECORDS: Final = ("customer", "contact", "site", "asset")
EVIDENCE: Final = ("checklist_answer", "attachment", "part_use", "time_entry", "signature")
"""What was found, done, used and signed on site."""
_CATALOG: Final = ("part", "stock_location", "checklist_template", "person")
_JUDGEMENTS: Final = frozenset({"WorkOrderApproved", "WorkOrderClosed", "WorkOrderReopened"})
"""What a person answers for: no other system says it."""
_ON_THE_WAY: Final = frozenset(
    {
        *("VisitAccepted", "VisitDeclined", "VisitTravelStarted", "VisitArrived", "VisitPaused", "VisitContinued"),
        "VisitFinished",
    }
)
_FOUND: Final = frozenset({"title", "description", "assets", "outcome", "resolution", "tags", "custom"})
"""What a technician says of a job that exists: what it is really about, and how it went. When, how urgently and by whom
it is done is the office's."""
_WENT: Final = frozenset(
    {
        *("travel_started_at", "arrived_at", "finished_at", "outcome", "resolution", "decline_reason"),
        *("tags", "custom"),
    }
)


def _told(entity: str, *names: str, but: Set[str] = frozenset()) -> dict[tuple[str, str], Telling]:
    """These facts of an entity, or all but some, with everything that they can hold."""
    chosen = names or FACTS[entity].keys() - but
    return {(entity, name): Telling(fields=frozenset(FACTS[entity][name].fields)) for name in chosen}


def _limited(entity: str, name: str, *fields: str) -> dict[tuple[str, str], Telling]:
    assert set(fields) <= set(FACTS[entity][name].fields), f"{name} of {entity} has no {fields}"
    return {(entity, name): Telling(fields=frozenset(fields))}


def _of_themselves(facts: Facts, *fields: str) -> dict[tuple[str, str], Telling]:
    return {each: replace(telling, themselves=telling.fields & set(fields)) for each, telling in facts.items()}


def _every(entities: Iterable[str], *, but: Set[str] = frozenset()) -> dict[tuple[str, str], Telling]:
    return {each: telling for entity in entities for each, telling in _told(entity, but=but).items()}


_VISIT_PLANNED: Final = _told("visit", "Created", "VisitPlanned")
_PLANNED_BY_ONESELF: Final = {
    each: Telling(fields=telling.fields - {"crew"}, themselves=frozenset({"assignee_id"}))
    for each, telling in _VISIT_PLANNED.items()
}

_TECHNICIAN: Final[Facts] = {
    **_limited("customer", "Edited", "note"),
    **_limited("site", "Edited", "position", "hazards"),
    **_limited("asset", "Edited", "condition"),
    **_told("asset", "AssetConditionReported"),
    **_told("work_order", "Created", "WorkOrderOpened", "WorkOrderStarted", "WorkOrderPutOnHold"),
    **_told("work_order", "WorkOrderResumed", "WorkOrderCompleted"),
    **_limited("work_order", "Edited", *_FOUND),
    **_PLANNED_BY_ONESELF,
    **_told("visit", *_ON_THE_WAY),
    **_limited("visit", "Edited", *_WENT),
    **_of_themselves(_every((*EVIDENCE, "meter_reading", "note")), "person_id", "author_id"),
}

_DISPATCHER: Final[Facts] = {
    **_every((*RECORDS, "meter_reading", *_CATALOG, "device", "note")),
    **_every(["work_order"], but={"WorkOrderApproved", "WorkOrderClosed"}),
    **_every(["visit"], but=_ON_THE_WAY),
    # Of what was found on site they read, and say which of two contradicting accounts holds.
    **{each: telling for entity in EVIDENCE for each, telling in _told(entity, "Edited").items()},
}

_SUPERVISOR: Final[Facts] = _every(ON_DEVICES)

_ADMIN: Final[Facts] = {
    **_every((*RECORDS, "meter_reading", *_CATALOG, "device")),
    **_every(["work_order"], but={"WorkOrderStarted", "WorkOrderResumed", "WorkOrderCompleted"}),
}

_INTEGRATION: Final[Facts] = _every((*RECORDS, "work_order"), but=_JUDGEMENTS)

TELLS: Final[Mapping[Role, Facts]] = {
    "technician": _TECHNICIAN,
    "dispatcher": _DISPATCHER,
    "supervisor": _SUPERVISOR,
    "analyst": {},
    "auditor": {},
    "admin": _ADMIN,
    "integration": _INTEGRATION,
}
"""The table. What only the server says is told by no role."""


def may_tell(role: Role, entity: str, event_type: str) -> bool:
    """Whether somebody in this role may say this about an entity of that type, in some words."""
    return (entity, event_type) in TELLS[role]


def fault_in_telling(role: Role, entity: str, event_type: str, data: Mapping[str, Any], person: str) -> str | None:
    """What speaks against somebody in this role saying this in these words, for whoever reads it; None: nothing."""
    telling = TELLS[role].get((entity, event_type))
    if telling is None:
        return f"whoever is {role} does not tell {event_type} of a {entity}"
    if not data.keys() <= telling.fields:
        told = ", ".join(f"/data/{name}" for name in sorted(data.keys() - telling.fields))
        return f"{told}: whoever is {role} does not say that in {event_type} of a {entity}"
    if telling.themselves and (
        others := sorted(name for name in telling.themselves & data.keys() if data[name] not in (None, person))
    ):
        told = ", ".join(f"/data/{name}" for name in others)
        return f"{told}: whoever is {role} names only themselves there"
    return None


def may_correct(role: Role) -> bool:
    """Whether somebody in this role sets right what was written as evidence: who wrote it, or who answers for it."""
    return role in ("technician", "supervisor")


_LIMITED: Final = frozenset[Role]({"technician"})
"""Roles that see and write only what they are granted; all others see the whole tenant."""


def sees_everything(role: Role) -> bool:
    """Whether somebody in this role needs no grant to see a scope, or to write in it."""
    return role not in _LIMITED


def may_hand_in(role: Role) -> bool:
    """Whether somebody in this role has a replica at all: those who tell nothing have nothing to hand in."""
    return bool(TELLS[role])


PERSONAL: Final[Mapping[str, frozenset[str]]] = {
    "customer": frozenset({"name", "legal_id", "billing_address", "note", "custom"}),
    "contact": frozenset({"name", "phone", "email", "custom"}),
    "site": frozenset({"name", "address", "position", "access_code", "directions", "custom"}),
    "work_order": frozenset({"title", "description", "resolution", "custom"}),
    "visit": frozenset({"resolution", "decline_reason", "cancel_reason", "custom"}),
    "checklist_answer": frozenset({"value", "skipped_reason", "custom"}),
    "note": frozenset({"body", "custom"}),
    "attachment": frozenset({"name", "geo", "caption", "sha256", "custom"}),
    "signature": frozenset(
        {"signer_name", "signer_role", "strokes", "png_sha256", "document_hash", "refused_reason", "custom"}
    ),
    "person": frozenset({"name", "email", "custom"}),
    "device": frozenset({"name", "public_key", "custom"}),
}
"""By entity type, the fields that tell of a person, or in which somebody may have written of one."""

_COUNT_ONLY: Final = frozenset[Role]({"analyst"})
"""Roles that work with numbers and need to know nobody."""


def masked_from(role: Role, entity: str) -> frozenset[str]:
    """The fields of an entity of that type whose values somebody in this role is not shown."""
    return PERSONAL.get(entity, frozenset()) if role in _COUNT_ONLY else frozenset()


def may_see_events(role: Role) -> bool:
    """Whether somebody in this role sees what was written, word by word: events, states, and what was set aside."""
    return role not in _COUNT_ONLY


def works_with_numbers(role: Role) -> bool:
    """Whether somebody in this role is shown nothing that may tell of a person."""
    return role in _COUNT_ONLY


_WORK_ON_CASES: Final = frozenset[Role]({"dispatcher", "supervisor", "admin"})


def may_see_cases(role: Role) -> bool:
    """Whether somebody in this role may look at what was set aside, whoever wrote it."""
    return sees_everything(role) and may_see_events(role)


def may_work_on_cases(role: Role) -> bool:
    """Whether somebody in this role decides what becomes of what was set aside.

    Whoever brings its content in answers for it: they must be allowed to tell that fact themselves.
    """
    return role in _WORK_ON_CASES


def may_relay(role: Role) -> bool:
    """Whether somebody in this role brings in what another hub has accepted, in the name of whoever wrote it there."""
    return role == "integration"


_JOB: Final = frozenset({"work_order", "visit", "note", *EVIDENCE})
_EVERY_HISTORY: Final = frozenset(ON_DEVICES)
_HISTORIES: Final[Mapping[Role, frozenset[str]]] = {
    "technician": _JOB,
    "dispatcher": _JOB,
    "supervisor": _EVERY_HISTORY,
    "analyst": frozenset(),
    "auditor": _EVERY_HISTORY,
    "admin": _EVERY_HISTORY,
    "integration": frozenset(),
}
"""By role, of which types of entities it may look up who wrote what, and when; the technician of their own."""


def may_see_history(role: Role, entity: str) -> bool:
    """Whether somebody in this role may look up who wrote what of an entity of that type that they see."""
    return entity in _HISTORIES[role]


def may_see_histories(role: Role) -> bool:
    """Whether somebody in this role may look up any history at all."""
    return bool(_HISTORIES[role])


_READING_IS_NOTED: Final = frozenset[Role]({"auditor"})


def is_noted_reading(role: Role) -> bool:
    """Whether the audit tells of everything that somebody in this role reads: they see all, and work on none of it."""
    return role in _READING_IS_NOTED


def may_replay(role: Role) -> bool:
    """Whether somebody in this role may look at the whole company as it was, and at all that changed."""
    return _HISTORIES[role] == _EVERY_HISTORY
