"""JSON Schema of what an event's data may hold, worked out from the same declarations that validate it.

Two limits have no JSON Schema and are kept by the server alone: that a moment or day exists in the calendar, and that
the keys of free pairs ascend.
"""

from typing import Any, Final

from pydantic import TypeAdapter

from domain.entity import EntityType
from domain.facts import Fact
from sync.payload import schema_of

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def data_schema(entity: EntityType, fact: Fact) -> dict[str, Any]:
    """The document that describes the `data` of one type of event on one type of entity."""
    adapter: TypeAdapter[dict[str, Any]] = TypeAdapter(schema_of(entity, fact))
    return {"$schema": DIALECT, **adapter.json_schema(), "title": f"{entity.name} {fact.name}, version {fact.version}"}
