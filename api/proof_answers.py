"""What the routes of proofs answer, for the description of the API."""

from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import Field
from typing_extensions import TypedDict

from api.answer import TEXT, ZIP, Answer

Base64 = Annotated[str, Field(pattern="^[A-Za-z0-9+/]*={0,2}$")]
Size = Annotated[int, Field(ge=0)]
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
    "tile": Answer(shape=TileTold, problems=(*_OF_PROOF, "tile-not-found")),
}
"""By the name of the operation."""
