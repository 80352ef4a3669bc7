"""A view of the read model: what is shown of several tables at once, and what each column of it means.

A view is made twice: in `rpt_in_full` with every column, and in `rpt` without what may tell of a person.
"""

from dataclasses import dataclass
from typing import Final, LiteralString, NamedTuple

from domain.catalogue import ENTITIES
from projections.columns import columns_of
from projections.projection import Column, Field


class Shown(NamedTuple):
    """One column of a view."""

    name: LiteralString
    type: str
    expression: LiteralString
    comment: str
    shows: Field | None = None
    """The field whose value it shows, which decides who may see it."""
    personal: bool = False

    @property
    def column(self) -> Column:
        """What readers are told of it."""
        return Column(self.name, self.type, self.comment, True, self.shows, self.personal)


class Source(NamedTuple):
    """A table as views name it that are made of it; its columns are those of an entity."""

    alias: LiteralString
    entity: str

    def field(self, field: LiteralString, comment: str, *, name: LiteralString | None = None) -> Shown:
        """A field of the entity in a column of its name, or of another: its type, and who may see it, follow from its
        declaration."""
        kind = next(each.type for each in columns_of(ENTITIES[self.entity]) if each.name == field)
        return Shown(name or field, kind, f"{self.alias}.{field}", comment, (self.entity, field))


JOB: Final = Source("job", "work_order")
VISIT: Final = Source("visit", "visit")
NEXT: Final = Source("next", "visit")
CUSTOMER: Final = Source("customer", "customer")
SITE: Final = Source("site", "site")
PERSON: Final = Source("person", "person")
ASIDE: Final = Source("aside", "case")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class View:
    """A view over the tables of one version; `tenant` stands in front of its columns."""

    name: LiteralString
    comment: str
    columns: tuple[Shown, ...]
    tenant: LiteralString
    """The expression of the tenant."""
    source: LiteralString
    """Everything from FROM on. It names tables of the read model alone, and joins each by the tenant too."""
