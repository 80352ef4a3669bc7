"""What the ids in an order name: of which kind, so that none is taken that leads nowhere or elsewhere."""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

PERSON: Final = "person"

REFERS_TO: Final[Mapping[str, str]] = {
    "customer_id": "customer",
    "site_id": "site",
    "work_order_id": "work_order",
    "visit_id": "visit",
    "asset_id": "asset",
    "parent_id": "asset",
    "assets": "asset",
    "contacts": "contact",
    "part_id": "part",
    "stock_location_id": "stock_location",
    "template_id": "checklist_template",
    "checklist_templates": "checklist_template",
    "reversal_of": "part_use",
    "redacted_of": "attachment",
    "assignee_id": PERSON,
    "crew": PERSON,
    "person_id": PERSON,
    "author_id": PERSON,
    "owner_id": PERSON,
}
"""By field, the type of entity that its ids name. `target` says the type itself; `corrects_id` names one of the same
type, and only the server says it."""


class Reference(NamedTuple):
    """One id that an order says."""

    pointer: str
    """Where, as a JSON pointer."""
    type: str
    id: str


def references_in(data: Mapping[str, Any]) -> Iterator[Reference]:
    """Every id that is said of something else; what is taken out of a set need not be there."""
    for name, value in data.items():
        if name == "target":
            yield Reference("/target/id", value["type"], value["id"])
        kind = REFERS_TO.get(name)
        if kind is None or value is None:
            continue
        if isinstance(value, str):
            yield Reference(f"/{name}", kind, value)
        else:
            yield from (Reference(f"/{name}/add/{n}", kind, each) for n, each in enumerate(value.get("add", ())))


def people_in(data: Mapping[str, Any]) -> frozenset[str]:
    """The people among them, who are looked up by their accounts."""
    return frozenset(each.id for each in references_in(data) if each.type == PERSON)


def entities_in(data: Mapping[str, Any]) -> list[str]:
    """The entities among them, which the log knows."""
    return [*dict.fromkeys(each.id for each in references_in(data) if each.type != PERSON)]
