"""What somebody who keeps checkpoints lets a log tell them next; everything else is a history that was rewritten.

They keep two: the newest, and the newest of what a verified backup holds. Within an epoch every log must begin with the
newest. A new epoch says that the server came back from a backup and may lack what came after it, but a backup holds
what was marked durable: so there the log must begin with the second, and nobody can call it a restore and rewrite that.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sync.checkpoint import SAID, Checkpoint, Origin
from sync.merkle import is_consistent


class HistoryRewritten(Exception):
    """A log tells another history than it told before; the text says what differs, for a person."""


class Trust(NamedTuple):
    """What was seen of one tenant's log."""

    newest: Checkpoint | None = None
    settled: Checkpoint | None = None
    """The newest that lies within what is durable."""


def asks_for(trust: Trust, origin: Origin) -> Checkpoint | None:
    """With which checkpoint what comes next of that log must be shown to be consistent; None: with none."""
    if trust.newest is None or trust.newest.origin == origin:
        return trust.newest
    return trust.settled


def followed(trust: Trust, told: Checkpoint, durable: int, proofs: Mapping[int, Sequence[bytes]]) -> Trust:
    """What is kept from now on, where `told` continues what was seen.

    `durable` is how far a verified backup holds the log; `proofs` are consistency proofs up to `told`, by the size that
    they begin with. Raises HistoryRewritten.
    """
    before, said = asks_for(trust, told.origin), SAID[told.origin.stream]
    if trust.newest is not None and trust.newest.origin.stream != told.origin.stream:
        other = SAID[trust.newest.origin.stream]
        raise HistoryRewritten(f"This is the {said.whole} of a tenant, and not the {other.whole} that was seen before.")
    if trust.newest is not None and trust.newest.origin.tenant != told.origin.tenant:
        raise HistoryRewritten(
            f"This is the {said.whole} of tenant {told.origin.tenant}, and not that of {trust.newest.origin.tenant}."
        )
    if before is not None:
        _check(before, told, proofs.get(before.size), is_restored=before.origin != told.origin)
    # What was seen before a restore, and after the backup that was restored, is no part of this log.
    seen = (trust.settled, before, told)
    lasting = [each for each in seen if each is not None and each.size <= durable]
    return Trust(told, max(lasting, key=lambda each: each.size, default=trust.settled))


def _check(before: Checkpoint, told: Checkpoint, proof: Sequence[bytes] | None, *, is_restored: bool) -> None:
    said = SAID[told.origin.stream]
    lost = "what it had marked as durable" if is_restored else "what it had signed"
    if told.size < before.size:
        raise HistoryRewritten(
            f"The {said.whole} was rolled back: it held {before.size} {said.all} and now tells of {told.size}, less "
            f"than {lost}." + ("" if is_restored else " If a backup was restored, `cairn epoch new` says so.")
        )
    if proof is None:
        raise HistoryRewritten(
            f"Nobody shows that the {said.whole} still begins with the {before.size} {said.all} of before."
        )
    if not is_consistent(before.size, before.root, told.size, told.root, proof):
        raise HistoryRewritten(
            f"The {said.whole} was rewritten: among its first {before.size} {said.all}, {lost}, at least one is not "
            "what it was."
        )
