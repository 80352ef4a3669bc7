"""Who may do what, as one table: by role, the facts that a role tells and the reads it may make.

Work that loses its authority between being done and being handed in is never dropped: a refused event is quarantined.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

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


_OFFICE_MOVES: Final = frozenset(
    {
        *("WorkOrderScheduled", "WorkOrderUnscheduled", "WorkOrderCancelled", "WorkOrderApproved"),
        *("WorkOrderClosed", "WorkOrderReopened", "VisitDispatched", "VisitReassigned", "VisitRescheduled"),
        "VisitCancelled",
    }
)
_SUPERVISOR_MOVES: Final = frozenset({"WorkOrderApproved", "WorkOrderClosed"})
_JUDGEMENTS: Final = _SUPERVISOR_MOVES | {"WorkOrderReopened"}
"""What a person answers for: no other system says it."""
_CATALOG: Final = frozenset({"part", "stock_location", "checklist_template", "person"})
_FIELD_ENTITIES: Final = frozenset(
    {
        *("work_order", "visit", "checklist_answer", "note", "attachment", "signature", "time_entry", "part_use"),
        *("site", "asset", "meter_reading", "contact"),
    }
)
_INTEGRATED: Final = frozenset({"customer", "contact", "site", "asset", "work_order"})
_EVERY_FACT: Final = frozenset((entity, name) for entity in ON_DEVICES for name in FACTS[entity])
"""What only the server says is told by no role."""

_TELLS: Final[Mapping[Role, frozenset[tuple[str, str]]]] = {
    "technician": frozenset(
        (entity, name) for entity, name in _EVERY_FACT if entity in _FIELD_ENTITIES and name not in _OFFICE_MOVES
    ),
    "dispatcher": frozenset((entity, name) for entity, name in _EVERY_FACT if name not in _SUPERVISOR_MOVES),
    "supervisor": _EVERY_FACT,
    "analyst": frozenset(),
    "auditor": frozenset(),
    "admin": frozenset((entity, name) for entity, name in _EVERY_FACT if entity in _CATALOG | {"device"}),
    "integration": frozenset(
        (entity, name) for entity, name in _EVERY_FACT if entity in _INTEGRATED and name not in _JUDGEMENTS
    ),
}


def may_tell(role: Role, entity: str, event_type: str) -> bool:
    """Whether somebody in this role may say this about an entity of that type."""
    return (entity, event_type) in _TELLS[role]


_LIMITED: Final = frozenset[Role]({"technician"})
"""Roles that see and write only what they are granted; all others see the whole tenant."""


def sees_everything(role: Role) -> bool:
    """Whether somebody in this role needs no grant to see a scope, or to write in it."""
    return role not in _LIMITED


def may_hand_in(role: Role) -> bool:
    """Whether somebody in this role has a replica at all: those who tell nothing have nothing to hand in."""
    return bool(_TELLS[role])


_WORK_ON_CASES: Final = frozenset[Role]({"dispatcher", "supervisor", "admin"})


def may_see_cases(role: Role) -> bool:
    """Whether somebody in this role may look at what was set aside, whoever wrote it."""
    return sees_everything(role)


def may_work_on_cases(role: Role) -> bool:
    """Whether somebody in this role decides what becomes of what was set aside.

    Whoever brings its content in answers for it: they must be allowed to tell that fact themselves.
    """
    return role in _WORK_ON_CASES


def may_relay(role: Role) -> bool:
    """Whether somebody in this role brings in what another hub has accepted, in the name of whoever wrote it there."""
    return role == "integration"
