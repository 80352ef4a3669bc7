"""The Merkle tree of RFC 6962 over hashes of leaves: its frontier, its root, its proofs and how they are checked.

A tree of n leaves is a row of complete subtrees, one for each bit of n, largest first. Their roots are the frontier:
all that an append needs, and all that the root follows from. Proofs read complete subtrees by (level, index): the one
over the leaves from index * 2**level on, 2**level of them.
"""

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Final

Nodes = Callable[[int, int], bytes]
"""(level, index) -> the root of that complete subtree; level 0 are hashes of leaves."""

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = sha256().digest()
_NODE: Final = b"\x01"


def leaf_hash(leaf: bytes) -> bytes:
    """The hash of a leaf's bytes, which can never be taken for that of a node."""
    return sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash over two subtrees."""
    return sha256(_NODE + left + right).digest()


def appended(size: int, frontier: Sequence[bytes], leaves: Sequence[bytes]) -> list[bytes]:
    """The frontier of a tree of `size` leaves once these hashes of leaves have come to it.

    Level by level over the whole batch, because this is done while a tenant's log is locked.
    """
    assert len(frontier) == size.bit_count(), "a frontier has one root for each bit of the size"
    before, after = list(frontier), list[bytes]()
    level, hashes = 0, list(leaves)
    while hashes or size >> level:
        if size >> level & 1:
            hashes.insert(0, before.pop())
        if len(hashes) & 1:
            after.append(hashes[-1])
        hashes = [
            sha256(_NODE + left + right).digest()
            for left, right in zip(hashes[::2], hashes[1::2], strict=False)  # an odd one stays where it is
        ]
        level += 1
    after.reverse()
    return after


def root_of(frontier: Sequence[bytes]) -> bytes:
    """The root of the tree that has this frontier."""
    if not frontier:
        return EMPTY_ROOT
    root = frontier[-1]
    for left in reversed(frontier[:-1]):
        root = node_hash(left, root)
    return root


def root_at(size: int, nodes: Nodes) -> bytes:
    """The root over the first `size` leaves."""
    return root_of([nodes(level, index) for level, index in _subtrees(0, size)])


def inclusion_proof(index: int, size: int, nodes: Nodes) -> list[bytes]:
    """The hashes that lead from the leaf at `index`, counted from 0, to the root of `size` leaves, lowest first."""
    assert 0 <= index < size, "a leaf lies within its tree"
    return _path(index, 0, size, nodes)


def consistency_proof(old: int, new: int, nodes: Nodes) -> list[bytes]:
    """The hashes that show that the tree of `new` leaves begins with that of `old`; none where there is nothing to
    show."""
    assert 0 <= old <= new, "a tree only grows"
    return [] if old in (0, new) else _subproof(old, 0, new, nodes, is_known=True)


def root_by_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes | None:
    """The root that a proof leads to from the hash of a leaf, or None for one that fits no such tree (RFC 9162,
    2.1.3.2)."""
    if not 0 <= index < size:
        return None
    place, last, root = index, size - 1, leaf
    for each in proof:
        if last == 0:
            return None
        if place & 1 or place == last:
            root = node_hash(each, root)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            root = node_hash(root, each)
        place, last = place >> 1, last >> 1
    return root if last == 0 else None


def is_consistent(old: int, old_root: bytes, new: int, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether a proof shows that the tree of `new` leaves begins with that of `old` (RFC 9162, 2.1.4.2)."""
    if old > new or old < 0:
        return False
    if old in (0, new):
        return not proof and (old_root == EMPTY_ROOT if old == 0 else old_root == new_root)
    if not proof:
        return False
    hashes = list(proof)
    if old & (old - 1) == 0:
        hashes.insert(0, old_root)
    place, last = old - 1, new - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    ours = theirs = hashes[0]
    for each in hashes[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            ours, theirs = node_hash(each, ours), node_hash(each, theirs)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            theirs = node_hash(theirs, each)
        place, last = place >> 1, last >> 1
    return last == 0 and ours == old_root and theirs == new_root


def _subtrees(begin: int, end: int) -> list[tuple[int, int]]:
    """(level, index) of the complete subtrees of the leaves from `begin`, where a complete one could, up to `end`."""
    found: list[tuple[int, int]] = []
    while begin < end:
        level = (end - begin).bit_length() - 1
        found.append((level, begin >> level))
        begin += 1 << level
    return found


def _root(begin: int, end: int, nodes: Nodes) -> bytes:
    return root_of([nodes(level, index) for level, index in _subtrees(begin, end)])


def _split(begin: int, end: int) -> int:
    """Where the tree over these leaves parts: after the largest power of two that is smaller than their number."""
    return begin + (1 << (end - begin - 1).bit_length() - 1)


def _path(index: int, begin: int, end: int, nodes: Nodes) -> list[bytes]:
    if end - begin == 1:
        return []
    middle = _split(begin, end)
    if index < middle:
        return [*_path(index, begin, middle, nodes), _root(middle, end, nodes)]
    return [*_path(index, middle, end, nodes), _root(begin, middle, nodes)]


def _subproof(old: int, begin: int, end: int, nodes: Nodes, *, is_known: bool) -> list[bytes]:
    if old == end:
        return [] if is_known else [_root(begin, end, nodes)]
    middle = _split(begin, end)
    if old <= middle:
        return [*_subproof(old, begin, middle, nodes, is_known=is_known), _root(middle, end, nodes)]
    return [*_subproof(old, middle, end, nodes, is_known=False), _root(begin, middle, nodes)]
