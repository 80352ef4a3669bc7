"""What a device keeps of its server's log, so that nobody can show it another history unseen.

At first contact it pins the keys and takes the checkpoint that it is shown; from then on every checkpoint must be
signed by one of those keys and continue what was seen. `sync.trust` says what that means after a restore.
"""

import base64
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import orjson

from infra.ed25519 import verify
from infra.http_client import OfflineError, ServerRefused
from sync.checkpoint import Checkpoint, Note, NoteUnreadable, Origin, read_key, read_note
from sync.trust import HistoryRewritten, Trust, asks_for, followed

Ask = Callable[[int], dict[str, Any]]
"""What the server answers to `consistency` since so many events; raises OfflineError and ServerRefused."""

_WITHOUT_PROOFS: Final = frozenset({"no_proofs", "not_found", "forbidden"})
"""What servers say that sign nothing, or nothing for whoever asks."""
_NONE_YET: Final = "no_checkpoint"


class Pinned(NamedTuple):
    """What is kept."""

    publics: tuple[bytes, ...]
    """The keys of first contact."""
    trust: Trust


class _Told(NamedTuple):
    """What the server shows."""

    note: Note
    publics: tuple[bytes, ...]
    durable: int
    shown: list[bytes] | None


def checked(pinned: Pinned | None, ask: Ask, origin: Origin) -> Pinned | None:
    """What is kept once the server has shown how its log goes on; None: there was nothing to see yet.

    `origin` is the log that the server says it is. Raises HistoryRewritten, OfflineError and ServerRefused.
    """
    trust = pinned.trust if pinned else Trust()
    for before in (asks_for(trust, origin), trust.settled):  # it may have begun a new epoch since it said which
        since = before.size if before else 0
        try:
            told = _read(ask(since))
        except ServerRefused as refused:
            return _without(pinned, refused, origin)
        note, publics = told.note, pinned.publics if pinned else told.publics
        if not note.signed_by(publics, verify):
            raise HistoryRewritten(
                "The server's checkpoint is signed by none of the keys that this device has kept since its first "
                "contact: it is another server, or its key was revoked. Ask the office, then let the device trust anew."
            )
        if note.checkpoint.origin.tenant != origin.tenant:
            raise HistoryRewritten(f"The server shows the log of tenant {note.checkpoint.origin.tenant}, not ours.")
        if (asks_for(trust, note.checkpoint.origin) or before) == before:
            break
    proofs = {} if told.shown is None else {since: told.shown}
    return Pinned(publics, followed(trust, note.checkpoint, told.durable, proofs))


def _without(pinned: Pinned | None, refused: ServerRefused, origin: Origin) -> Pinned | None:
    code = refused.problem.get("code")
    newest = pinned.trust.newest if pinned else None
    if code == _NONE_YET and (newest is None or newest.origin != origin):
        return pinned
    if code in _WITHOUT_PROOFS and newest is None:
        return pinned
    if code in {*_WITHOUT_PROOFS, _NONE_YET} and refused.is_ours:
        raise HistoryRewritten(
            f"The server has signed for {newest.size if newest else 0} events before, and now shows no checkpoint."
        ) from refused
    raise refused


def _read(told: dict[str, Any]) -> _Told:
    try:
        shown = told["consistency"]
        return _Told(
            read_note(told["checkpoint"].encode()),
            tuple(read_key(each).public for each in told["keys"]),
            int(told["durable"]),
            None if shown is None else [base64.b64decode(each) for each in shown],
        )
    except NoteUnreadable as why:
        raise HistoryRewritten(f"What the server shows is no checkpoint: {why}.") from why
    except (KeyError, TypeError, ValueError, AttributeError) as other:
        raise OfflineError("somebody else answered where the server shows its checkpoint") from other


def encoded(pinned: Pinned) -> bytes:
    """What is kept, as it is stored."""
    kept = [_plain(each) for each in pinned.trust]
    return orjson.dumps({"publics": [base64.b64encode(each).decode() for each in pinned.publics], "seen": kept})


def decoded(raw: bytes) -> Pinned:
    """What was stored."""
    kept = orjson.loads(raw)
    publics = tuple(base64.b64decode(each) for each in kept["publics"])
    return Pinned(publics, Trust(*(_checkpoint(each) for each in kept["seen"])))


def _plain(checkpoint: Checkpoint | None) -> list[Any] | None:
    return checkpoint and [*checkpoint.origin[:2], checkpoint.size, base64.b64encode(checkpoint.root).decode()]


def _checkpoint(kept: list[Any] | None) -> Checkpoint | None:
    if kept is None:
        return None
    tenant, epoch, size, root = kept
    return Checkpoint(Origin(tenant, epoch), size, base64.b64decode(root))
