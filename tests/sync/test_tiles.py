"""Tiles hold the hashes of the tree, however it grew, and are named as C2SP says."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync.merkle import appended, consistency_proof, inclusion_proof, leaf_hash, root_at, root_of
from sync.tiles import TILE_BYTES, WIDTH, TileMissing, grown, nodes_over, split, widths_of
from tests.sync.test_merkle import hashes
from tests.sync.test_merkle import nodes_over as plain_nodes


class Shelf:
    """Tiles as they are kept: one that is there only grows."""

    def __init__(self) -> None:
        self.tiles: dict[tuple[int, int], bytes] = {}
        self.size = 0

    def tile(self, level: int, number: int) -> bytes:
        return self.tiles.get((level, number), b"")

    def grow(self, leaves: list[bytes]) -> None:
        for level, number, held in grown(self.size, self.tile, leaves):
            assert held.startswith(self.tile(level, number)), "a tile only grows"
            self.tiles[level, number] = held
        self.size += len(leaves)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(1, 700), min_size=1, max_size=6))
def test_tiles_come_to_the_same_however_the_leaves_came(batches: list[int]) -> None:
    told, shelf = hashes(sum(batches)), Shelf()
    for count in batches:
        shelf.grow(told[shelf.size : shelf.size + count])
    at_once = Shelf()
    at_once.grow(told)
    assert shelf.tiles == at_once.tiles
    assert {(level, *divmod(size, WIDTH)) for level, size in sizes(shelf).items()} == {
        (level, *each) for level, each in widths_of(shelf.size).items() if each != (0, 0)
    }
    assert root_at(shelf.size, nodes_over(shelf.tile)) == root_of(appended(0, [], told))


def sizes(shelf: Shelf) -> dict[int, int]:
    held: dict[int, int] = {}
    for (level, _), hashes_ in shelf.tiles.items():
        held[level] = held.get(level, 0) + len(split(hashes_))
    return held


def test_proofs_from_tiles_are_those_of_the_whole_tree() -> None:
    told, shelf = hashes(1_100), Shelf()
    shelf.grow(told)
    nodes, plain = nodes_over(shelf.tile), plain_nodes(told)
    for index, size in ((0, 1), (0, 256), (255, 257), (256, 257), (511, 1_000), (700, 1_100), (1_099, 1_100)):
        assert inclusion_proof(index, size, nodes) == inclusion_proof(index, size, plain)
    for old, new in ((1, 256), (255, 256), (256, 1_100), (257, 1_024), (1_000, 1_100)):
        assert consistency_proof(old, new, nodes) == consistency_proof(old, new, plain)


def test_a_tile_that_is_missing_or_too_short_is_named() -> None:
    shelf = Shelf()
    shelf.grow(hashes(600))
    with pytest.raises(TileMissing, match="tile 2 of level 0"):
        nodes_over(shelf.tile)(0, 600)
    del shelf.tiles[0, 1]
    with pytest.raises(TileMissing, match="tile 1 of level 0"):
        inclusion_proof(300, 600, nodes_over(shelf.tile))
    shelf.tiles[0, 2] = shelf.tiles[0, 2][:32]
    with pytest.raises(TileMissing, match="tile 2 of level 0"):
        grown(600, shelf.tile, [leaf_hash(b"x")])


def test_a_full_tile_is_8_kib() -> None:
    shelf = Shelf()
    shelf.grow(hashes(256))
    assert [len(each) for each in shelf.tiles.values()] == [TILE_BYTES, 32] == [8_192, 32]
