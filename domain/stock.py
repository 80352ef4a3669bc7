"""What is used up: parts, where they lie, and how many were taken."""

from dataclasses import dataclass
from typing import Annotated, Literal

from domain.entity import Record, entity
from domain.merge_policy import AddWins, Ask, Latest, Log, Ref, Sum
from domain.values import Decimal, EntityId, Instant, Line, Word


@entity("part", home="catalog")
@dataclass(frozen=True, slots=True, kw_only=True)
class Part(Record):
    """Something on the price list."""

    sku: Annotated[Word, Ask()]
    name: Annotated[Line, Ask()]
    unit: Annotated[Word | None, Latest()] = None
    unit_cost: Annotated[Decimal | None, Ask()] = None
    currency: Annotated[Word | None, Latest()] = None
    barcode: Annotated[frozenset[Word], AddWins()] = frozenset()


@entity("stock_location", home="catalog")
@dataclass(frozen=True, slots=True, kw_only=True)
class StockLocation(Record):
    """A warehouse or a van; how much lies there follows from the uses of parts that name it."""

    name: Annotated[Line, Ask()]
    kind: Annotated[Literal["warehouse", "van"], Ref()]
    owner_id: Annotated[EntityId | None, Ask()] = None


@entity("part_use", home="work_order:work_order_id")
@dataclass(frozen=True, slots=True, kw_only=True)
class PartUse(Record):
    """Parts taken for a job: a positive quantity was used, a negative one went back."""

    work_order_id: Annotated[EntityId, Ref()]
    visit_id: Annotated[EntityId | None, Ref()] = None
    part_id: Annotated[EntityId, Ref()]
    stock_location_id: Annotated[EntityId | None, Ref()] = None
    quantity: Annotated[Decimal, Sum()]
    used_at: Annotated[Instant | None, Log()] = None
    serial: Annotated[Line | None, Log()] = None
    reversal_of: Annotated[EntityId | None, Ref()] = None
