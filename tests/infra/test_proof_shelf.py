"""Tiles and checkpoints are kept alike in memory and in Postgres, and follow from the log."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.checkpoint_signer import SigningRefused
from infra.ed25519 import verify
from infra.tree_keeper import CHECKPOINT_AFTER_MS, EVENTS_PER_CHECKPOINT
from sync.checkpoint import Origin
from sync.leaf import leaf_hashes
from sync.log import TenantUnknown
from sync.merkle import appended, inclusion_proof, root_by_inclusion, root_of
from sync.proof_shelf import SignedRow
from sync.tiles import Tile, nodes_over, widths_of
from tests.devices import NOON, new_id
from tests.infra.event_logs import Office, Offices
from tests.infra.proving import Proven, shelf_of


@pytest.fixture
def proven(office: Office, kind: Offices, tmp_path: Path) -> Iterator[Proven]:
    with shelf_of(office, kind) as shelf:
        yield Proven(office, shelf, tmp_path / "keys")


def root_of_all(proven: Proven) -> bytes:
    return root_of(appended(0, [], leaf_hashes(proven.office.events())))


def test_an_empty_log_has_nothing_to_prove(proven: Proven) -> None:
    assert proven.keeper.keep_up(proven.tenant, at_once=True) is None
    assert proven.shelf.newest(proven.tenant, proven.office.log.head(proven.tenant).epoch) is None
    assert proven.shelf.tiled(proven.tenant) == 0
    assert proven.shelf.tile(proven.tenant, 0, 0) == b""
    assert proven.tenant in proven.shelf.tenants()
    with pytest.raises(TenantUnknown):
        proven.keeper.keep_up(new_id())


def test_a_checkpoint_is_of_the_whole_log_and_signed_by_the_servers_key(proven: Proven) -> None:
    proven.grow(5)
    note = proven.sign()
    epoch = proven.office.log.head(proven.tenant).epoch
    assert note.checkpoint == (Origin(proven.tenant, epoch), 5, root_of_all(proven))
    assert note.signed_by(proven.signer.publics(), verify) == proven.signer.publics()
    proven.grow(700)
    assert proven.sign().checkpoint[1:] == (705, root_of_all(proven))
    assert [row.size for row in proven.shelf.signed(proven.tenant, after=0, limit=9)] == [5, 705]
    assert [row.size for row in proven.shelf.signed(proven.tenant, after=5, limit=9)] == [705]


def test_checkpoints_of_one_size_are_never_on_two_pages(proven: Proven) -> None:
    proven.grow(5)
    proven.sign()
    epoch = new_id()
    proven.signer.announce(proven.tenant, epoch)
    proven.office.log.begin_epoch(proven.tenant, epoch)  # the server was restored, and signs for the same events
    proven.sign()
    proven.grow(3)
    proven.sign()
    found, after = list[tuple[int, str]](), 0
    while page := proven.shelf.signed(proven.tenant, after=after, limit=1):
        found += [(row.size, row.epoch) for row in page]
        after = page[-1].size
    assert [size for size, _ in found] == [5, 5, 8]
    assert len({*found}) == 3


def test_every_event_is_proven_from_the_tiles(proven: Proven) -> None:
    for count in (3, 250, 5, 300):
        proven.grow(count)
        checkpoint = proven.sign().checkpoint
        leaves = leaf_hashes(proven.office.events())
        nodes = nodes_over(lambda level, number: proven.shelf.tile(proven.tenant, level, number))
        for index in {0, 2, checkpoint.size // 2, checkpoint.size - 1}:
            proof = inclusion_proof(index, checkpoint.size, nodes)
            assert root_by_inclusion(leaves[index], index, checkpoint.size, proof) == checkpoint.root
    assert {level: divmod(len(shown(proven, level)) // 32, 256) for level in (0, 1)} == widths_of(558)


def shown(proven: Proven, level: int) -> bytes:
    return b"".join(proven.shelf.tile(proven.tenant, level, number) for number in range(9))


def test_a_tile_and_a_checkpoint_that_are_there_stay(proven: Proven) -> None:
    whole = Tile(0, 0, bytes(96))
    proven.shelf.keep_tiles(proven.tenant, [whole, Tile(1, 0, bytes(32))])
    proven.shelf.keep_tiles(proven.tenant, [whole._replace(hashes=b"\xff" * 64)])
    assert proven.shelf.tile(proven.tenant, 0, 0) == whole.hashes
    assert proven.shelf.tiled(proven.tenant) == 3
    row = SignedRow(new_id(), 3, bytes(32), NOON, b"a note")
    proven.shelf.keep_signed(proven.tenant, row)
    proven.shelf.keep_signed(proven.tenant, row._replace(note=b"another"))
    assert proven.shelf.newest(proven.tenant, row.epoch) == row
    assert proven.shelf.newest(proven.tenant, new_id()) is None


def test_a_checkpoint_is_due_after_many_events_or_after_a_while(proven: Proven) -> None:
    proven.grow(1)
    assert proven.keeper.keep_up(proven.tenant) is None, "the first is due at once"
    proven.grow(EVENTS_PER_CHECKPOINT - 1)
    due_ms = NOON + CHECKPOINT_AFTER_MS
    assert proven.keeper.keep_up(proven.tenant) == due_ms
    proven.now_ms = due_ms - 1
    assert proven.keeper.keep_up(proven.tenant) == due_ms
    proven.grow(1)
    assert proven.keeper.keep_up(proven.tenant) is None
    proven.grow(1)
    proven.now_ms += CHECKPOINT_AFTER_MS
    assert proven.keeper.keep_up(proven.tenant) is None
    sizes = [row.size for row in proven.shelf.signed(proven.tenant, after=0, limit=9)]
    assert sizes == [1, 1 + EVENTS_PER_CHECKPOINT, 2 + EVENTS_PER_CHECKPOINT]


def test_a_new_epoch_is_signed_once_it_was_announced(proven: Proven) -> None:
    proven.grow(5)
    before = proven.sign().checkpoint
    epoch = new_id()
    proven.office.log.begin_epoch(proven.tenant, epoch)
    with pytest.raises(SigningRefused, match="nobody has announced"):
        proven.sign()
    proven.signer.announce(proven.tenant, epoch)
    after = proven.sign().checkpoint
    assert after == before._replace(origin=Origin(proven.tenant, epoch))
    proven.grow(2)
    assert proven.sign().checkpoint.size == 7
    proven.office.log.begin_epoch(proven.tenant, before.origin.epoch)
    with pytest.raises(SigningRefused, match="nobody has announced"):
        proven.sign()


def test_one_event_is_found_by_its_id_and_those_of_a_scope_in_order(proven: Proven) -> None:
    proven.grow(9)
    rows = proven.office.events()
    assert proven.shelf.event(proven.tenant, rows[3].id) == rows[3]
    assert proven.shelf.event(proven.tenant, new_id()) is None
    assert proven.shelf.events_of_scope(proven.tenant, rows[3].scope, upto=9, limit=5) == [rows[3]]
    assert proven.shelf.events_of_scope(proven.tenant, rows[3].scope, upto=3, limit=5) == []
