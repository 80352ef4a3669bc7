"""A Merkle tree of somebody else's making, by which ours is judged."""

from collections.abc import Iterable
from typing import Any

from pymerkle import InmemoryTree  # type: ignore[import-untyped]  # it has no types


def tree_of(leaves: Iterable[bytes]) -> Any:
    """A tree of pymerkle's over the bytes of leaves."""
    tree = InmemoryTree(algorithm="sha256")
    for leaf in leaves:
        tree.append_entry(leaf)
    return tree


def root_of(leaves: Iterable[bytes]) -> bytes:
    """The root that it comes to."""
    return bytes(tree_of(leaves).get_root())
