"""A deed in a process of its own, whose memory goes with it: who has made up some thousand requests takes gigabytes."""

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from cairnfield.failure import CannotGoOn

Told = TypeVar("Told")
Found = TypeVar("Found")


def apart(deed: Callable[[Told], Found], told: Told, *, who: str) -> Found:
    """What the deed finds; raises what it raises, and CannotGoOn where its process was killed."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as alone:
        try:
            return alone.submit(deed, told).result()
        except BrokenProcessPool as broken:
            raise CannotGoOn(
                f"The process that asked as {who} was killed, as happens where memory runs out: "
                "nothing is proven. Ask for fewer requests."
            ) from broken
