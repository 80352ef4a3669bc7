"""What the routes of proofs need of the world; `cairnfield.wiring` fills it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sync.proof_shelf import AuditShelf, ProofShelf


@dataclass(frozen=True, slots=True, kw_only=True)
class Proofs:
    """What proves the logs of this server."""

    shelf: ProofShelf
    publics: Callable[[], Sequence[bytes]]
    """The public keys that sign checkpoints, the newest first."""
    packed: Callable[[Mapping[str, bytes]], bytes]
    """A zip of a bundle of evidence, with the program that checks it."""
    audit: AuditShelf | None = None
    """What proves the audits; None where there are none."""
