"""A SyncedDevice under watch tells the history what it did, and what it would keep to itself comes out."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cairnfield.prove_sync.history import Op, read_history
from cairnfield.prove_sync.ledger import Fault, ledger_of
from cairnfield.prove_sync.order import nothing_passed_over
from cairnfield.prove_sync.part import Part, Why
from cairnfield.prove_sync.replicas import own_writes_are_read
from cairnfield.prove_sync.synced import Synced
from cairnfield.simulate.world import Deed, Ref
from infra.device_file import DeviceFile
from infra.http_client import SyncClient
from sync.device import Device
from sync.envelope import hash_of
from tests.api.office import Office
from tests.api.serving import served_office


class Room:
    """A server with nobody else at it, and one device that is watched."""

    def __init__(self, office: Office, port: int, folder: Path) -> None:
        self.office = office
        self._part = Part(
            name="ada",
            role="dispatcher",
            token=office.tokens["dispatcher"],
            url=f"http://127.0.0.1:{port}",
            folder=folder,
            history=folder / "history.jsonl",
            seed="1",
            is_synced=True,
        )

    def part(self, why: Why, name: str = "ada") -> Part:
        return replace(self._part, why=why, name=name)

    def told(self, f: str | None = None, kind: str = "ok") -> list[Op]:
        ops = read_history(self._part.history.read_bytes().split(b"\n"))
        return ops if f is None else [op for op in ops if (op.f, op.type) == (f, kind)]

    def faults(self) -> list[Fault]:
        history = self.told()
        return [*own_writes_are_read(history, ledger_of(history))]


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    with served_office() as (office, _, port):
        yield Room(office, port, tmp_path)


def tell(watched: Synced, *names: str) -> list[Ref]:
    customers = [watched.user.world.new("customer", 0) for _ in names]
    for customer, name in zip(customers, names, strict=True):
        watched.tell(Deed("customer", customer, "Created", {"name": name}), None)
    return customers


def test_what_it_writes_hands_in_and_takes_in_is_told(room: Room) -> None:
    with Synced.of(room.part("started")) as watched:
        watched.open()
        tell(watched, "Mill", "Inn")
        watched.sync("calm")
    written, announced = room.told("write"), room.told("write", "invoke")
    stored = room.office.log.page(room.office.tenant, after=0, limit=10)
    assert [op.value["id"] for op in written] == [row.id for row in stored]
    assert [op.value["hash"] for op in written] == [hash_of(bytes(row.body)) for row in stored]
    assert [op.value for op in announced] == [op.value for op in written], "it was known before it was written"
    assert {each[1] for op in room.told("push") for each in op.value["verdicts"]} == {"accepted"}
    assert [op.value["cursor"] for op in room.told("apply")][-1] == 2
    rest = room.told("rest")[-1].value
    assert (rest["outbox"], rest["cursor"]) == ([], 2)
    assert rest["shown"] == [[op.value["id"], True] for op in written]
    assert room.faults() == [] == [*nothing_passed_over(room.told(), ledger_of(room.told()))]


def test_a_copy_of_its_file_forks_and_the_new_names_are_told_with_what_they_are_handed_in_by(room: Room) -> None:
    with Synced.of(room.part("started")) as watched:
        watched.open()
        tell(watched, "Mill", "Inn")
    ada, twin = room.part("killed"), room.part("cloned", "twin")
    twin.disk.write_bytes(ada.disk.read_bytes())
    with Synced.of(twin) as watched:
        watched.open()
        tell(watched, "Barn")
        watched.sync("calm")
    with Synced.of(ada) as watched:
        watched.open()
        tell(watched, "Ford")
        watched.sync("calm")
    renamed = [op for op in room.told() if op.f == "fork"]
    assert [op.process for op in renamed] == ["ada"]
    mill, inn, barn, ford = (op.value for op in room.told("write"))
    named = renamed[0].value["renamed"]
    assert [each[0] for each in named] == [mill["id"], inn["id"], ford["id"]]
    assert [each[2] for each in named] == [1, 2, 3]
    assert {each[1] for each in named}.isdisjoint({ford["replica"], barn["replica"]})
    assert room.told("rest")[-1].value["shown"] == [[ford["id"], True]]
    verdicts = [each[:2] for op in room.told("push") if op.process == "ada" for each in op.value["verdicts"]]
    assert verdicts == [[mill["id"], "duplicate"], [inn["id"], "duplicate"], [ford["id"], "accepted"]]
    assert room.faults() == []


def test_nobody_who_saves_too_late_is_believed(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same with a file that keeps what it should is good: only the file that does not is found out."""
    for is_late in (False, True):
        with monkeypatch.context() as broken:
            if is_late:
                broken.setattr(DeviceFile, "save", lambda *_: None)
            with Synced.of(room.part("killed")) as watched:
                watched.open()
                tell(watched, "Mill")
        with Synced.of(room.part("killed")) as watched:
            watched.open()
        assert [fault.invariant for fault in room.faults()] == ["I7"] * is_late


def test_nobody_who_drops_an_own_event_is_believed(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    load = DeviceFile.load

    def forgetful(file: DeviceFile) -> Device | None:
        device = load(file)
        return device and replace(device, outbox={}, edited={})

    with Synced.of(room.part("started")) as watched:
        watched.open()
        tell(watched, "Mill")
    monkeypatch.setattr(DeviceFile, "load", forgetful)
    with Synced.of(room.part("killed")) as watched:
        watched.open()
    (fault,) = room.faults()
    assert (fault.invariant, "has lost" in fault.sentence) == ("I7", True)


def test_a_page_that_was_cut_is_told_as_unknown_and_left_to_the_device(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = SyncClient.page

    def cut(client: SyncClient, *asked: Any, **more: Any) -> bytes:
        return whole(client, *asked, **more)[:-5]

    with Synced.of(room.part("started")) as watched:
        watched.open()
        tell(watched, "Mill")
        with monkeypatch.context() as line:
            line.setattr(SyncClient, "page", cut)
            watched.sync("calm")
            assert (room.told("pull"), room.told("apply")) == ([], [])
            assert [op.value["why"][:21] for op in room.told("pull", "info")] == ["not an answer of ours"]
        watched.sync("calm")
    assert room.told("rest")[-1].value["outbox"] == []
    assert room.faults() == []


def test_a_scope_that_it_holds_otherwise_than_the_server_is_told(room: Room) -> None:
    with Synced.of(room.part("started")) as watched:
        watched.open()
        (mill,) = tell(watched, "Mill")
        watched.sync("calm")
        device, entity = watched.device, watched.user.world.id_of(mill)
        spoilt = {entity: device.accepted[entity]._replace(version=7)}
        watched._synced._become(replace(device, accepted=spoilt))
        assert watched._synced.check() != []
    assert [bool(op.value["differing"]) for op in room.told("check")][-1] is True
