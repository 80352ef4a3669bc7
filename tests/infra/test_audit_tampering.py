"""The audit is evidence: what the owner of the database does to it is found by who keeps a checkpoint, and named."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final, LiteralString

import psycopg
import pytest
from psycopg_pool import ConnectionPool

from commands.people import AuditEntry
from infra.audit_keeper import AuditKeeper
from infra.checkpoint_signer import CheckpointSigner, SigningRefused
from infra.ed25519 import verify
from infra.keyring import FileKeyring
from infra.postgres.audit import PostgresAudit
from infra.postgres.audit_erasure import erase, to_erase
from infra.postgres.audit_places import AuditPlaces
from infra.postgres.audit_verifier import AuditVerified, AuditVerifier
from infra.postgres.log_verifier import CONNECTIONS
from infra.postgres.pool import Connection, connect, open_pool
from infra.postgres.proof_shelf import PostgresAuditShelf
from infra.postgres.roles import AUDITOR, MIGRATOR, PROJECTOR
from infra.tree_keeper import LogTouched, TreeKeeper
from sync.audit_leaf import audit_leaf_of
from sync.checkpoint import Note, read_note
from sync.log_check import Signed
from sync.merkle import leaf_hash
from tests.conftest import TestServer
from tests.devices import NOON, new_id
from tests.infra.event_logs import Offices, in_postgres
from tests.infra.tampering import tamper
from tests.infra.test_frontier import NASTY
from tests.sync import oracle_tree

ENTRIES: Final = 300
OLDER: Final = 40
"""Over so many entries is the checkpoint that an auditor has taken home."""
ADA: Final = "00000000-0000-4000-8000-0000000000ad"
BEN: Final = "00000000-0000-4000-8000-0000000000be"


class Held:
    """An audit, and whoever keeps, signs and checks it."""

    def __init__(self, tenant: str, dsn: str, pool: ConnectionPool[Connection], folder: Path) -> None:
        self.tenant, self.dsn, self.audit, self.noted = tenant, dsn, PostgresAudit(pool), 0
        self.folder = folder
        self.signer = CheckpointSigner(FileKeyring(folder, now_ms=lambda: NOON), folder)

    def open(self, projecting: ConnectionPool[Connection], reading: ConnectionPool[Connection]) -> "Held":
        self.shelf, self.reading = PostgresAuditShelf(projecting), reading
        self.places = AuditPlaces(projecting)
        self.trees = TreeKeeper(self.shelf, self.signer, now_ms=lambda: NOON)
        self.keeper = AuditKeeper(self.places, self.trees)
        self.verifier = AuditVerifier(reading, self.signer.publics(), verify)
        return self

    def note(self, count: int, *, person: str = ADA, detail: str = "by password") -> None:
        """So many entries more, as requests note them."""
        for _ in range(count):
            self.noted += 1
            entry = AuditEntry(
                entry=f"01900000-0000-7000-8000-{self.noted:012x}",
                at_ms=NOON + self.noted,
                kind="signed_in",
                person=person,
                actor=person,
                device=new_id(),
                session=new_id(),
                address="192.0.2.7",
                detail=detail,
            )
            self.audit.note(self.tenant, entry)

    def sign(self) -> Note:
        self.keeper.keep_up(self.tenant, at_once=True)
        newest = self.shelf.newest(self.tenant, self.shelf.anchor(self.tenant).epoch)
        assert newest is not None
        return read_note(newest.note, "audit")

    def tamper(self, statement: LiteralString, **told: object) -> int:
        return tamper(self.dsn, statement, {"tenant": self.tenant, **told})

    def verified(self, *against: Note) -> AuditVerified:
        kept = [Signed(each.checkpoint.size, each.checkpoint.root, "the auditor's") for each in against]
        return self.verifier.verify(self.tenant, against=kept)

    def touched(self, *against: Note) -> tuple[str, int, int]:
        finding = self.verified(*against).tree.finding
        assert finding is not None
        return finding[:3]

    def write_anew(self) -> None:
        """Let head, frontier and tiles fit the entries as they are now: all that is possible without the key."""
        with connect(self.dsn, role=None) as owner, owner.transaction():
            for table in ("audit_tile", "audit_checkpoint", "audit_head"):
                owner.execute(f"delete from {table} where tenant = %s", [self.tenant])
        tamper(self.dsn, "update audit_entry set position = null where tenant = %s", [self.tenant])
        self.places.give(self.tenant)
        self.trees._tile(self.tenant, self.shelf.anchor(self.tenant))


@pytest.fixture(scope="module")
def kind(embedded_server: TestServer) -> Iterator[Offices]:
    with embedded_server.database() as dsn, open_pool(dsn, size=2) as pool:
        yield in_postgres(pool, dsn)


@pytest.fixture
def fresh(kind: Offices, tmp_path: Path) -> Iterator[Held]:
    with (
        open_pool(kind.dsn, size=1) as pool,
        open_pool(kind.dsn, size=1, role=PROJECTOR) as projecting,
        open_pool(kind.dsn, size=CONNECTIONS, role=AUDITOR) as reading,
    ):
        yield Held(kind.new().tenant, kind.dsn, pool, tmp_path).open(projecting, reading)


@pytest.fixture
def held(fresh: Held) -> Held:
    fresh.note(OLDER)
    fresh.older = fresh.sign()  # type: ignore[attr-defined]
    fresh.note(ENTRIES - OLDER)
    fresh.sign()
    return fresh


def older(held: Held) -> Note:
    note: Note = held.older  # type: ignore[attr-defined]
    return note


def test_an_audit_that_nobody_touched_is_what_it_was(held: Held) -> None:
    found = held.verified(older(held))
    assert found.tree == (ENTRIES, ENTRIES, 3, None)
    held.note(3)
    assert held.verified().emptied == (0, 3, None)
    entries = held.shelf.entries(held.tenant, after=0, upto=ENTRIES, limit=ENTRIES)
    checkpoint = read_note(held.shelf.signed(held.tenant, after=OLDER, limit=1)[0].note, "audit").checkpoint
    assert checkpoint.root == oracle_tree.root_of(audit_leaf_of(held.tenant, each) for each in entries)


COLUMNS: Final[dict[str, LiteralString]] = {
    "tenant": "%(other)s",
    "entry": "gen_random_uuid()",
    "at": "at + interval '1 microsecond'",
    "at, never": "'infinity'",
    "kind": "'signed_out'",
    "person": "gen_random_uuid()",
    "person, nobody": "null",
    "actor": "gen_random_uuid()",
    "device": "gen_random_uuid()",
    "session": "null",
    "address": "'198.51.100.1'",
    "address, none": "null",
    "detail": "detail || ' '",
    "detail, none": "''",
    "position": "100000",
    "position, none": "null",
    "salt": "substr(sha256(salt), 1, 16)",
    "salt, none": "null",
    "sealed": "sha256(salt)",
}


@pytest.mark.parametrize("column", COLUMNS)
def test_f8_every_column_of_an_entry_is_proven(held: Held, kind: Offices, column: str) -> None:

    change = "update audit_entry set {} = {} where tenant = %(tenant)s and position = 57"
    held.tamper(change.format(column.partition(",")[0], COLUMNS[column]), other=kind.new().tenant)
    assert held.touched() == ("entry", 57, 57)


DELETE: Final = "delete from audit_entry where tenant = %(tenant)s and position = %(at)s"
MOVE: Final = """
    update audit_entry set position = position + %(by)s + 1000000 where tenant = %(tenant)s and position >= %(at)s
"""
MOVE_BACK: Final = """
    update audit_entry set position = position - 1000000 where tenant = %(tenant)s and position > 500000
"""
INSERT: Final = """
    insert into audit_entry select tenant, gen_random_uuid(), at, kind, person, actor, device, session, address, detail,
        %(at)s, salt from audit_entry where tenant = %(tenant)s and position = 1
"""
SHORTEN: Final = "update audit_head set position = position + %(by)s where tenant = %(tenant)s"


def test_f8_an_entry_that_is_removed_is_named_also_where_the_gap_is_closed(held: Held) -> None:
    held.tamper(DELETE, at=57)
    assert held.touched() == ("entry", 57, 57)
    assert "The entry at position 57 is missing." in str(held.verified().tree.finding)
    held.tamper(MOVE, at=57, by=-1)
    held.tamper(MOVE_BACK)
    assert held.touched() == ("entry", 57, 57)
    held.tamper(SHORTEN, by=-1)
    assert held.touched()[:2] == ("entry", ENTRIES), "the head ends before the newest checkpoint"


def test_f8_an_entry_that_is_put_in_between_is_named(held: Held) -> None:
    held.tamper(MOVE, at=57, by=1)
    held.tamper(MOVE_BACK)
    held.tamper(INSERT, at=57)
    assert held.touched() == ("entry", 57, 57)
    held.tamper(SHORTEN, by=1)
    assert held.touched() == ("entry", 57, 57)


def test_f8_an_entry_behind_the_end_is_found(held: Held) -> None:
    held.tamper(INSERT, at=ENTRIES + 7)
    assert held.touched()[:2] == ("entry", ENTRIES + 1)


def test_f8_two_entries_that_are_exchanged_are_named_by_the_first(held: Held) -> None:
    swap = "update audit_entry set position = %(to)s where tenant = %(tenant)s and position = %(at)s"
    for at, to in ((30, 500_001), (71, 30), (500_001, 71)):
        held.tamper(swap, at=at, to=to)
    assert held.touched() == ("entry", 30, 30)


def test_f8_a_tail_that_is_cut_off_is_found(held: Held) -> None:
    held.tamper("delete from audit_entry where tenant = %(tenant)s and position > 290")
    assert held.touched() == ("entry", 291, 291)
    held.tamper(SHORTEN, by=-10)
    assert held.touched()[:2] == ("entry", 291)
    held.write_anew()
    assert held.verified().tree.finding is None, "whoever keeps nothing sees nothing"
    with pytest.raises(SigningRefused, match="audit was rolled back: it held 300 entries and now tells of 290"):
        held.sign()


def test_f8_an_audit_that_is_written_anew_with_a_good_tree_does_not_fit_what_others_keep(held: Held) -> None:
    held.tamper("update audit_entry set kind = 'signed_out' where tenant = %(tenant)s and position = 17")
    held.write_anew()
    assert held.verified().tree.finding is None, "whoever keeps nothing sees nothing"
    assert held.touched(older(held)) == ("history", 1, OLDER)
    with pytest.raises(SigningRefused, match="audit was rewritten: among its first 300 entries"):
        held.sign()


def test_f8_an_entry_of_one_tenant_is_none_of_another(held: Held, kind: Offices) -> None:
    """Whoever owns the database gives another tenant our audit, tree and all: no leaf of it is theirs."""
    other = kind.new().tenant
    with connect(held.dsn, role=None) as owner, owner.transaction():
        for statement in (
            "insert into audit_head select %s, position, durable, frontier from audit_head where tenant = %s",
            "insert into audit_tile select %s, number, level, hashes from audit_tile where tenant = %s",
            "insert into audit_checkpoint select %s, size, epoch, signed_at, root, note from audit_checkpoint"
            " where tenant = %s",
        ):
            owner.execute(statement, [other, held.tenant])
    tamper(
        held.dsn,
        "insert into audit_entry select %s, entry, at, kind, person, actor, device, session, address, detail, position,"
        " salt from audit_entry where tenant = %s",
        [other, held.tenant],
    )
    found = held.verifier.verify(other).tree.finding
    assert found is not None
    assert found.first == 1
    with connect(held.dsn, role=None) as owner:
        for table in ("audit_tile", "audit_checkpoint"):
            owner.execute(f"delete from {table} where tenant = %s", [other])
    with pytest.raises(LogTouched, match="The audit of tenant"):
        held.trees.keep_up(other, at_once=True)


def test_f8_what_was_touched_before_it_was_signed_for_is_never_signed(held: Held) -> None:
    held.note(5)
    held.places.give(held.tenant)
    held.tamper("update audit_entry set kind = 'signed_out' where tenant = %(tenant)s and position = 303")
    with pytest.raises(LogTouched, match="its first 305 entries do not come to the frontier"):
        held.sign()
    assert held.touched()[1:] == (ENTRIES + 1, ENTRIES + 5)


def test_f8_the_audit_and_the_log_are_signed_under_names_of_their_own(held: Held) -> None:
    note = older(held)
    assert str(note.checkpoint.origin).endswith("/audit")
    assert note.signed_by(held.signer.publics(), verify)
    as_log = note.checkpoint._replace(origin=note.checkpoint.origin._replace(stream="events"))
    assert not note._replace(checkpoint=as_log).signed_by(held.signer.publics(), verify)
    assert held.signer.trust(held.tenant).newest is None


def test_whoever_notes_waits_for_nobody_who_gives_places(held: Held) -> None:
    with connect(held.dsn, role=None) as slow, slow.transaction():
        slow.execute("select from audit_head where tenant = %s for update", [held.tenant])
        held.note(1)
    assert held.places.give(held.tenant) == 1


def test_entries_from_before_there_was_a_tree_get_their_places(fresh: Held) -> None:
    fresh.note(7)
    before = fresh.audit.entries(fresh.tenant, before=None, kind=None, person=None, limit=99)
    assert fresh.sign().checkpoint.size == 7
    assert fresh.audit.entries(fresh.tenant, before=None, kind=None, person=None, limit=99) == before
    placed = fresh.shelf.entries(fresh.tenant, after=0, upto=99, limit=99)
    assert [each.entry for each in placed] == [each.entry for each in reversed(before)]
    assert len({each.salt for each in placed}) == 7


CHANGES: Final[tuple[LiteralString, ...]] = (
    "update audit_entry set detail = 'x' where tenant = %(tenant)s",
    "update audit_entry set position = position + 1000 where tenant = %(tenant)s",
    "update audit_entry set position = null where tenant = %(tenant)s",
    "update audit_entry set address = null, detail = '', salt = null, sealed = sha256('') where tenant = %(tenant)s",
    "delete from audit_entry where tenant = %(tenant)s",
    "truncate audit_entry",
    "insert into audit_entry (tenant, entry, at, kind, detail, position)"
    " values (%(tenant)s, gen_random_uuid(), now(), 'x', '', 100001)",
)


@pytest.mark.parametrize("role", [None, MIGRATOR])
def test_no_statement_rewrites_the_audit_while_its_triggers_stand(held: Held, role: str | None) -> None:
    with connect(held.dsn, role=role) as owner:
        owner.execute("select set_config('app.tenant', %s, false)", [held.tenant])
        owner.execute("select set_config('app.erases', 'yes', false)")
        for statement in CHANGES:
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="refused"):
                owner.execute(statement, {"tenant": held.tenant})
    assert held.verified().tree.finding is None


TOMORROW: Final = NOON + 86_400_000


def erased(held: Held, person: str) -> int:
    with connect(held.dsn, role=MIGRATOR) as owner:
        return erase(owner, held.tenant, person, until_ms=TOMORROW)


def test_f4_f8_what_is_personal_is_erased_and_the_proof_stays(fresh: Held) -> None:
    fresh.note(3, detail=NASTY)
    fresh.note(2, person=BEN)
    before = fresh.sign()
    leaves = [audit_leaf_of(fresh.tenant, each) for each in fresh.shelf.entries(fresh.tenant, after=0, upto=9, limit=9)]
    assert to_erase(fresh.reading, fresh.tenant, ADA, until_ms=TOMORROW) == 3
    assert to_erase(fresh.reading, fresh.tenant, ADA, until_ms=NOON - 1) == 0
    fresh.note(1, person=BEN)
    announced = AuditEntry(new_id(), NOON, "audit_erased", ADA, None, None, None, None, "3 entries")
    fresh.audit.note(fresh.tenant, announced)
    fresh.sign()
    assert erased(fresh, ADA) == 3
    assert erased(fresh, ADA) == 0
    entries = fresh.shelf.entries(fresh.tenant, after=0, upto=9, limit=9)
    assert [(each.address, each.detail, each.salt) for each in entries[:3]] == [(None, "", None)] * 3
    assert [audit_leaf_of(fresh.tenant, each) for each in entries][:5] == leaves
    found = fresh.verified(before)
    assert (found.tree.finding, found.emptied) == (None, (3, 0, None))


EMPTY: Final = """
    update audit_entry set address = null, detail = '', salt = null, sealed = sha256(salt || convert_to(
        concat('[', coalesce(to_json(address)::text, 'null'), ',', to_json(detail), ']'), 'UTF8'))
    where tenant = %(tenant)s and position = %(at)s
"""


def test_f8_an_erasure_that_was_announced_covers_nothing_that_came_later(fresh: Held) -> None:
    fresh.note(2)
    fresh.sign()
    fresh.audit.note(fresh.tenant, AuditEntry(new_id(), NOON, "audit_erased", ADA, None, None, None, None, ""))
    fresh.sign()
    fresh.note(1)
    fresh.sign()
    fresh.tamper(EMPTY, at=2)
    assert fresh.verified().tree.finding is None
    fresh.tamper(EMPTY, at=4)
    assert fresh.touched() == ("erasure", 4, 4)


def test_f8_what_is_emptied_without_saying_so_is_named(held: Held) -> None:
    held.tamper(EMPTY, at=57)
    assert held.touched() == ("erasure", 57, 57)
    held.audit.note(held.tenant, AuditEntry(new_id(), NOON, "audit_erased", BEN, None, None, None, None, ""))
    assert held.touched() == ("erasure", 57, 57), "that is somebody else's erasure"
    held.tamper("update audit_entry set detail = 'forged' where tenant = %(tenant)s and position = 57")
    assert held.touched() == ("entry", 57, 57)


def test_the_hash_of_a_leaf_is_that_of_its_bytes(held: Held) -> None:
    entries = held.shelf.entries(held.tenant, after=9, upto=20, limit=3)
    hashes = held.shelf.leaf_hashes(held.tenant, after=9, upto=12)
    assert hashes == [leaf_hash(audit_leaf_of(held.tenant, each)) for each in entries]
