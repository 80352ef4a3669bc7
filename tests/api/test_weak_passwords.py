"""New passwords that are chosen at the same time are each judged by whose they are."""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import pytest

from api.problem import Problem
from api.v1.people import hashed_if_strong

NAMES: Final = ("Imke Janssen", "Oluwaseun Adebayo", "Thorvald Gunnarsson", "Xiomara Quispe")
NOBODY_HASHES: Any = None


@pytest.fixture
def hurry() -> Iterator[None]:
    """Threads take turns as often as can be."""
    before_s = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before_s)


@pytest.mark.usefixtures("hurry")
def test_ones_own_name_is_weak_whoever_else_chooses_meanwhile() -> None:
    def choose(name: str) -> str:
        with pytest.raises(Problem) as told:
            hashed_if_strong(f"{name} {name[:4]}", "x@harbour.example", name, NOBODY_HASHES)
        return told.value.kind

    with ThreadPoolExecutor(len(NAMES)) as pool:
        assert {*pool.map(choose, NAMES * 25)} == {"weak-password"}
