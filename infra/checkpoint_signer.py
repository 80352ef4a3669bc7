"""Signs checkpoints, and never two that contradict each other.

What it signed last lies in a file beside the keys, not in the database: whoever rewrites the database cannot have the
result signed. Nor can they call it a restore, because a new epoch is signed only after somebody has announced it here
(`cairn epoch new`), and then must hold what was durable.
"""

import base64
import fcntl
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

import orjson
from pydantic import TypeAdapter, ValidationError

from infra.keyring import FileKeyring
from infra.whole_file import write_whole
from sync.checkpoint import SAID, Checkpoint, Origin, Stream, signed
from sync.log import TenantId
from sync.trust import HistoryRewritten, Trust, asks_for, followed

SIGNER_FOLDER: Final = "checkpoints"

Proofs = Callable[[int], Sequence[bytes]]
"""From how many events on, consistency with the checkpoint that is to be signed is to be shown."""


class SigningRefused(Exception):
    """A checkpoint was not signed, because it contradicts what was signed before; the text says in what."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """A checkpoint in the file."""

    epoch: str
    size: int
    root: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Memory:
    """What the signer knows of one tenant's log."""

    newest: _Kept | None = None
    settled: _Kept | None = None
    announced: str | None = None
    """The epoch that may follow."""


_MEMORY: Final = TypeAdapter(_Memory)


class CheckpointSigner:
    """One signer of all that is proven; safe to share between threads and processes."""

    def __init__(self, keyring: FileKeyring, folder: Path) -> None:
        self._keyring, self._folder = keyring, folder / SIGNER_FOLDER

    def publics(self) -> list[bytes]:
        """The public keys that sign, the newest first."""
        return [public for _, public in self._keyring.checkpoint_keys()]

    def sign(self, checkpoint: Checkpoint, *, durable: int, proofs: Proofs) -> bytes:
        """The signed note of a checkpoint, which the signer remembers before it hands it out.

        `durable` is how far a verified backup holds the log. Raises SigningRefused.
        """
        tenant, stream = checkpoint.origin.tenant, checkpoint.origin.stream
        with self._alone(tenant, stream) as path:
            memory = self._read(path)
            trust = _trust(tenant, stream, memory)
            epochs = (trust.newest.origin.epoch, memory.announced) if trust.newest else (checkpoint.origin.epoch,)
            if checkpoint.origin.epoch not in epochs:
                raise SigningRefused(
                    f"The {SAID[stream].whole} of tenant {tenant} is in epoch {checkpoint.origin.epoch}, which nobody "
                    "has announced. If a backup was restored, run `cairn epoch new` where these keys are."
                )
            before = asks_for(trust, checkpoint.origin)
            shown = {before.size: proofs(before.size)} if before and before.size <= checkpoint.size else {}
            try:
                trust = followed(trust, checkpoint, durable, shown)
            except HistoryRewritten as why:
                raise SigningRefused(f"Not signed: {why}") from why
            write_whole(path, _dumped(replace(memory, newest=_kept(trust.newest), settled=_kept(trust.settled))))
            body = checkpoint.body()
            signatures = [(public, self._keyring.sign(kid, body)) for kid, public in self._keyring.checkpoint_keys()]
        return signed(checkpoint, signatures)

    def announce(self, tenant: TenantId, epoch: str) -> None:
        """Let all that is proven of a tenant go on in a new epoch, because a backup was restored."""
        for stream in SAID:
            with self._alone(tenant, stream) as path:
                write_whole(path, _dumped(replace(self._read(path), announced=epoch)))

    def trust(self, tenant: TenantId, stream: Stream = "events") -> Trust:
        """What was signed last."""
        with self._alone(tenant, stream) as path:
            return _trust(tenant, stream, self._read(path))

    @contextmanager
    def _alone(self, tenant: TenantId, stream: Stream) -> Generator[Path]:
        """The file of what is signed, while no other process reads or writes it."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        name = tenant if stream == "events" else f"{tenant}.{stream}"
        with (self._folder / f"{name}.lock").open("a") as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)
            yield self._folder / f"{name}.json"

    def _read(self, path: Path) -> _Memory:
        try:
            return _MEMORY.validate_json(path.read_bytes())
        except FileNotFoundError:
            return _Memory()
        except ValidationError as error:
            raise SigningRefused(f"{path} is damaged. Restore it: it says what was signed last.") from error


def _trust(tenant: TenantId, stream: Stream, memory: _Memory) -> Trust:
    return Trust(*(_checkpoint(tenant, stream, kept) if kept else None for kept in (memory.newest, memory.settled)))


def _checkpoint(tenant: TenantId, stream: Stream, kept: _Kept) -> Checkpoint:
    return Checkpoint(Origin(tenant, kept.epoch, stream), kept.size, base64.b64decode(kept.root))


def _kept(checkpoint: Checkpoint | None) -> _Kept | None:
    if checkpoint is None:
        return None
    return _Kept(checkpoint.origin.epoch, checkpoint.size, base64.b64encode(checkpoint.root).decode())


def _dumped(memory: _Memory) -> bytes:
    return orjson.dumps(asdict(memory), option=orjson.OPT_INDENT_2)
