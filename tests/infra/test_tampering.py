"""What somebody does to the log who owns the database is found out by somebody who keeps a checkpoint, and named."""

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Final, LiteralString

import pytest

from infra.checkpoint_signer import SigningRefused
from infra.ed25519 import verify
from infra.postgres.frontier import rebuild_of
from infra.postgres.log_verifier import CONNECTIONS, CameTo, LogVerifier, Verified
from infra.postgres.pool import connect, open_pool
from infra.postgres.proof_shelf import PostgresProofShelf
from infra.postgres.roles import AUDITOR, PROJECTOR
from sync.checkpoint import Note
from sync.log_check import Signed
from tests.conftest import TestServer
from tests.devices import new_id
from tests.infra.event_logs import Offices, in_postgres
from tests.infra.proving import Proven
from tests.infra.tampering import tamper

EVENTS: Final = 100
OLDER: Final = 40
"""Over so many events is the checkpoint that somebody else keeps."""
FLIPS: Final = 24


class Held:
    """A log of EVENTS events, whose older checkpoint an auditor has taken home, and whoever checks it."""

    def __init__(self, proven: Proven, dsn: str, verifier: LogVerifier) -> None:
        self.proven, self.dsn, self.verifier = proven, dsn, verifier
        proven.grow(OLDER)
        self.older = proven.sign()
        proven.grow(EVENTS - OLDER)
        proven.sign()

    def tamper(self, statement: LiteralString, **told: object) -> int:
        return tamper(self.dsn, statement, {"tenant": self.proven.tenant, **told})

    def verified(self, *against: Note) -> Verified:
        kept = [Signed(each.checkpoint.size, each.checkpoint.root, "the auditor's") for each in against]
        return self.verifier.verify(self.proven.tenant, against=kept)

    def touched(self, *against: Note) -> tuple[str, int, int]:
        finding = self.verified(*against).finding
        assert finding is not None
        return finding[:3]

    def write_anew(self) -> None:
        """Let frontier, tiles and all fit the log as it is now, as far as that is possible without the key."""
        with connect(self.dsn, role=None) as owner, owner.transaction():
            owner.execute("delete from log_tile where tenant = %s", [self.proven.tenant])
            owner.execute("delete from log_checkpoint where tenant = %s", [self.proven.tenant])
            rebuild_of(owner, self.proven.tenant)
        keeper = self.proven.keeper
        keeper._tile(self.proven.tenant, self.proven.shelf.anchor(self.proven.tenant))


@pytest.fixture(scope="module")
def kind(embedded_server: TestServer) -> Iterator[Offices]:
    with embedded_server.database() as dsn, open_pool(dsn, size=2) as pool:
        yield in_postgres(pool, dsn)


@pytest.fixture
def held(kind: Offices, tmp_path: Path) -> Iterator[Held]:
    with (
        open_pool(kind.dsn, size=1, role=PROJECTOR) as projecting,
        open_pool(kind.dsn, size=CONNECTIONS, role=AUDITOR) as reading,
    ):
        proven = Proven(kind.new(), PostgresProofShelf(projecting), tmp_path)
        yield Held(proven, kind.dsn, LogVerifier(reading, proven.signer.publics(), verify))


def test_a_log_that_nobody_touched_is_what_it_was(held: Held) -> None:
    assert held.verified(held.older) == Verified(EVENTS, EVENTS, 3, None)
    held.proven.grow(3)
    assert held.verified() == Verified(EVENTS + 3, EVENTS + 3, 2, None)


FLIP: Final = """
    update event set body = set_bit(body, (%(bit)s %% (8 * octet_length(body)))::bigint, 1 - get_bit(
        body, (%(bit)s %% (8 * octet_length(body)))::bigint))
    where tenant = %(tenant)s and position = %(position)s
"""


def test_f1_a_bit_that_is_flipped_in_the_database_is_named_and_flipped_back_is_whole(held: Held) -> None:
    dice = Random(3)
    for _ in range(FLIPS):
        position, bit = dice.randint(1, EVENTS), dice.randrange(1 << 16)
        assert held.tamper(FLIP, position=position, bit=bit) == 1
        assert held.touched() == ("event", position, position)
        assert held.tamper(FLIP, position=position, bit=bit) == 1
    assert held.verified(held.older).finding is None


COLUMNS: Final[dict[str, LiteralString]] = {
    "id": "gen_random_uuid()",
    "replica": "'raaaaaaaaaaab'",
    "seq": "seq + 1000",
    "entity_type": "'customer'",
    "entity": "gen_random_uuid()",
    "version": "version + 1",
    "type": "type || 'x'",
    "schema_version": "(schema_version + 1)::smallint",
    "scope": "'catalog'",
    "effective": "'ffffffffffffffff'",
    "actor": "'00000000-0000-4000-8000-000000000000'",
    "recorded_at": "recorded_at + interval '1 ms'",
}


@pytest.mark.parametrize("column", COLUMNS)
def test_f1_every_stamp_is_proven(held: Held, column: str) -> None:
    update: LiteralString = "update event set {} = {} where tenant = %(tenant)s and position = 57"
    held.tamper(update.format(column, COLUMNS[column]))
    assert held.touched() == ("event", 57, 57)


DELETE: Final = "delete from event where tenant = %(tenant)s and position = %(at)s"
MOVE: Final = """
    update event set position = position + %(by)s + 1000000 where tenant = %(tenant)s and position >= %(at)s
"""
MOVE_BACK: Final = """
    update event set position = position - 1000000 where tenant = %(tenant)s and position > 500000
"""
INSERT: Final = """
    insert into event select tenant, %(at)s, version, seq + 5000, recorded_at, gen_random_uuid(), gen_random_uuid(),
        schema_version, replica, entity_type, type, scope, effective, actor, body
    from event where tenant = %(tenant)s and position = 1
"""
SHORTEN: Final = "update log_head set position = position + %(by)s where tenant = %(tenant)s"


def test_f1_an_event_that_is_removed_is_named(held: Held) -> None:
    held.tamper(DELETE, at=57)
    assert held.touched() == ("event", 57, 57)
    assert "missing" in str(held.verified().finding)


def test_closing_the_gap_does_not_help(held: Held) -> None:
    held.tamper(DELETE, at=57)
    held.tamper(MOVE, at=57, by=-1)
    held.tamper(MOVE_BACK)
    assert held.touched() == ("event", 57, 57)
    held.tamper(SHORTEN, by=-1)
    assert held.touched()[:2] == ("event", EVENTS), "the head ends before the newest checkpoint"


def test_f1_an_event_that_is_put_in_between_is_named(held: Held) -> None:
    held.tamper(MOVE, at=57, by=1)
    held.tamper(MOVE_BACK)
    held.tamper(INSERT, at=57)
    assert held.touched() == ("event", 57, 57)
    held.tamper(SHORTEN, by=1)
    assert held.touched() == ("event", 57, 57)


def test_an_event_behind_the_head_is_found(held: Held) -> None:
    held.tamper(INSERT, at=EVENTS + 7)
    assert held.touched()[:2] == ("event", EVENTS + 1)


def test_f1_two_events_that_are_exchanged_are_named_by_the_first(held: Held) -> None:
    swap = "update event set position = %(to)s where tenant = %(tenant)s and position = %(at)s"
    for at, to in ((30, 500_001), (71, 30), (500_001, 71)):
        held.tamper(swap, at=at, to=to)
    assert held.touched() == ("event", 30, 30)


def test_f1_a_tail_that_is_cut_off_is_found(held: Held) -> None:
    held.tamper("delete from event where tenant = %(tenant)s and position > 90")
    assert held.touched() == ("event", 91, 91)
    held.tamper(SHORTEN, by=-10)
    assert held.touched()[:2] == ("event", 91)
    held.write_anew()
    assert held.verified().finding is None, "whoever keeps nothing sees nothing"
    assert held.verified(held.older).finding is None, "that came after what the auditor has"
    with pytest.raises(SigningRefused, match="rolled back: it held 100 events and now tells of 90"):
        held.proven.sign()


def test_f1_history_that_is_written_anew_with_a_good_tree_does_not_fit_what_others_keep(held: Held) -> None:
    held.tamper("update event set actor = 'somebody else' where tenant = %(tenant)s and position = 17")
    held.write_anew()
    assert held.verified().finding is None, "whoever keeps nothing sees nothing"
    assert held.touched(held.older) == ("history", 1, OLDER)
    with pytest.raises(SigningRefused, match="rewritten: among its first 100 events"):
        held.proven.sign()


def test_a_restore_that_nobody_announced_is_not_signed(held: Held) -> None:
    held.tamper("update event set actor = 'somebody else' where tenant = %(tenant)s and position = 17")
    held.write_anew()
    held.proven.office.log.begin_epoch(held.proven.tenant, new_id())
    with pytest.raises(SigningRefused, match="nobody has announced"):
        held.proven.sign()


def test_a_tile_or_a_checkpoint_that_is_changed_is_told_from_an_event(held: Held) -> None:
    flip = "update log_tile set hashes = set_byte(hashes, 32 * 29, get_byte(hashes, 32 * 29) # 1) where tenant = %s"
    with connect(held.dsn, role=None) as owner:
        owner.execute(flip, [held.proven.tenant])
        assert held.touched() == ("tile", 30, 30)
        owner.execute(flip, [held.proven.tenant])
        owner.execute("update log_checkpoint set root = sha256(root) where tenant = %s", [held.proven.tenant])
    assert held.touched(held.older) == ("checkpoint", OLDER, OLDER)


def test_a_checkpoint_of_another_key_counts_for_nothing(held: Held, tmp_path: Path) -> None:
    other = Proven(held.proven.office, held.proven.shelf, tmp_path / "other")
    row = held.proven.shelf.newest(held.proven.tenant, held.older.checkpoint.origin.epoch)
    assert row is not None
    forged = other.signer.sign(held.older.checkpoint, durable=0, proofs=lambda _: [])
    with connect(held.dsn, role=None) as owner:
        owner.execute(
            "update log_checkpoint set note = %s where tenant = %s and size = %s", [forged, held.proven.tenant, OLDER]
        )
    assert held.touched() == ("checkpoint", OLDER, OLDER)


def test_a_check_goes_on_where_it_was_broken_off(held: Held) -> None:
    came_to: list[CameTo] = []
    held.verifier.verify(held.proven.tenant, came_to=lambda where, _: came_to.append(where))
    assert came_to[-1].size == EVENTS
    held.proven.grow(20)
    again = held.verifier.verify(held.proven.tenant, begin=came_to[-1])
    assert again == Verified(EVENTS + 20, EVENTS + 20, 2, None)
    held.tamper(FLIP, position=110, bit=9)
    finding = held.verifier.verify(held.proven.tenant, begin=came_to[-1]).finding
    assert finding is not None
    assert (finding.first, finding.last) == (101, 120), "it is in no tile and no checkpoint yet"
