"""Checkpoints: a log's size and root, signed, in the forms of C2SP `tlog-checkpoint` and `signed-note`.

    cairnfield/t/0190…/e/7c2a…        the origin: which tenant's log, in which epoch
    1234                              how many events
    q83D…=                            the root over them

    — cairnfield/t/0190…/e/7c2a… xQ2…  one signature for each key that was not revoked

The origin names the epoch because no log may sign what contradicts what it signed before, and a server that came back
from a backup lacks events that it has signed for: from then on it is another log. A tenant's audit is proven alike, as
a log of its own whose origin ends with `/audit`.
"""

import base64
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Final, Literal, NamedTuple

from sync.log import TenantId
from sync.merkle import HASH_BYTES

Stream = Literal["events", "audit"]
"""What of a tenant is proven, each in a tree of its own: what was told, and who had access."""


class Said(NamedTuple):
    """How people call it."""

    whole: str
    each: str
    all: str


SAID: Final[Mapping[Stream, Said]] = {
    "events": Said("log", "event", "events"),
    "audit": Said("audit", "entry", "entries"),
}

Verify = Callable[[bytes, bytes, bytes], bool]
"""(public key, signature, signed bytes) -> whether the signature is good; Ed25519."""

NOTE_BYTES_MAX: Final = 16_384
SIGNATURES_MAX: Final = 32
_SIZE_DIGITS_MAX: Final = 16
_ED25519: Final = b"\x01"
_KEY_ID_BYTES: Final = 4
_SIGNATURE_BYTES: Final = 64
_UUID: Final = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_ORIGIN: Final = re.compile(f"cairnfield/t/({_UUID})/e/({_UUID})(?:/(audit))?")
_BODY: Final = re.compile(rf"([^\n]+)\n(0|[1-9][0-9]{{0,{_SIZE_DIGITS_MAX - 1}}})\n([A-Za-z0-9+/]{{43}}=)\n")


class NoteUnreadable(ValueError):
    """This is no checkpoint of a log of ours; the text says why."""


class Origin(NamedTuple):
    """Which log: whose, and since which restore."""

    tenant: TenantId
    epoch: str
    stream: Stream = "events"

    def __str__(self) -> str:
        return f"cairnfield/t/{self.tenant}/e/{self.epoch}" + ("" if self.stream == "events" else f"/{self.stream}")


class Checkpoint(NamedTuple):
    """What a log says of itself."""

    origin: Origin
    size: int
    """How many events; so the last of them lies at this position."""
    root: bytes

    def body(self) -> bytes:
        """The bytes that are signed."""
        return f"{self.origin}\n{self.size}\n{_text(self.root)}\n".encode()


class VerifierKey(NamedTuple):
    """A public key under the name by which a log signs with it."""

    origin: Origin
    public: bytes

    @property
    def id(self) -> bytes:
        """Tells a signature which key made it."""
        return sha256(f"{self.origin}\n".encode() + _ED25519 + self.public).digest()[:_KEY_ID_BYTES]

    def __str__(self) -> str:
        return f"{self.origin}+{self.id.hex()}+{_text(_ED25519 + self.public)}"


class Note(NamedTuple):
    """A checkpoint with its signatures, none of them checked yet."""

    checkpoint: Checkpoint
    signatures: tuple[tuple[bytes, bytes], ...]
    """(id of the key, signature) of those that say they are the log's own."""

    def signed_by(self, keys: Iterable[bytes], verify: Verify) -> list[bytes]:
        """Which of these public keys have signed it."""
        body, found = self.checkpoint.body(), list[bytes]()
        for public in keys:
            named = VerifierKey(self.checkpoint.origin, public).id
            if any(named == by and verify(public, signature, body) for by, signature in self.signatures):
                found.append(public)
        return found


def signed(checkpoint: Checkpoint, signatures: Sequence[tuple[bytes, bytes]]) -> bytes:
    """The note of a checkpoint, with (public key, signature over its body) of each key."""
    lines = [
        f"— {checkpoint.origin} {_text(VerifierKey(checkpoint.origin, public).id + signature)}\n"
        for public, signature in signatures
    ]
    return checkpoint.body() + b"\n" + "".join(lines).encode()


def read_note(raw: bytes, stream: Stream | None = "events") -> Note:
    """A note as it was kept or sent, of that stream or, for None, of whichever; raises NoteUnreadable."""
    if len(raw) > NOTE_BYTES_MAX:
        raise NoteUnreadable(f"it has more than {NOTE_BYTES_MAX} bytes")
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise NoteUnreadable("it is not text") from error
    body, parted, lines = text.partition("\n\n")
    found = _BODY.fullmatch(body + "\n")
    if found is None or not parted:
        raise NoteUnreadable("it does not begin with an origin, a size and a root, one on each line")
    origin, size, root = _origin(found[1]), int(found[2]), _bytes(found[3])
    if origin is None:
        raise NoteUnreadable(f"{found[1]!r} is the log of no tenant of Cairnfield's")
    if stream not in (None, origin.stream):
        raise NoteUnreadable(f"it is of the {origin.stream}, and not of the {stream}")
    if len(root) != HASH_BYTES:
        raise NoteUnreadable("its root is no hash")
    return Note(Checkpoint(origin, size, root), tuple(_signatures(lines, str(origin))))


def read_key(text: str) -> VerifierKey:
    """A verifier key as a log names it; raises NoteUnreadable."""
    name, _, rest = text.strip().partition("+")
    origin, (claimed, _, encoded) = _origin(name), rest.partition("+")
    raw = _bytes(encoded)
    if origin is None or raw[:1] != _ED25519 or len(raw) != 1 + HASH_BYTES:
        raise NoteUnreadable("this is no Ed25519 key of a log of Cairnfield's")
    key = VerifierKey(origin, raw[1:])
    if key.id.hex() != claimed:
        raise NoteUnreadable("the key's id is not that of its name and bytes")
    return key


def _origin(name: str) -> Origin | None:
    named = _ORIGIN.fullmatch(name)
    return named and Origin(named[1], named[2], "audit" if named[3] else "events")


def _signatures(lines: str, origin: str) -> Iterable[tuple[bytes, bytes]]:
    told = lines.split("\n")
    if told.pop() or not told or len(told) > SIGNATURES_MAX:
        raise NoteUnreadable(f"it has no signatures, more than {SIGNATURES_MAX}, or ends within one")
    for line in told:
        dash, _, rest = line.partition(" ")
        name, _, encoded = rest.partition(" ")
        raw = _bytes(encoded)
        if dash != "—" or not name or len(raw) <= _KEY_ID_BYTES:
            raise NoteUnreadable("a line of its signatures is none")
        if name == origin and len(raw) == _KEY_ID_BYTES + _SIGNATURE_BYTES:  # others may have signed in other ways
            yield raw[:_KEY_ID_BYTES], raw[_KEY_ID_BYTES:]


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _bytes(text: str) -> bytes:
    try:
        raw = base64.b64decode(text, validate=True)
    except ValueError:
        return b""
    return raw if _text(raw) == text else b""  # one spelling for the same bytes
