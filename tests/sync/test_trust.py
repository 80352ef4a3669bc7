"""Whoever keeps a checkpoint is shown the same history that goes on, or hears in what it differs."""

from collections.abc import Mapping, Sequence
from typing import Final

import pytest

from sync.checkpoint import Checkpoint, Origin
from sync.merkle import appended, consistency_proof, leaf_hash, root_of
from sync.trust import HistoryRewritten, Trust, asks_for, followed
from tests.sync.test_merkle import hashes, nodes_over

ORIGIN: Final = Origin("00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-00000000000a")
RESTORED: Final = ORIGIN._replace(epoch="00000000-0000-4000-8000-00000000000b")
AGAIN: Final = ORIGIN._replace(epoch="00000000-0000-4000-8000-00000000000c")


class Log:
    """A log as whoever serves it may show it."""

    def __init__(self, leaves: Sequence[bytes], origin: Origin = ORIGIN, durable: int = 0) -> None:
        self.leaves, self.origin, self.durable = list(leaves), origin, durable

    def at(self, size: int) -> Checkpoint:
        return Checkpoint(self.origin, size, root_of(appended(0, [], self.leaves[:size])))

    def proofs(self, size: int) -> Mapping[int, Sequence[bytes]]:
        return {old: consistency_proof(old, size, nodes_over(self.leaves[:size])) for old in range(size + 1)}

    def told(self, trust: Trust, size: int) -> Trust:
        return followed(trust, self.at(size), self.durable, self.proofs(size))


LEAVES: Final = hashes(100)
OTHERS: Final = [*LEAVES[:20], leaf_hash(b"another"), *LEAVES[21:]]


def test_a_log_that_grows_is_followed() -> None:
    trust, log = Trust(), Log(LEAVES)
    for size in (1, 2, 7, 7, 64, 100):
        trust = log.told(trust, size)
        assert trust == Trust(log.at(size), None)


def test_a_rewritten_log_is_refused_and_what_was_kept_stays() -> None:
    trust = Log(LEAVES).told(Trust(), 50)
    for size in (50, 51, 100):
        with pytest.raises(HistoryRewritten, match="rewritten: among its first 50 events"):
            Log(OTHERS).told(trust, size)
    assert Log(OTHERS).told(Log(LEAVES).told(Trust(), 20), 100).newest == Log(OTHERS).at(100), "event 21 came later"


def test_a_log_that_became_shorter_is_refused_and_told_from_a_restore() -> None:
    trust = Log(LEAVES).told(Trust(), 50)
    with pytest.raises(HistoryRewritten, match=r"rolled back: it held 50 events and now tells of 49.*cairn epoch new"):
        Log(LEAVES).told(trust, 49)


def test_a_server_that_shows_no_proof_is_not_believed() -> None:
    log = Log(LEAVES)
    trust = log.told(Trust(), 50)
    with pytest.raises(HistoryRewritten, match="Nobody shows"):
        followed(trust, log.at(60), 0, {})
    with pytest.raises(HistoryRewritten, match="rewritten"):
        followed(trust, log.at(60), 0, {50: []})


def test_another_tenants_log_is_refused_though_it_is_signed() -> None:
    trust = Log(LEAVES).told(Trust(), 50)
    other = Log(LEAVES, ORIGIN._replace(tenant="00000000-0000-4000-8000-000000000009"))
    with pytest.raises(HistoryRewritten, match="This is the log of tenant"):
        other.told(trust, 60)


def test_after_a_restore_what_was_not_durable_may_be_lost() -> None:
    before = Log(LEAVES, durable=30)
    trust = before.told(before.told(Trust(), 25), 50)
    assert trust.settled == before.at(25)
    restored = Log([*LEAVES[:30], *hashes(9)], RESTORED, durable=30)
    assert asks_for(trust, RESTORED) == before.at(25)
    after = restored.told(trust, 39)
    assert after == Trust(restored.at(39), before.at(25))
    restored.durable = 39
    assert restored.told(after, 39).settled == restored.at(39)


def test_a_restore_brings_back_what_was_durable_or_is_none() -> None:
    log = Log(LEAVES, durable=50)
    trust = log.told(log.told(Trust(), 40), 90)
    assert trust.settled == log.at(40)
    with pytest.raises(HistoryRewritten, match="first 40 events, what it had marked as durable"):
        Log(OTHERS, RESTORED).told(trust, 95)
    with pytest.raises(HistoryRewritten, match="rolled back: it held 40 events and now tells of 39"):
        Log(LEAVES, RESTORED).told(trust, 39)


def test_what_a_restore_has_lost_is_not_asked_for_after_the_next_one() -> None:
    log = Log(LEAVES, durable=20)
    trust = log.told(log.told(Trust(), 20), 50)
    restored = Log([*LEAVES[:30], *hashes(90)], RESTORED, durable=60)
    trust = restored.told(trust, 120)
    assert trust.settled == log.at(20), "the 50 of before the restore are no part of this log"
    again = Log(restored.leaves[:70], AGAIN, durable=60)
    assert again.told(trust, 70).newest == again.at(70)


AUDIT: Final = ORIGIN._replace(stream="audit")


def test_who_is_told_of_an_audit_hears_of_its_entries_and_not_of_events() -> None:
    trust = Log(LEAVES, AUDIT, durable=40).told(Log(LEAVES, AUDIT, durable=40).told(Trust(), 40), 50)
    restored = AUDIT._replace(epoch=RESTORED.epoch)
    elsewhere = AUDIT._replace(tenant="00000000-0000-4000-8000-000000000009")
    shown = {
        "The audit was rewritten: among its first 50 entries, what it had signed": (Log(OTHERS, AUDIT), 60),
        "The audit was rolled back: it held 50 entries and now tells of 49": (Log(LEAVES, AUDIT), 49),
        "among its first 40 entries, what it had marked as durable": (Log(OTHERS, restored), 60),
        "This is the audit of tenant 00000000-0000-4000-8000-000000000009": (Log(LEAVES, elsewhere), 60),
    }
    for words, (log, size) in shown.items():
        with pytest.raises(HistoryRewritten, match=words) as refused:
            log.told(trust, size)
        assert "event" not in str(refused.value)
        assert "log" not in str(refused.value)
    with pytest.raises(HistoryRewritten, match="the audit still begins with the 50 entries of before"):
        followed(trust, Log(LEAVES, AUDIT).at(60), 0, {})


def test_an_audit_is_no_log_though_its_root_fits() -> None:
    trust = Log(LEAVES).told(Trust(), 50)
    with pytest.raises(HistoryRewritten, match="This is the audit of a tenant, and not the log that was seen before"):
        Log(LEAVES, AUDIT).told(trust, 60)
