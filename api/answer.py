"""What an operation answers where it succeeds: its shape, and the problems that nothing but it knows of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Annotated, Any, Final

from pydantic import Field, TypeAdapter

from domain.values import INTEGER_MAX, UUID_PATTERN

JSON: Final = "application/json"
HTML: Final = "text/html"
TEXT: Final = "text/plain"
ZIP: Final = "application/zip"
EVENT_STREAM: Final = "text/event-stream"
JWK_SET: Final = "application/jwk-set+json"

Uuid = Annotated[str, Field(pattern=UUID_PATTERN, examples=["018f3c1e-7a00-7000-8000-0000000000a1"])]
ReplicaId = Annotated[str, Field(pattern="^r[a-z2-7]{12}$", examples=["rabcdefghijkl"])]
Hash = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Position = Annotated[int, Field(ge=0, le=INTEGER_MAX)]
Dot = Annotated[list[ReplicaId | int], Field(min_length=2, max_length=2, description="A replica and a seq.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What an operation answers, and the problems that nothing but the operation itself knows of."""

    shape: Any
    """A type that pydantic understands; text where the media type is not JSON; None where there is no body."""
    media: str = JSON
    other_media: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])
    """What the same comes as where somebody asks for that, each with its media type object."""
    statuses: tuple[HTTPStatus, ...] = (HTTPStatus.OK,)
    problems: tuple[str, ...] = ()

    def schema(self) -> dict[str, Any]:
        """JSON Schema of the answer, with what it refers to in `$defs`."""
        return TypeAdapter(self.shape).json_schema(mode="serialization")

    @property
    def has_body(self) -> bool:
        """Whether there is anything to read."""
        return self.shape is not None


UNDECLARED: Final = Answer(shape=Any)
"""What is said of an operation without a row; the tests let none pass."""
