"""A body is refused while it arrives: who sends on and on is not listened to to the end."""

import asyncio
import gzip
import zlib
from collections.abc import Iterator, MutableMapping
from itertools import chain, count, repeat
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


def test_b2_a_bomb_is_refused_at_its_first_piece() -> None:
    bomb = gzip.compress(b"x" * 50_000_000)
    sender = Sender(PACKED, pieces=(bomb[65_536 * n : 65_536 * (n + 1)] for n in count()))
    assert sender.refusal().status == 413
    assert sender.heard == 1
