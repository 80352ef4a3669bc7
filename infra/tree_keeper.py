"""Brings the tiles of a log up to its head and has a checkpoint of it signed, when it is time for one.

The leaves are hashed anew from what the log holds now, and must come to the frontier that the appends have kept: an
event that was touched meanwhile, by whomever or by a disk, is not signed for.
"""

from collections.abc import Callable
from typing import Final

from infra.checkpoint_signer import CheckpointSigner, SigningRefused
from sync.checkpoint import SAID, Checkpoint, Origin, Stream
from sync.log import TenantId
from sync.merkle import consistency_proof, root_at, root_of
from sync.proof_shelf import Anchor, SignedRow, TreeShelf
from sync.tiles import grown, nodes_over

EVENTS_PER_CHECKPOINT: Final = 256
CHECKPOINT_AFTER_MS: Final = 60_000
"""A checkpoint is due after so many events, or so long after the one before."""
LEAVES_PER_STEP: Final = 8_192


class LogTouched(Exception):
    """The log does not hold any more what was appended to it; the text says what is known of where."""


class TreeKeeper:
    """Keeps the trees of all logs, or of all audits; safe to share between threads and processes, which then do some
    work twice."""

    def __init__(self, shelf: TreeShelf, signer: CheckpointSigner, *, now_ms: Callable[[], int]) -> None:
        self._shelf, self._signer, self._now_ms = shelf, signer, now_ms
        self._stream: Stream = shelf.stream
        self._said = SAID[self._stream]

    def keep_up(self, tenant: TenantId, *, at_once: bool = False) -> int | None:
        """Sign what is due; returns when to look again in milliseconds since 1970, or None for when it has grown.

        `at_once`: a checkpoint of whatever there is. Raises LogTouched, SigningRefused and LogUnavailable.
        """
        anchor, now_ms = self._shelf.anchor(tenant), self._now_ms()
        newest = self._shelf.newest(tenant, anchor.epoch)
        if anchor.position == (newest.size if newest else 0):
            return None
        if newest is not None and not at_once and anchor.position - newest.size < EVENTS_PER_CHECKPOINT:
            due_ms = newest.signed_at_ms + CHECKPOINT_AFTER_MS
            if now_ms < due_ms:
                return due_ms
        self._tile(tenant, anchor)
        self._sign(tenant, anchor, now_ms)
        return None

    def _tile(self, tenant: TenantId, anchor: Anchor) -> None:
        size = self._shelf.tiled(tenant)
        while size < anchor.position:
            upto = min(anchor.position, size + LEAVES_PER_STEP)
            leaves = self._shelf.leaf_hashes(tenant, after=size, upto=upto)
            if len(leaves) < upto - size:
                raise LogTouched(
                    f"The {self._said.whole} of tenant {tenant} lacks the {self._said.each} at position "
                    f"{size + len(leaves) + 1}."
                )
            tiles = grown(size, lambda level, number: self._shelf.tile(tenant, level, number), leaves)
            self._shelf.keep_tiles(tenant, tiles)
            size = upto

    def _sign(self, tenant: TenantId, anchor: Anchor, now_ms: int) -> None:
        nodes = nodes_over(lambda level, number: self._shelf.tile(tenant, level, number))
        root = root_at(anchor.position, nodes)
        if root != root_of(anchor.frontier):
            raise LogTouched(
                f"The {self._said.whole} of tenant {tenant} is not what was appended to it: its first "
                f"{anchor.position} {self._said.all} do not come to the frontier that the appends have kept. "
                "`cairn verify` says where it differs."
            )
        checkpoint = Checkpoint(Origin(tenant, anchor.epoch, self._stream), anchor.position, root)
        try:
            note = self._signer.sign(
                checkpoint,
                durable=anchor.durable,
                proofs=lambda size: consistency_proof(size, anchor.position, nodes),
            )
        except SigningRefused:
            if self._is_overtaken(tenant, anchor):
                return
            raise
        self._shelf.keep_signed(tenant, SignedRow(anchor.epoch, anchor.position, root, now_ms, note))

    def _is_overtaken(self, tenant: TenantId, anchor: Anchor) -> bool:
        """Whether another process has signed more of the log meanwhile, and the log still holds as much."""
        newest = self._signer.trust(tenant, self._stream).newest
        if newest is None or newest.origin.epoch != anchor.epoch or newest.size <= anchor.position:
            return False
        return self._shelf.anchor(tenant).position >= newest.size
