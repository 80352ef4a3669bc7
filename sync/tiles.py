"""The tree's hashes in tiles, as C2SP `tlog-tiles` cuts them: 256 side by side, eight levels at a time.

Tile (0, n) holds the hashes of leaves from 256 n on, tile (1, n) the roots over tiles of level 0, and so on. A full
tile never changes, and the last one of each level only grows: whoever has kept one has kept it for good.
"""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from sync.merkle import HASH_BYTES, Nodes, node_hash

HEIGHT: Final = 8
WIDTH: Final = 1 << HEIGHT
TILE_BYTES: Final = WIDTH * HASH_BYTES
LEVELS_MAX: Final = 7
"""More levels than a log of 2**53 events has."""

Tiles = Callable[[int, int], bytes]
"""(level, number) -> the hashes of a tile so far, one after the other; empty where there is none yet."""


class Tile(NamedTuple):
    """A tile with what it holds so far."""

    level: int
    number: int
    hashes: bytes


class TileMissing(LookupError):
    """A hash is asked for that lies in a tile that is not there, or not that wide yet."""

    def __init__(self, level: int, number: int) -> None:
        super().__init__(f"tile {number} of level {level} is missing, or holds too little")


def nodes_over(tiles: Tiles) -> Nodes:
    """The complete subtrees of a tree that is kept in tiles; each tile is asked for once. Raises TileMissing."""
    known: dict[tuple[int, int], bytes] = {}

    def node(level: int, index: int) -> bytes:
        row, height = divmod(level, HEIGHT)
        first = index << height
        number, offset = divmod(first, WIDTH)
        if (row, number) not in known:
            known[row, number] = tiles(row, number)
        width = 1 << height
        hashes = split(known[row, number])[offset : offset + width]
        if len(hashes) < width:
            raise TileMissing(row, number)
        return _folded(hashes)

    return node


def grown(size: int, tiles: Tiles, leaves: Sequence[bytes]) -> list[Tile]:
    """The tiles that change, whole, when these hashes of leaves come to a tree of `size` leaves kept in tiles."""
    changed: list[Tile] = []
    level, hashes = 0, list(leaves)
    while hashes:
        number, offset = divmod(size >> HEIGHT * level, WIDTH)
        begun = split(tiles(level, number))[:offset] if offset else []
        if len(begun) < offset:
            raise TileMissing(level, number)
        hashes = [*begun, *hashes]
        runs = [hashes[start : start + WIDTH] for start in range(0, len(hashes), WIDTH)]
        changed += [Tile(level, number + place, b"".join(run)) for place, run in enumerate(runs)]
        hashes = [_folded(run) for run in runs if len(run) == WIDTH]
        level += 1
    return changed


def widths_of(size: int) -> dict[int, tuple[int, int]]:
    """By level, (full tiles, hashes in the one after them) of a tree of that size."""
    found: dict[int, tuple[int, int]] = {}
    level = 0
    while size:
        found[level] = divmod(size, WIDTH)
        size, level = size >> HEIGHT, level + 1
    return found


def split(hashes: bytes) -> list[bytes]:
    """The hashes of a tile, each by itself."""
    return [hashes[start : start + HASH_BYTES] for start in range(0, len(hashes), HASH_BYTES)]


def _folded(hashes: Sequence[bytes]) -> bytes:
    level = list(hashes)
    while len(level) > 1:
        level = [node_hash(left, right) for left, right in zip(level[::2], level[1::2], strict=True)]
    return level[0]
