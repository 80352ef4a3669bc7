"""What a refused order is answered: the name of the refusal is the kind of problem, which says the status."""

import re
from typing import Any, Final

from api.problem import Problem
from api.problem_types import PROBLEM_TYPES
from commands.order_refusals import OrderRefused

_BETWEEN_WORDS: Final = re.compile("(?<!^)(?=[A-Z])")


def kind_of(refusal: type[OrderRefused]) -> str:
    """`illegal-move` of IllegalMove."""
    return _BETWEEN_WORDS.sub("-", refusal.__name__).lower()


def problem_of(refusal: OrderRefused, **members: Any) -> Problem:
    """The problem that tells it, with what else is to be said."""
    kind = kind_of(type(refusal))
    return Problem(PROBLEM_TYPES[kind].status, kind, f"{refusal.detail}.", hint=refusal.hint, **members)
