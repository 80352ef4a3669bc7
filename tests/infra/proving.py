"""Offices whose logs are proven: each with its tiles, its signer, and a clock that tests move."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from infra.checkpoint_signer import CheckpointSigner
from infra.keyring import FileKeyring
from infra.memory import MemoryEventLog
from infra.memory_proof_shelf import MemoryProofShelf
from infra.postgres.pool import open_pool
from infra.postgres.proof_shelf import PostgresProofShelf
from infra.postgres.roles import PROJECTOR
from infra.tree_keeper import TreeKeeper
from sync.checkpoint import Note, read_note
from sync.log import Changes
from sync.proof_shelf import ProofShelf
from tests.devices import NOON
from tests.infra.event_logs import Office, Offices, events

PROJECTORS: Final = 2


@dataclass
class Proven:
    """One office with all that proves its log."""

    office: Office
    shelf: ProofShelf
    folder: Path
    now_ms: int = NOON
    keyring: FileKeyring = field(init=False)
    signer: CheckpointSigner = field(init=False)
    keeper: TreeKeeper = field(init=False)

    def __post_init__(self) -> None:
        self.keyring = FileKeyring(self.folder, now_ms=lambda: self.now_ms)
        self.signer = CheckpointSigner(self.keyring, self.folder)
        self.keeper = TreeKeeper(self.shelf, self.signer, now_ms=lambda: self.now_ms)

    @property
    def tenant(self) -> str:
        return self.office.tenant

    def grow(self, count: int) -> None:
        """So many events more."""
        self.office.store(Changes(events=events(count, after=self.office.position)))

    def sign(self) -> Note:
        """A checkpoint of what there is now."""
        self.keeper.keep_up(self.tenant, at_once=True)
        newest = self.shelf.newest(self.tenant, self.office.log.head(self.tenant).epoch)
        assert newest is not None
        return read_note(newest.note)


@contextmanager
def shelf_of(office: Office, kind: Offices) -> Iterator[ProofShelf]:
    if isinstance(office.log, MemoryEventLog):
        yield MemoryProofShelf(office.log)
        return
    with open_pool(kind.dsn, size=PROJECTORS, role=PROJECTOR) as pool:
        yield PostgresProofShelf(pool)
