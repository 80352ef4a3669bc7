"""What older versions of a fact said otherwise: for every fact that has changed, the steps to its next version.

A stored event keeps its bytes for ever, so the version it was written in is read for ever too. A change to what an
event may say that would refuse or misread what was said before raises the fact's version by adding its steps here;
`sync.upcast` walks them and knows nothing of field service. A new optional field needs no new version.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

Value = None | bool | int | str
"""What a step can put in place of silence."""


@dataclass(frozen=True, slots=True)
class Rename:
    """The member at `path` is called `name` now."""

    path: str
    """Names from the data inwards with dots between (`items.kind`); a list on the way means each of its entries."""
    name: str


@dataclass(frozen=True, slots=True)
class Fill:
    """Where the member at `path` was not said, it meant `value`.

    Only for what its entity was born with: in an edit, a member that nobody said is a write that nobody made.
    """

    path: str
    value: Value


@dataclass(frozen=True, slots=True)
class Drop:
    """The member at `path` says nothing any more."""

    path: str


@dataclass(frozen=True, slots=True)
class Translate:
    """The texts at `path` are other words now: each key of `words` became its value, and every other text stayed."""

    path: str
    words: Mapping[str, str]


Step = Rename | Fill | Drop | Translate
"""Every step there is; code that walks them matches on this union and ends with `assert_never`."""

UPCASTS: Final[Mapping[tuple[str, str], tuple[tuple[Step, ...], ...]]] = {
    ("checklist_template", "Created"): (
        # Who writes a checklist asks a question that is answered by yes or no, and says what a reading must be at
        # least and at most; version 1 said so in a programmer's words.
        (
            Translate("items.kind", {"bool": "yes_no"}),
            Rename("items.smallest", "at_least"),
            Rename("items.largest", "at_most"),
        ),
    ),
}
"""(entity, event type) → the steps from version 1 to 2, from 2 to 3, and so on; a fact that is not here is at 1."""
