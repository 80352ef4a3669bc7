"""Who is granted what, as data: which entities let in the people they name, and what a job leads to.

A scope is what people are let into as a whole, such as `work_order:<id>` with its visits and evidence. A grant follows
from events and is never written by hand: somebody is sent to a job, and so sees the job, its customer and its site.
"""

from collections.abc import Mapping
from typing import Final

EVERYBODYS: Final = "catalog"
"""The scope that nobody needs a grant for."""

LETS_IN: Final[Mapping[str, tuple[str, ...]]] = {"visit": ("assignee_id", "crew")}
"""By entity type, the fields whose people are granted the scope that the entity lives in, as long as they are named.
Of names that contradict each other all count, until somebody decides."""

LEADS_TO: Final[Mapping[str, Mapping[str, str]]] = {
    "work_order": {"customer_id": "customer", "site_id": "site"},
}
"""By entity type, the kinds of scope that whoever may see it may see too, by the field that names them. Such a field is
fixed at creation, so what one scope leads to never changes."""

GIVEN_TO_CREATOR: Final = "own"
"""Whoever brings an entity with this home into being is granted its scope for good."""
