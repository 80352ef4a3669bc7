"""A body is refused while it arrives: who sends on and on is not listened to to the end."""

import asyncio
import gzip
import tracemalloc
import zlib
from collections.abc import Iterator, MutableMapping
from itertools import chain, repeat
from random import Random
from typing import Any, Final

import pytest
from fastapi import Request

from api.body import read_body
from api.problem import Problem
from sync.limits import PUSH_BYTES_MAX

EMPTY_BLOCK: Final = b"\x00\x00\x00\xff\xff"
"""Deflate for nothing, and more to come."""
OPENED: Final = (packer := zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS)).compress(b"") + packer.flush(
    zlib.Z_FULL_FLUSH
)


class Sender:
    """A request whose body has no end; it counts the pieces that were listened to."""

    def __init__(self, *headers: tuple[bytes, bytes], pieces: Iterator[bytes]) -> None:
        self.heard, self._pieces = 0, pieces
        self.request = Request({"type": "http", "method": "POST", "headers": list(headers)}, self._receive)

    async def _receive(self) -> MutableMapping[str, Any]:
        self.heard += 1
        assert self.heard < 1_000, "somebody listens for ever"
        return {"type": "http.request", "body": next(self._pieces), "more_body": True}

    def refusal(self) -> Problem:
        with pytest.raises(Problem) as refused:
            asyncio.run(read_body(self.request))
        return refused.value


PACKED: Final = (b"content-encoding", b"gzip")


def test_b1_a_body_without_an_end_is_heard_to_its_bound() -> None:
    sender = Sender(pieces=repeat(b"x" * 65_536))
    assert sender.refusal().kind == "body-too-large"
    assert sender.heard == PUSH_BYTES_MAX // 65_536 + 1


def test_b2_what_goes_on_after_the_end_of_the_gzip_is_not_kept() -> None:
    sender = Sender(PACKED, pieces=chain([gzip.compress(b"{}")], repeat(b"\x00" * 65_536)))
    assert sender.refusal().kind == "not-gzip"
    assert sender.heard == 2


def test_b2_a_gzip_of_nothing_without_an_end_is_heard_to_its_bound() -> None:
    piece = EMPTY_BLOCK * 10_000
    sender = Sender(PACKED, pieces=chain([OPENED], repeat(piece)))
    assert sender.refusal().kind == "body-too-large"
    assert sender.heard <= PUSH_BYTES_MAX // len(piece) + 2


MEGABYTE: Final = 1_000_000
BOMB_MEGABYTES: Final = (10, 100, 1_000, 10_000)


def bomb(megabytes: int) -> tuple[bytes, bytes, int]:
    """How a gzip begins, what follows, and how often, for so much of nothing: a thousandth of it on the wire."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    begin = packer.compress(bytes(MEGABYTE)) + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(bytes(MEGABYTE)) + packer.flush(zlib.Z_FULL_FLUSH)
    return begin, block, megabytes - 1


def test_the_bombs_are_as_large_as_they_say() -> None:
    begin, block, often = bomb(10)
    assert len(zlib.decompressobj(16 + zlib.MAX_WBITS).decompress(begin + block * often)) == 10 * MEGABYTE
    assert len(block) < MEGABYTE // 900


@pytest.mark.parametrize("megabytes", BOMB_MEGABYTES)
def test_b2_a_bomb_of_whatever_size_is_refused_at_its_first_piece_and_fills_no_memory(megabytes: int) -> None:
    begin, block, often = bomb(megabytes)
    sender = Sender(PACKED, pieces=chain([begin], repeat(block, often)))
    tracemalloc.start()
    try:
        assert sender.refusal().status == 413
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert sender.heard == 1
    assert peak < 4 * PUSH_BYTES_MAX


@pytest.mark.parametrize("megabytes", BOMB_MEGABYTES)
def test_b2_a_bomb_that_comes_in_large_pieces_is_unpacked_to_the_bound_and_no_further(megabytes: int) -> None:
    begin, block, often = bomb(megabytes)
    piece = begin + block * min(often, 999)  # a megabyte on the wire is a billion unpacked
    sender = Sender(PACKED, pieces=chain([piece], repeat(block * 1_000)))
    tracemalloc.start()
    try:
        assert sender.refusal().kind in ("packed-too-tightly", "body-too-large")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert sender.heard == 1
    assert peak < 4 * PUSH_BYTES_MAX


def test_b2_a_bomb_that_begins_harmlessly_is_refused_at_the_piece_that_shows_it() -> None:
    """Random bytes do not pack: so much of them goes before that the ratio alone would let ten times more through."""
    packer, honest = zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS), 64
    pieces = [packer.compress(Random(n).randbytes(2_048)) + packer.flush(zlib.Z_FULL_FLUSH) for n in range(honest)]
    nothing = packer.compress(bytes(MEGABYTE)) + packer.flush(zlib.Z_FULL_FLUSH)
    sender = Sender(PACKED, pieces=chain(pieces, repeat(nothing)))
    assert sender.refusal().kind == "body-too-large"
    assert sender.heard == honest + 1
