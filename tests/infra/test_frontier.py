"""Every log keeps the frontier of its Merkle tree, whichever way its events come in."""

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import orjson
import pytest

from infra.memory import MemoryEventLog
from infra.postgres.frontier import LogIncomplete, rebuild
from infra.postgres.leaves import leaves
from infra.postgres.pool import connect, open_pool
from sync.leaf import STAMPS, leaf_hashes, leaf_of
from sync.log import Changes, Conflicting
from sync.merkle import leaf_hash, root_of
from tests.devices import new_id
from tests.infra.event_logs import Office, Offices, event, events, in_postgres
from tests.infra.pushing import LARGE, device, pushed
from tests.infra.tampering import tamper
from tests.sync import oracle_tree

FRONTIER: Final = "select frontier, position from log_head where tenant = %s"


def frontier_of(office: Office, dsn: str) -> list[bytes]:
    if isinstance(office.log, MemoryEventLog):
        return list(office.log.anchor(office.tenant).frontier)
    with connect(dsn, role=None) as owner:
        found = owner.execute(FRONTIER, [office.tenant]).fetchone()
    assert found is not None
    frontier: list[bytes] = found[0]
    return frontier


def is_proven(office: Office, kind: Offices) -> None:
    frontier = frontier_of(office, kind.dsn)
    assert len(frontier) == office.position.bit_count()
    if office.position:
        assert root_of(frontier) == oracle_tree.root_of(leaf_of(row) for row in office.events())


def test_whatever_is_appended_is_in_the_tree(office: Office, kind: Offices) -> None:
    is_proven(office, kind)
    for count in (1, 2, LARGE, 1, 5, 3 * LARGE, 1):
        office.store(Changes(events=events(count, after=office.position)))
        is_proven(office, kind)


def test_what_stores_no_event_leaves_the_tree_as_it_is(office: Office, kind: Offices) -> None:
    office.store(Changes(events=events(3)))
    before = frontier_of(office, kind.dsn)
    office.store(Changes())
    with pytest.raises(Conflicting):
        office.store(Changes(events=[event(4), event(5, seq=1)]))
    assert frontier_of(office, kind.dsn) == before
    is_proven(office, kind)


def test_pushes_at_once_alone_together_and_ahead_are_all_in_the_tree(office: Office, kind: Offices) -> None:
    devices = [device(office, name) for name in ("ada2", "ben", "cleo", "dan", "eve", "fay")]
    sizes = [LARGE, 1, 2, 2 * LARGE, 1, 3]
    for _ in range(3):
        batches = [
            [each.create("site", new_id()) for _ in range(size)] for each, size in zip(devices, sizes, strict=True)
        ]
        with ThreadPoolExecutor(len(batches)) as pool:
            list(pool.map(lambda raws: pushed(office, raws), batches))
    assert office.position == 3 * sum(sizes)
    is_proven(office, kind)


NASTY: Final = "".join(map(chr, (*range(1, 0x300), 0x2028, 0x2029, 0xD7FF, 0xE000, 0xFFFD, 0xFFFF, 0x10000, 0x10FFFF)))


def test_postgres_spells_a_leaf_as_we_do(office: Office, kind: Offices) -> None:
    texts = [NASTY, "", 'a"b\\c', "\x7f/</script>", *NASTY[:64]]
    told = [
        event(number, type=text, scope=text[::-1], actor=text, entity_type=text, body=text.encode() + b"\x00\xff\n")
        for number, text in enumerate(texts, start=1)
    ]
    office.store(Changes(events=told))
    assert [leaf_of(row) for row in office.events()] == [leaf_of(row) for row in told]
    if kind.dsn:
        with connect(kind.dsn, role=None) as owner:
            found = list(leaves(owner, office.tenant, after=2, upto=len(told)))
        assert [each.position for each in found] == list(range(3, len(told) + 1))
        assert [each.leaf for each in found] == [leaf_of(row) for row in told[2:]]
    is_proven(office, kind)


def test_the_stamps_are_canonical_json_with_every_column_but_the_place() -> None:
    row = event(7)
    stamps, _, body = leaf_of(row).partition(b"\n")
    assert orjson.loads(stamps) == [value for name, value in row._asdict().items() if name not in ("position", "body")]
    assert body == row.body
    assert leaf_of(row) == leaf_of(row._replace(position=8))
    assert leaf_hashes([row]) == [leaf_hash(leaf_of(row))]


def test_the_reference_names_the_stamps_in_their_order() -> None:
    page = (Path(__file__).parents[2] / "docs" / "reference" / "proof.md").read_text()
    (sentence,) = re.findall("The line holds, in this order: (.*)", page)
    assert re.findall("`([a-z_]+)`", sentence) == [name.removesuffix("_ms") for name in STAMPS]
    (example,) = re.findall(r"^(\[.*\])$", page, re.MULTILINE)
    told = orjson.loads(example)
    kinds = [type(value) for value in event(7)[1:13]]
    assert [type(value) for value in told] == kinds
    assert orjson.dumps(told).decode() == example


def rebuilt(dsn: str) -> None:
    """Let a database be one of before there was a tree, and do what the migration does."""
    with connect(dsn, role=None, autocommit=False) as owner:
        owner.execute("update log_head set frontier = '{}'")
        rebuild(owner)
        owner.commit()


def test_a_database_from_before_gets_its_tree_and_goes_on(database: str) -> None:
    with open_pool(database, size=2) as pool:
        kind = in_postgres(pool, database)
        office, other = kind.new(), kind.new()
        office.store(Changes(events=events(700)))
        other.store(Changes(events=events(3)))
        rebuilt(database)
        is_proven(office, kind)
        office.store(Changes(events=events(2, after=700)))
        for each in (office, other, kind.new()):
            is_proven(each, kind)


def test_a_log_that_lacks_an_event_is_not_brought_up_to_date(database: str) -> None:
    with open_pool(database, size=2) as pool:
        office = in_postgres(pool, database).new()
        office.store(Changes(events=events(9)))
        assert tamper(database, "delete from event where position = 4") == 1
        with pytest.raises(LogIncomplete, match="position 4 of 9"):
            rebuilt(database)
