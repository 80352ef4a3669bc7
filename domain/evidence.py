"""What was written, photographed and signed."""

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Le, MaxLen, MinLen

from domain.entity import Record, entity
from domain.merge_policy import AddWins, Latest, Log, Once, Ref, Server
from domain.values import EntityId, HomeScope, Instant, Line, Pattern, Position, Sha256, Stroke, Target, Text, Word

Pixels = Annotated[int, Ge(1), Le(100_000)]
Bytes = Annotated[int, Ge(0), Le(2**40)]


@entity("note", home="given")
@dataclass(frozen=True, slots=True, kw_only=True)
class Note(Record):
    """What somebody wrote down; never edited, corrected by another note that refers to it."""

    home: Annotated[HomeScope, Ref()]
    target: Annotated[Target, Ref()]
    body: Annotated[Annotated[Text, MinLen(1)], Log()]
    written_at: Annotated[Instant | None, Log()] = None
    author_id: Annotated[EntityId | None, Log()] = None
    visibility: Annotated[Literal["internal", "customer"], Once()] = "internal"
    corrects_id: Annotated[EntityId | None, Ref()] = None


@entity("attachment", home="given")
@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment(Record):
    """A photo or a file, named by the hash of its content; the bytes travel apart from the events."""

    home: Annotated[HomeScope, Ref()]
    target: Annotated[Target, Ref()]
    sha256: Annotated[Sha256, Once()]
    mime: Annotated[Annotated[str, Pattern(r"^[a-z]+/[a-z0-9.+-]{1,100}$")], Once()]
    size: Annotated[Bytes, Once()]
    name: Annotated[Line | None, Once()] = None
    width: Annotated[Pixels | None, Once()] = None
    height: Annotated[Pixels | None, Once()] = None
    taken_at: Annotated[Instant | None, Once()] = None
    geo: Annotated[Position | None, Once()] = None
    caption: Annotated[Line | None, Latest()] = None
    annotations: Annotated[frozenset[Word], AddWins()] = frozenset()
    redacted_of: Annotated[EntityId | None, Ref()] = None
    upload: Annotated[Literal["awaited", "stored"] | None, Server()] = None


@entity("signature", home="work_order:work_order_id")
@dataclass(frozen=True, slots=True, kw_only=True)
class Signature(Record):
    """Somebody's name under what they were shown."""

    work_order_id: Annotated[EntityId, Ref()]
    visit_id: Annotated[EntityId, Ref()]
    signer_name: Annotated[Line | None, Once()] = None
    signer_role: Annotated[Line | None, Once()] = None
    strokes: Annotated[Annotated[list[Stroke], MaxLen(200)] | None, Once()] = None
    png_sha256: Annotated[Sha256 | None, Once()] = None
    document_hash: Annotated[Sha256, Once()]
    signed_at: Annotated[Instant | None, Once()] = None
    refused_reason: Annotated[Text | None, Once()] = None
