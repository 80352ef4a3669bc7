"""What the routes of proofs answer, for the description of the API."""

from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import Field
from typing_extensions import TypedDict

from api.answer import TEXT, ZIP, Answer

Base64 = Annotated[str, Field(pattern="^[A-Za-z0-9+/]*={0,2}$")]
Size = Annotated[int, Field(ge=0)]
Leaf = Annotated[str, Field(description="The bytes that are hashed: JSON with every column of the entry.")]
Keys = Annotated[list[str], Field(description="Verifier keys as C2SP signed-note spells them, the newest first.")]


class KeysTold(TypedDict):
    """By which keys checkpoints of this log are signed."""

    origin: str
    keys: Keys


class ConsistencyTold(TypedDict):
    """The newest checkpoint, and that it begins with the log of before."""

    checkpoint: str
    keys: Keys
    epoch: str
    durable: Size
    since: Size
    consistency: Annotated[list[Base64] | None, Field(description="Null where `since` is more than it is over.")]


class CheckpointTold(TypedDict):
    """A checkpoint that was signed."""

    size: Size
    epoch: str
    signed_at_ms: int
    checkpoint: str


class CheckpointPage(TypedDict):
    """Checkpoints by size, and where the next page begins."""

    items: list[CheckpointTold]
    next: int | None


class InclusionTold(TypedDict):
    """That an event lies in the log at a position."""

    position: Annotated[int, Field(ge=1)]
    event_id: str
    stamps: Annotated[str, Field(description="The first line of the leaf; after it comes the authored event.")]
    leaf_hash: Base64
    size: Size
    inclusion: list[Base64]
    checkpoint: str
    keys: Keys


class TileTold(TypedDict):
    """The hashes of a tile, one after the other."""

    level: Annotated[int, Field(ge=0, le=6)]
    number: Annotated[int, Field(ge=0)]
    width: Annotated[int, Field(ge=1, le=256)]
    hashes: Base64


class EntryIncludedTold(TypedDict):
    """That an entry lies in the audit at a position."""

    position: Annotated[int, Field(ge=1)]
    leaf: Leaf
    leaf_hash: Base64
    size: Size
    inclusion: list[Base64]
    checkpoint: str
    keys: Keys


class EntryTold(TypedDict):
    """An entry of the audit, and what its leaf has only as a hash."""

    position: Annotated[int, Field(ge=1)]
    leaf: Leaf
    address: str | None
    detail: str
    salt: Annotated[
        str | None,
        Field(
            description="In hexadecimal. `said` in the leaf is SHA-256 of these bytes and of the JSON array of address "
            "and detail; null: they were erased."
        ),
    ]
    is_erased: bool


class EntryPage(TypedDict):
    """Entries by position, where the next page begins, and the checkpoint that they are in."""

    items: list[EntryTold]
    next: int | None
    checkpoint: str


_OF_PROOF: Final = ("no-proofs", "no-checkpoint")
PROOF_ANSWERS: Final[Mapping[str, Answer]] = {
    "checkpoint_keys": Answer(shape=KeysTold, problems=("no-proofs",)),
    "checkpoint": Answer(shape=str, media=TEXT, problems=_OF_PROOF),
    "checkpoints": Answer(shape=CheckpointPage, problems=("no-proofs",)),
    "consistency": Answer(shape=ConsistencyTold, problems=_OF_PROOF),
    "inclusion": Answer(shape=InclusionTold, problems=(*_OF_PROOF, "event-not-found", "not-signed-yet")),
    "evidence": Answer(
        shape=str, media=ZIP, problems=(*_OF_PROOF, "event-not-found", "not-signed-yet", "evidence-too-large")
    ),
    "audit_checkpoint": Answer(shape=str, media=TEXT, problems=_OF_PROOF),
    "audit_checkpoints": Answer(shape=CheckpointPage, problems=("no-proofs",)),
    "audit_consistency": Answer(shape=ConsistencyTold, problems=_OF_PROOF),
    "audit_inclusion": Answer(shape=EntryIncludedTold, problems=(*_OF_PROOF, "entry-not-found", "not-signed-yet")),
    "audit_entries": Answer(shape=EntryPage, problems=(*_OF_PROOF, "sign-in-off")),
    "audit_evidence": Answer(
        shape=str,
        media=ZIP,
        problems=(*_OF_PROOF, "entry-not-found", "not-signed-yet", "evidence-too-large", "sign-in-off"),
    ),
    "tile": Answer(shape=TileTold, problems=(*_OF_PROOF, "tile-not-found")),
}
"""By the name of the operation."""
