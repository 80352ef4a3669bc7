"""A view of the read model: what is shown of several tables at once, and what each column of it means.

A view is made twice: in `rpt_in_full` with every column, and in `rpt` without what may tell of a person.
"""

from dataclasses import dataclass
from typing import LiteralString, NamedTuple

from projections.projection import Column, Field


class Shown(NamedTuple):
    """One column of a view."""

    name: LiteralString
    type: LiteralString
    expression: LiteralString
    comment: str
    shows: Field | None = None
    """The field whose value it shows, which decides who may see it."""
    personal: bool = False

    @property
    def column(self) -> Column:
        """What readers are told of it."""
        return Column(self.name, self.type, self.comment, True, self.shows, self.personal)


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
