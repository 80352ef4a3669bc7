"""The Merkle tree agrees with the published vectors of RFC 6962's authors, with pymerkle, and with itself."""

from collections.abc import Sequence
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.merkle import (
    EMPTY_ROOT,
    Nodes,
    appended,
    consistency_proof,
    inclusion_proof,
    is_consistent,
    leaf_hash,
    node_hash,
    root_at,
    root_by_inclusion,
    root_of,
)
from tests.sync import oracle_tree

# From `merkletree/merkle_tree_test.cc` of Certificate Transparency, which RFC 6962 describes: eight leaves, and the
# root after each.
LEAVES: Final = [
    bytes.fromhex(each)
    for each in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS: Final = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
PATHS: Final = {
    (1, 1): [],
    (1, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (6, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (3, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
    (2, 5): [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
"""(number of the leaf, size) as the tests there count them."""
PROOFS: Final = {
    (1, 1): [],
    (1, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 5): [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}


def plain(count: int) -> list[bytes]:
    return [b"leaf %d" % number for number in range(count)]


def hashes(count: int) -> list[bytes]:
    return [leaf_hash(each) for each in plain(count)]


def nodes_over(leaves: Sequence[bytes]) -> Nodes:
    """Every complete subtree, hashed the plain way; one that is not complete is a KeyError."""
    known = {(0, index): leaf for index, leaf in enumerate(leaves)}
    for level in range(1, len(leaves).bit_length()):
        for index in range(len(leaves) >> level):
            known[level, index] = node_hash(known[level - 1, 2 * index], known[level - 1, 2 * index + 1])
    return lambda level, index: known[level, index]


def root_over(leaves: Sequence[bytes]) -> bytes:
    return root_of(appended(0, [], leaves))


def test_the_published_roots() -> None:
    assert EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert root_of([]) == EMPTY_ROOT
    told = [leaf_hash(each) for each in LEAVES]
    assert [root_over(told[:size]).hex() for size in range(1, 9)] == ROOTS


@pytest.mark.parametrize(("number", "size"), PATHS)
def test_the_published_inclusion_proofs(number: int, size: int) -> None:
    told = [leaf_hash(each) for each in LEAVES]
    proof = inclusion_proof(number - 1, size, nodes_over(told))
    assert [each.hex() for each in proof] == PATHS[number, size]
    assert root_by_inclusion(told[number - 1], number - 1, size, proof) == bytes.fromhex(ROOTS[size - 1])


@pytest.mark.parametrize(("old", "new"), PROOFS)
def test_the_published_consistency_proofs(old: int, new: int) -> None:
    proof = consistency_proof(old, new, nodes_over([leaf_hash(each) for each in LEAVES]))
    assert [each.hex() for each in proof] == PROOFS[old, new]
    assert is_consistent(old, bytes.fromhex(ROOTS[old - 1]), new, bytes.fromhex(ROOTS[new - 1]), proof)


@given(st.lists(st.integers(0, 40), max_size=8))
def test_a_frontier_does_not_depend_on_how_the_leaves_came(batches: list[int]) -> None:
    told, frontier, size = hashes(sum(batches)), list[bytes](), 0
    for count in batches:
        frontier = appended(size, frontier, told[size : size + count])
        size += count
        assert len(frontier) == size.bit_count()
    assert frontier == appended(0, [], told)
    assert root_of(frontier) == (oracle_tree.root_of(plain(size)) if size else EMPTY_ROOT)


def test_proofs_of_every_small_tree_are_those_of_pymerkle() -> None:
    count = 33
    told, tree, nodes = hashes(count), oracle_tree.tree_of(plain(count)), nodes_over(hashes(count))
    roots = [root_over(told[:size]) for size in range(count + 1)]
    for size in range(1, count + 1):
        assert root_at(size, nodes) == roots[size] == bytes(tree.get_root(size))
        for index in range(size):
            proof = inclusion_proof(index, size, nodes)
            theirs = tree.prove_inclusion(index + 1, size)
            assert proof == theirs.path[1:], (index, size)
            assert root_by_inclusion(told[index], index, size, proof) == roots[size]
        for old in range(1, size + 1):
            proof = consistency_proof(old, size, nodes)
            assert is_consistent(old, roots[old], size, roots[size], proof), (old, size)
            tree.prove_consistency(old, size).verify(roots[old], roots[size])


@given(st.data())
def test_a_proof_holds_for_its_own_leaf_place_and_root_alone(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 200))
    index = data.draw(st.integers(0, size - 1))
    told = hashes(size)
    proof, root = inclusion_proof(index, size, nodes_over(told)), root_over(told)
    assert root_by_inclusion(told[index], index, size, proof) == root
    spoiled = data.draw(st.integers(-1, len(proof) - 1))
    wrong = [*proof]
    if spoiled >= 0:
        wrong[spoiled] = leaf_hash(wrong[spoiled])
        assert root_by_inclusion(told[index], index, size, wrong) != root
    assert root_by_inclusion(leaf_hash(b"another"), index, size, proof) != root
    assert root_by_inclusion(told[index], index, size, [*proof, root]) is None
    assert root_by_inclusion(told[index], size, size, proof) is None
    if proof:
        assert root_by_inclusion(told[index], index, size, proof[:-1]) != root
    elsewhere = data.draw(st.integers(0, size - 1))
    if elsewhere != index:
        assert root_by_inclusion(told[index], elsewhere, size, proof) != root


@given(st.data())
def test_no_proof_connects_a_tree_with_one_that_was_rewritten(data: st.DataObject) -> None:
    new = data.draw(st.integers(2, 150))
    old = data.draw(st.integers(1, new))
    touched = data.draw(st.integers(0, old - 1))
    told = hashes(new)
    rewritten = [*told]
    rewritten[touched] = leaf_hash(b"rewritten")
    proof = consistency_proof(old, new, nodes_over(rewritten))
    assert is_consistent(old, root_over(rewritten[:old]), new, root_over(rewritten), proof)
    assert not is_consistent(old, root_over(told[:old]), new, root_over(rewritten), proof)
    honest = consistency_proof(old, new, nodes_over(told))
    assert not is_consistent(old, root_over(told[:old]), new, root_over(rewritten), honest)


def test_a_tree_is_consistent_with_nothing_with_itself_and_not_with_a_longer_one() -> None:
    told = hashes(5)
    root = root_over(told)
    assert is_consistent(0, EMPTY_ROOT, 5, root, [])
    assert not is_consistent(0, root, 5, root, [])
    assert is_consistent(5, root, 5, root, [])
    assert not is_consistent(5, root, 5, leaf_hash(b"x"), [])
    assert not is_consistent(5, root, 5, root, [root])
    assert not is_consistent(5, root, 3, root_over(told[:3]), [])
    assert not is_consistent(3, root_over(told[:3]), 5, root, [])
    assert not is_consistent(-1, root, 5, root, [])


def test_the_proof_of_one_event_in_a_million_is_small() -> None:
    for size in (1_000_000, 1 << 20):
        assert 32 * len(inclusion_proof(0, size, lambda level, index: b"%d %d" % (level, index))) <= 640
