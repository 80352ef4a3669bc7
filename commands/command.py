"""What an order over HTTP is: declared once, and its routes, checks, documentation and permissions follow."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal, NamedTuple, NotRequired, Union

from annotated_types import MaxLen
from pydantic import BeforeValidator, StringConstraints, TypeAdapter

from commands.authority import Principal
from domain.catalogue import ENTITIES, FACTS
from domain.facts import Fact
from domain.merge_policy import AddWins
from domain.values import NOT_BLANK
from sync.envelope import EventId
from sync.merge import State
from sync.office import Saying
from sync.payload import checked, closed, in_order, schema_of

Kind = Literal["create", "edit", "act"]
"""Brings something into being, edits its fields, or orders something of it."""

COLLECTIONS: Mapping[str, str] = {
    "customer": "customers",
    "contact": "contacts",
    "site": "sites",
    "asset": "assets",
    "meter_reading": "meter-readings",
    "work_order": "work-orders",
    "visit": "visits",
    "checklist_template": "checklist-templates",
    "checklist_answer": "checklist-answers",
    "note": "notes",
    "attachment": "attachments",
    "signature": "signatures",
    "time_entry": "time-entries",
    "part": "parts",
    "stock_location": "stock-locations",
    "part_use": "part-uses",
}
"""By entity type, the path that its orders are given under. People and devices have routes of their own: whom an
account lets in is no field of a record."""


class Situation(NamedTuple):
    """What a decision is told: the state that an order meets, who gives it, and when."""

    entity: str
    """What it is about; an id that is new where it creates something."""
    state: State | None
    said: Mapping[str, Any]
    """The order's own words, as its command takes them."""
    speaking: Principal
    now_ms: int
    known: Callable[[str], tuple[State, str] | None]
    """Another entity that the order names, with its home scope; None where whoever orders may not see one."""
    people: frozenset[str]
    """Those of the people it names who work here."""
    orders: Sequence["Command"]
    """Everything that can be ordered, to say what could be ordered instead."""
    new_id: Callable[[str], str]
    """An id for something else that the order brings into being, by what it is for; the same at every try."""


Decide = Callable[["Command", Situation], list[Saying]]
"""The facts to tell; raises order_refusals.OrderRefused. Nothing to tell: it is so already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One kind of order."""

    name: str
    """Said as an order, such as `hold`; the last part of its path where it is no `create` or `edit`."""
    entity: str
    kind: Kind
    summary: str
    fact: str
    """The fact that it tells first, of which its fields are."""
    decide: Decide
    says: tuple[str, str] | None = None
    """The fact whose fields it says, where that is another one: (entity type, event type)."""
    fields: tuple[str, ...] = ()
    """What may be said, of the fields of that fact."""
    required: frozenset[str] = frozenset()
    reason: Literal["no", "may", "must"] = "no"
    """Whether it says why: people ask that of whoever undoes what others planned."""
    reason_field: str | None = None
    """Where the reason stands in the fact's data, besides the event."""
    at: str | None = None
    """The field that says when; now, where it is left out."""
    also: tuple[tuple[str, str], ...] = ()
    """Other facts that it may tell, by (entity type, event type)."""
    corrects: bool = False
    """It sets right what was told before."""

    @property
    def told(self) -> Fact:
        """The fact that it tells first."""
        return FACTS[self.entity][self.fact]

    @property
    def path(self) -> str:
        """Where it is ordered."""
        under = f"/v1/{COLLECTIONS[self.entity]}"
        return {"create": under, "edit": f"{under}/{{id}}", "act": f"{under}/{{id}}/{self.name}"}[self.kind]

    @property
    def method(self) -> str:
        return "PATCH" if self.kind == "edit" else "POST"

    @property
    def operation(self) -> str:
        """Its name among all commands, such as `hold_work_order`."""
        return f"{self.name.replace('-', '_')}_{self.entity}"

    @property
    def takes(self) -> "TypeAdapter[dict[str, Any]]":
        """What it takes as its body."""
        return _takes(self)


Reason = Annotated[str, MaxLen(8_000), StringConstraints(min_length=1, pattern=NOT_BLANK)]


@cache
def _takes(command: Command) -> "TypeAdapter[dict[str, Any]]":
    hints: dict[str, Any]
    if command.name == "resolve":
        field = Annotated[str, StringConstraints(pattern="^[a-z][a-z0-9_]{0,63}$")]
        hints = {"field": field, "value": _any_value_of(command)}
    else:
        entity, said = command.says or (command.entity, command.fact)
        limited = Fact(name=said, entity=entity, fields=command.fields, required=command.required)
        hints = dict(schema_of(ENTITIES[entity], limited, in_any_order=True).__annotations__)
    if command.reason != "no":
        hints["reason"] = Reason if command.reason == "must" else NotRequired[Reason]
    if command.kind == "create":
        hints["id"] = NotRequired[checked(EventId)]
    return TypeAdapter(closed(f"{command.operation}_order", hints))


def _any_value_of(command: Command) -> Any:
    """What one of the fields may hold that people are asked about, or whether it is archived."""
    fields = [ENTITIES[command.entity].fields[name] for name in command.fields]
    kinds = [checked(each.type) for each in fields if not isinstance(each.policy, AddWins)]
    return Annotated[Union[(bool, checked(str), *kinds)], BeforeValidator(in_order)]  # made at run time


def facts_of(command: Command) -> Sequence[tuple[str, str]]:
    """Every fact that it may tell, by (entity type, event type)."""
    return ((command.entity, command.fact), *command.also)
