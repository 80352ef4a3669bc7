"""What every bundle of evidence stands on: the newest checkpoint of a stream, the keys that sign, and its tree."""

import base64
from collections.abc import Sequence
from typing import Final, NamedTuple

import orjson

from sync.checkpoint import SAID, Origin, VerifierKey
from sync.log import TenantId
from sync.merkle import Nodes, consistency_proof, inclusion_proof
from sync.proof_shelf import SignedRow, TreeShelf
from sync.tiles import nodes_over

OLDER_MAX: Final = 20
"""Earlier checkpoints that the stream is shown to continue."""


class EvidenceMissing(LookupError):
    """There is no such bundle; the text says why, for a person. `kind` is the problem's, where it has one."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(text)
        self.kind = kind


class Frame(NamedTuple):
    """What a bundle proves things by."""

    newest: SignedRow
    keys: Sequence[VerifierKey]
    nodes: Nodes
    older: Sequence[int]
    """Sizes of checkpoints that somebody has kept."""

    def inclusion(self, position: int) -> list[str]:
        """The hashes that lead from what stands at a position to the root of the checkpoint, in base64."""
        return _texts(inclusion_proof(position - 1, self.newest.size, self.nodes))

    def files(self, readme: str, page: str, name: str, lines: Sequence[bytes]) -> dict[str, bytes]:
        """The files of a bundle, by name: what is to be read, the lines under their name, and what proves them."""
        shown = {
            str(size): _texts(consistency_proof(size, self.newest.size, self.nodes))
            for size in self.older[:OLDER_MAX]
            if size
        }
        return {
            "README.txt": readme.encode(),
            "summary.html": page.encode(),
            name: b"".join(lines),
            "checkpoint.txt": self.newest.note,
            "keys.txt": "".join(f"{each}\n" for each in self.keys).encode(),
            "consistency.json": orjson.dumps(shown),
        }


def frame_of(tenant: TenantId, shelf: TreeShelf, publics: Sequence[bytes], older: Sequence[int]) -> Frame:
    """That of a stream as it was signed last; raises EvidenceMissing, TenantUnknown and LogUnavailable."""
    said, newest = SAID[shelf.stream], shelf.newest(tenant, shelf.anchor(tenant).epoch)
    if newest is None:
        raise EvidenceMissing("no-checkpoint", f"No checkpoint was signed yet of this {said.whole} in its epoch.")
    if beyond := [each for each in older if each > newest.size]:
        raise EvidenceMissing(
            "not-signed-yet",
            f"The {said.whole} is not known to have {beyond[0]} {said.all}: its newest checkpoint is over "
            f"{newest.size}.",
        )
    origin = Origin(tenant, newest.epoch, shelf.stream)
    nodes = nodes_over(lambda level, number: shelf.tile(tenant, level, number))
    return Frame(newest, [VerifierKey(origin, each) for each in publics], nodes, older)


def _texts(hashes: Sequence[bytes]) -> list[str]:
    return [base64.b64encode(each).decode() for each in hashes]
