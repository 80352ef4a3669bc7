"""A device's file: what is saved is loaded, a step is stored whole or not at all, and one process has it."""

import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from infra.device_file import DeviceFile, DeviceFileUnfit, Owner
from sync.author import Author
from sync.device import Device, Kept, Quarantined, edit
from sync.handing_in import ask_again, heed
from tests.devices import CREATED, NOON, new_id

OWNER = Owner(new_id(), new_id())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ada.db"


def edited(device: Device, entity: str, type_: str = "Created") -> Device:
    data = dict(CREATED["site"]) if type_ == "Created" else {"name": "Mill"}
    return edit(device, id=new_id(), entity_type="site", entity=entity, type=type_, data=data, now_ms=NOON)[0]


def steps() -> Iterator[Device]:
    """A device step by step, until every member holds something."""
    device = Device(author=Author(replica="rada" + "a" * 9), epoch=new_id())
    sites = [new_id() for _ in range(4)]
    for site in sites:
        device = edited(edited(device, site), site, "Edited")
        yield device
    first, second, third, *_ = device.outbox
    told = {"case": "rada-1", "code": "not_allowed", "text": "No.", "retryable": True}
    device = heed(device, [{"id": first, "verdict": "quarantined", **told}])
    yield device
    device = heed(device, [{"id": second, "verdict": "held"}, {"id": third, "verdict": "accepted", "position": 9}])
    yield device
    state = device.edited[sites[1]]
    device = replace(
        device,
        accepted={sites[1]: state, sites[2]: state},
        homes={sites[1]: "a", sites[2]: "b"},
        entered={"a": 3, "b": 5},
        stale=frozenset({sites[1]}),
        kept={third: Kept(device.outbox[third].event, 9)},
        elsewhere={7: ("rbob" + "a" * 9, 3)},
        forked_at=12,
        resume="later",
        view="*",
        cursor=9,
    )
    yield device
    yield replace(device, accepted={sites[2]: state}, homes={sites[2]: "b"}, stale=frozenset())
    yield replace(device, homes={sites[1]: "a", sites[2]: "c"}, elsewhere={}, kept={}, forked_at=None)
    yield replace(device, stale=frozenset({sites[1], sites[2]}), entered={"b": 6})
    yield replace(device, entered={})
    yield replace(device, outbox=dict(reversed([*device.outbox.items()])))
    yield ask_again(device)
    yield replace(device, outbox={}, edited={}, quarantined={})


def test_what_was_saved_is_loaded_step_by_step(path: Path) -> None:
    before: Device | None = None
    for device in steps():
        with DeviceFile(path) as file:
            if before is None:
                assert file.load() is None
                file.begin(device, OWNER)
            else:
                file.save(before, device)
        with DeviceFile(path) as file:
            loaded = file.load()
        assert loaded is not None
        assert replace(loaded, edited=device.edited) == device
        assert list(loaded.outbox) == list(device.outbox), "events are handed in in the order of writing"
        if not device.accepted:  # the later steps are made up, and not what an edit on top of them would show
            assert {name: device.edited[name] for name in loaded.edited} == loaded.edited
        before = device
        assert file_owner(path) == OWNER


def file_owner(path: Path) -> Owner | None:
    with DeviceFile(path) as file:
        return file.owner()


def test_a_step_that_breaks_off_changes_nothing(path: Path) -> None:
    first, second, *_ = steps()
    with DeviceFile(path) as file:
        file.begin(first, OWNER)
        name = next(iter(second.outbox))
        unspeakable: Any = object()
        aside = Quarantined(second.outbox[name].event, unspeakable, "", "", False)
        broken = replace(second, quarantined={name: aside})
        with pytest.raises(sqlite3.Error):
            file.save(first, broken)
        assert file.load() == first
        file.save(first, second)
        assert file.load() == second


def test_a_file_belongs_to_one_process_at_a_time(path: Path) -> None:
    with DeviceFile(path), pytest.raises(DeviceFileUnfit, match="open in another"):
        DeviceFile(path)
    with DeviceFile(path):
        pass


def test_another_file_is_refused_and_left_as_it_is(path: Path) -> None:
    path.write_bytes(b"Dear diary" * 500)
    with pytest.raises(DeviceFileUnfit, match="not a device's file"):
        DeviceFile(path)
    assert path.read_bytes() == b"Dear diary" * 500


@pytest.mark.parametrize("version", [1, 2, 3])
def test_a_file_of_a_version_before_is_taken_up(path: Path, version: int) -> None:
    device = replace([*steps()][-1], entered={})
    with DeviceFile(path) as file:
        file.begin(device, OWNER)
    with sqlite3.connect(path) as database:
        database.execute("alter table kept drop column since_ms")
        if version < 3:
            database.execute("drop table pinned")
        if version < 2:
            database.execute("drop table entered")
        database.execute(f"pragma user_version = {version}")
    database.close()
    for _ in range(2):
        with DeviceFile(path) as file:
            assert file.load() == device


def test_a_file_of_a_newer_program_is_refused(path: Path) -> None:
    with sqlite3.connect(path) as database:
        database.execute("pragma user_version = 99")
    database.close()
    with pytest.raises(DeviceFileUnfit, match="newer program"):
        DeviceFile(path)


def written(path: Path) -> Device:
    """A device with eight unsent events, in its file."""
    device = Device(author=Author(replica="rada" + "a" * 9), epoch=new_id())
    with DeviceFile(path) as file:
        file.begin(device, OWNER)
        for site in [new_id() for _ in range(4)]:
            after = edited(edited(device, site), site, "Edited")
            file.save(device, after)
            device = after
    return device


DAMAGES: Mapping[str, tuple[str, str]] = {
    "a row is gone": ("delete from outbox where number = 4", "event 4 of"),
    "the last row is gone": ("delete from outbox where number = 8", "event 8 of"),
    "an event says something else": (
        "update outbox set event = cast(replace(event, 'Mill', 'Mall') as blob) where number = 4", "event 4 of",
    ),
    "the last event says something else": (
        "update outbox set event = cast(replace(event, 'Mill', 'Mall') as blob) where number = 8", "event 8 of",
    ),
    "an event is cut off": ("update outbox set event = substr(event, 1, 40) where number = 4", "not_json"),
    "the count was set back": ("update standing set seq = 6", "though only 6 were written"),
    "the count ran ahead": ("update standing set seq = 9", "event 9 of"),
    "the last hash is another": ("update standing set prev = 'ff'", "event 8 of"),
    "a state is cut off": ("insert into accepted values ('x', 'y', 0, x'7b')", "damaged"),
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGES)
def test_h9_a_damaged_file_is_not_opened_and_is_left_as_it_is(path: Path, name: str) -> None:
    statement, words = DAMAGES[name]
    written(path)
    with sqlite3.connect(path) as db:
        assert db.execute(statement).rowcount == 1
    db.close()
    before = path.read_bytes()
    for _ in range(2):
        with DeviceFile(path) as file, pytest.raises(DeviceFileUnfit, match=r"is damaged: .* Put it aside") as refused:
            file.load()
        assert words in str(refused.value)
    assert path.read_bytes() == before


def test_h9_a_page_of_the_file_that_rots_is_found_before_anything_is_read(path: Path) -> None:
    written(path)
    raw = bytearray(path.read_bytes())
    raw[4_096 * 3 : 4_096 * 4] = bytes(4_096)
    path.write_bytes(raw)
    with DeviceFile(path) as file, pytest.raises(DeviceFileUnfit, match="is damaged"):
        file.load()
    assert path.read_bytes() == bytes(raw)


def test_a_file_that_was_brought_back_from_a_backup_is_whole(path: Path, tmp_path: Path) -> None:
    kept = written(path)
    copy = tmp_path / "copy.db"
    copy.write_bytes(path.read_bytes())
    with sqlite3.connect(path) as db:
        db.execute("delete from outbox where number = 4")
    db.close()
    with DeviceFile(path) as file, pytest.raises(DeviceFileUnfit):
        file.load()
    with DeviceFile(copy) as file:
        assert file.load() == kept
