"""Everything that is declared: the entities and the facts about them, ready to look up.

A new entity is one module and one name in this list; nothing else has to know.
"""

from collections.abc import Mapping

from domain.checklist import ChecklistAnswer, ChecklistTemplate
from domain.customer import Contact, Customer
from domain.entity import DECLARED, OFFICE, EntityType
from domain.evidence import Attachment, Note, Signature
from domain.facts import Fact, facts_of
from domain.labour import TimeEntry
from domain.people import Device, Person
from domain.quarantine import Case
from domain.site import Asset, MeterReading, Site
from domain.stock import Part, PartUse, StockLocation
from domain.visit import Visit
from domain.work_order import WorkOrder

DECLARATIONS: tuple[type, ...] = (
    *(Customer, Contact, Site, Asset, MeterReading),
    *(WorkOrder, Visit, ChecklistTemplate, ChecklistAnswer),
    *(Note, Attachment, Signature, TimeEntry),
    *(Part, StockLocation, PartUse),
    *(Person, Device, Case),
)
"""Every declaration, in the order in which people meet them."""

ENTITIES: Mapping[str, EntityType] = {DECLARED[each].name: DECLARED[each] for each in DECLARATIONS}
"""Every entity by its name, in that order."""

Catalogue = Mapping[str, Mapping[str, Fact]]
"""Entity name → wire name of the event type → fact."""

FACTS: Catalogue = {name: facts_of(declared) for name, declared in ENTITIES.items()}

ON_DEVICES: Mapping[str, EntityType] = {name: each for name, each in ENTITIES.items() if each.home != OFFICE}
"""The entities that devices know; what is left out stays on the server."""


def fact(entity: str, event_type: str) -> Fact | None:
    """The fact that an event of this type tells about an entity of that type, or None where nobody declared it."""
    return FACTS.get(entity, {}).get(event_type)


def entity_type(name: str) -> EntityType | None:
    """The declared entity of that name, or None."""
    return ENTITIES.get(name)
