"""The names under which the types of values are declared, for whoever writes them down in another language."""

import sys
from collections.abc import Iterator
from types import ModuleType, UnionType
from typing import Annotated, Any, Final, Literal, Union, get_origin, is_typeddict

from domain import values
from domain.catalogue import DECLARATIONS
from sync import envelope

_MODULES: Final = (values, *(sys.modules[each.__module__] for each in DECLARATIONS), envelope)


def _named(module: ModuleType) -> Iterator[tuple[str, Any]]:
    for name, hint in vars(module).items():
        if not name.startswith("_") and (
            is_typeddict(hint) or get_origin(hint) in (Annotated, Literal, Union, UnionType)
        ):
            yield name, hint


def _names() -> dict[Any, str]:
    names: dict[Any, list[str]] = {}
    for module in _MODULES:
        for name, hint in _named(module):
            known = names.setdefault(hint, [])
            if name not in known:
                known.append(name)
    return {hint: "Or".join(sorted(known)) for hint, known in names.items()}


HINT_NAMES: Final = _names()
"""Each declared type by its name; two names for one and the same type, such as metres and minutes, are one name."""
