"""Has checkpoints of all logs, or of all audits, signed while the server runs.

A log that was touched does not mend itself with the next look, and is complained of until somebody looks.
"""

from collections.abc import Callable
from typing import Final, Protocol

from infra.checkpoint_signer import SigningRefused
from infra.keyring import KeyringUnreadable
from infra.rounds import Rounds, Words
from infra.tree_keeper import EVENTS_PER_CHECKPOINT, LogTouched
from sync.checkpoint import SAID
from sync.doorbell import Doorbell
from sync.log import TenantId
from sync.proof_shelf import TreeShelf
from sync.tiles import TileMissing

SWEEP_S: Final = 60.0
PAUSE_S: Final = 1.0
"""Between two looks: a busy log has one checkpoint a second, not one for every push."""
AUDIT_SWEEP_S: Final = 10.0
"""No bell rings for audits: so long at most an entry is without its place."""


class Keeper(Protocol):
    """Implemented by `infra.tree_keeper.TreeKeeper` and `infra.audit_keeper.AuditKeeper`."""

    def keep_up(self, tenant: TenantId, /) -> int | None:
        """Sign what is due; returns when to look again, or None for when it has grown."""
        ...


class Checkpoints(Rounds):
    """Signs what is due of every log; `now_ms` is the clock that the keeper goes by."""

    def __init__(
        self,
        shelf: TreeShelf,
        keeper: Keeper,
        doorbell: Doorbell,
        *,
        now_ms: Callable[[], int],
        sweep_s: float = SWEEP_S,
        pause_s: float = PAUSE_S,
    ) -> None:
        super().__init__(
            Words("checkpoints", SAID[shelf.stream].whole),
            shelf.tenants,
            keeper.keep_up,
            doorbell,
            worth=EVENTS_PER_CHECKPOINT,
            now_ms=now_ms,
            sweep_s=sweep_s,
            pause_s=pause_s,
            told=(LogTouched, SigningRefused, TileMissing, KeyringUnreadable),
        )
