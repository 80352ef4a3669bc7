"""Whatever is changed in a log, the check names the first position; the oracle is whoever changed it."""

from collections.abc import Sequence
from random import Random
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync.leaf import leaf_of
from sync.log_check import Finding, LogCheck, Signed
from sync.merkle import appended, leaf_hash, root_of
from sync.tiles import Tiles
from tests.infra.event_logs import events
from tests.sync.test_merkle import hashes
from tests.sync.test_tiles import Shelf

EVENTS: Final = 100
FLIPS: Final = 400
"""Of the 167,744 bits of these events; all of them were flipped once by hand, and all were named."""


def tiled(leaves: Sequence[bytes]) -> Shelf:
    shelf = Shelf()
    shelf.grow(list(leaves))
    return shelf


def signed(leaves: Sequence[bytes], *sizes: int) -> list[Signed]:
    return [Signed(size, root_of(appended(0, [], leaves[:size])), f"the one over {size}") for size in sizes]


def checked(
    leaves: Sequence[bytes], tiles: Tiles, kept: Sequence[Signed], *, upto: int | None = None, step: int = 64
) -> Finding | None:
    """What a check finds in a log that has these leaves now; its head is whatever fits the checkpoints' log."""
    check = LogCheck(upto=len(leaves) if upto is None else upto, tiles=tiles, signed=kept)
    for begin in range(0, len(leaves), step):
        if not check.take(leaves[begin : begin + step]):
            return check.finding
    check.end(check.frontier)
    return check.finding


def place(finding: Finding | None) -> tuple[str, int, int]:
    assert finding is not None
    assert finding.text
    return finding[:3]


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 900), st.lists(st.integers(1, 900), max_size=5), st.integers(1, 300))
def test_a_log_that_was_not_touched_is_found_so(size: int, sizes: list[int], step: int) -> None:
    leaves = hashes(size)
    kept = signed(leaves, *(each for each in sizes if each <= size))
    assert checked(leaves, tiled(leaves).tile, kept, step=step) is None


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_an_event_that_was_changed_is_named(data: st.DataObject) -> None:
    leaves = hashes(data.draw(st.integers(1, 700)))
    touched = data.draw(st.integers(1, len(leaves)))
    sizes = {data.draw(st.integers(touched, len(leaves))), data.draw(st.integers(1, len(leaves)))}
    now = [*leaves]
    now[touched - 1] = leaf_hash(b"changed")
    step = data.draw(st.integers(1, 300))
    assert place(checked(now, tiled(leaves).tile, signed(leaves, *sizes), step=step)) == ("event", touched, touched)


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_a_tile_that_was_changed_is_told_from_an_event(data: st.DataObject) -> None:
    leaves = hashes(data.draw(st.integers(2, 700)))
    shelf = tiled(leaves)
    touched = data.draw(st.integers(1, len(leaves)))
    number, offset = divmod(touched - 1, 256)
    held = bytearray(shelf.tiles[0, number])
    held[32 * offset] ^= 1
    shelf.tiles[0, number] = bytes(held)
    kept = signed(leaves, len(leaves))
    assert place(checked(leaves, shelf.tile, kept)) == ("tile", touched, touched)


def test_a_tile_above_that_was_changed_is_found() -> None:
    leaves = hashes(1_100)
    for entry in range(4):
        shelf = tiled(leaves)
        held = bytearray(shelf.tiles[1, 0])
        held[32 * entry] ^= 1
        shelf.tiles[1, 0] = bytes(held)
        what, first, last = place(checked(leaves, shelf.tile, signed(leaves, 1_100)))
        assert what == "tile"
        assert first <= 256 * entry + 1 <= 256 * (entry + 1) <= last


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_history_that_was_written_anew_with_its_tiles_lies_between_two_checkpoints(data: st.DataObject) -> None:
    leaves = hashes(data.draw(st.integers(3, 700)))
    touched = data.draw(st.integers(2, len(leaves)))
    before, after = data.draw(st.integers(1, touched - 1)), data.draw(st.integers(touched, len(leaves)))
    now = [*leaves]
    now[touched - 1] = leaf_hash(b"changed")
    finding = checked(now, tiled(now).tile, signed(leaves, before, after))
    assert place(finding) == ("history", before + 1, after)
    assert "do not fit the one over" in finding.text if finding else False


def test_a_tail_that_was_cut_off_is_found_by_any_checkpoint_that_reaches_into_it() -> None:
    leaves = hashes(300)
    for end in (0, 1, 255, 256, 299):
        now = leaves[:end]
        assert place(checked(now, tiled(now).tile, signed(leaves, 20, 300)))[:2] == ("event", end + 1)


def test_the_head_alone_holds_what_came_after_the_last_checkpoint() -> None:
    leaves = hashes(300)
    now = [*leaves]
    now[280] = leaf_hash(b"changed")
    check = LogCheck(upto=300, tiles=tiled(leaves[:270]).tile, signed=signed(leaves, 270))
    assert check.take(now)
    check.end(appended(0, [], leaves))
    assert place(check.finding) == ("head", 271, 300)


def test_a_check_goes_on_where_another_came_to() -> None:
    leaves = hashes(700)
    shelf, kept = tiled(leaves), signed(leaves, 100, 650)
    first = LogCheck(upto=700, tiles=shelf.tile, signed=kept)
    assert first.take(leaves[:333])
    now = [*leaves]
    now[600] = leaf_hash(b"changed")
    again = LogCheck(upto=700, tiles=shelf.tile, signed=kept, size=first.size, frontier=first.frontier)
    assert not again.take(now[333:])
    assert place(again.finding) == ("event", 601, 601)


def test_every_bit_of_an_event_that_is_flipped_is_found_at_its_position() -> None:
    assert spoil_bits(Random(5), FLIPS) == FLIPS


def spoil_bits(dice: Random, flips: int | None) -> int:
    """Flip bits of a log of EVENTS events, one at a time, so many or all; returns how many were named rightly."""
    leaves = [leaf_of(row) for row in events(EVENTS)]
    told = [leaf_hash(leaf) for leaf in leaves]
    tile, kept = tiled(told).tile, signed(told, 40, EVENTS)
    bits = [(number, bit) for number, leaf in enumerate(leaves) for bit in range(8 * len(leaf))]
    named = 0
    for number, bit in bits if flips is None else dice.sample(bits, flips):
        spoiled = bytearray(leaves[number])
        spoiled[bit // 8] ^= 1 << bit % 8
        now = [*told[:number], leaf_hash(bytes(spoiled)), *told[number + 1 :]]
        named += place(checked(now, tile, kept, step=EVENTS)) == ("event", number + 1, number + 1)
    return named


@pytest.mark.parametrize("how", ["delete", "insert", "swap", "move"])
def test_whatever_is_done_to_the_order_is_found_where_it_begins(how: str) -> None:
    leaves, dice = hashes(300), Random(7)
    for _ in range(20):
        one, other = sorted(dice.sample(range(300), 2))
        now = [*leaves]
        match how:
            case "delete":
                del now[one]
            case "insert":
                now.insert(one, leaf_hash(b"inserted"))
            case "swap":
                now[one], now[other] = now[other], now[one]
            case _:
                now.insert(other, now.pop(one))
        finding = checked(now, tiled(leaves).tile, signed(leaves, 300), upto=300)
        assert place(finding)[1] == one + 1, (how, one, other, finding)
