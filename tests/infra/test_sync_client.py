"""A device that lasts, against the real application: offline, restored, cloned, beside portals, in step in the end."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from api.app import create_app
from api.services import Services
from cairnfield.wiring import new_replica
from domain.people import Role
from infra.device_file import DeviceFileUnfit
from infra.doorbell import ProcessDoorbell
from infra.http_client import OfflineError, ServerRefused, SyncClient
from infra.memory import MemoryEventLog
from infra.memory_accounts import MemoryAccounts
from infra.sync_client import SyncedDevice, new_id
from sync import state_codec
from sync.device import digest
from sync.envelope import Event, Unacceptable
from tests.api.in_process import client_of
from tests.api.office import Clock, Office
from tests.devices import CREATED

PORTAL = httpx.Response(200, html="<h1>Free WLAN: accept our terms</h1>")


class Line(httpx.BaseTransport):
    """The way to the server; `answers` are what somebody on the way says instead, in order, None to let it through."""

    def __init__(self, carrier: httpx.BaseTransport) -> None:
        self.carrier = carrier
        self.answers: list[httpx.Response | Exception | None] = []
        self.asked: list[str] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url.path.rpartition("/")[2])
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, Exception):
            raise answer
        if answer is not None:
            return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)
        return self.carrier.handle_request(request)


class Desk:
    """An office in memory behind HTTP, and devices of its people."""

    def __init__(self, office: Office, folder: Path, stack: ExitStack) -> None:
        self.office, self.folder, self._stack = office, folder, stack
        self.slept: list[float] = []

    def open(self, name: str, role: Role = "dispatcher") -> tuple[SyncedDevice, Line]:
        line = Line(self.office.client._transport)
        client = SyncClient("http://cairn", self.office.tokens[role], transport=line)
        device = SyncedDevice(
            self.folder / f"{name}.db", client, name=name, now_ms=lambda: self.office.clock.ms, sleep=self.slept.append
        )
        return self._stack.enter_context(device), line

    def stored(self) -> list[str]:
        return [row.id for row in self.office.log.page(self.office.tenant, after=0, limit=100_000)]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    clock, doorbell = Clock(), ProcessDoorbell()
    log = MemoryEventLog(doorbell.ring)
    accounts = MemoryAccounts(log)
    services = Services(
        log=log,
        accounts=accounts,
        doorbell=doorbell,
        now_ms=lambda: clock.ms,
        new_replica=new_replica,
        is_ready=lambda: True,
    )
    with client_of(create_app(services)) as client, ExitStack() as stack:
        tenant = accounts.add_tenant("Harbour Town", now_ms=clock.ms)
        office = Office(client=client, log=log, accounts=accounts, clock=clock, tenant=tenant).staff()
        yield Desk(office, tmp_path, stack)


def site(device: SyncedDevice, name: str = "Mill") -> str:
    made = new_id()
    device.edit("site", made, "Created", {**CREATED["site"], "name": name})
    return made


def test_two_devices_come_to_the_same_through_the_server(desk: Desk) -> None:
    (ada, _), (bob, _) = desk.open("ada"), desk.open("bob")
    mill = site(ada)
    assert bob.values(mill) is None
    ada.sync()
    bob.sync()
    ada.edit("site", mill, "Edited", {"access_code": "1234"})
    bob.edit("site", mill, "Edited", {"access_code": "9999"})
    assert (bob.values(mill) or {})["access_code"] == "9999"
    for device in (ada, bob, ada):
        standing = device.sync()
        assert (standing.unsent, standing.quarantined) == (0, 0)
    assert ada.values(mill) == bob.values(mill)
    assert [conflict.field for conflict in ada.conflicts(mill)] == ["access_code"]
    assert [*ada.entities("site")] == [*bob.entities("site")] == [mill]
    states = state_codec.state_hash(desk.office.log.states(desk.office.tenant))
    assert digest(ada.device) == digest(bob.device) == states
    assert ada.check() == []


def test_what_was_written_is_there_after_closing_and_is_handed_in_then(desk: Desk) -> None:
    ada, _ = desk.open("ada")
    mill = site(ada)
    replica = ada.device.author.replica
    ada.__exit__(None, None, None)
    ada, _ = desk.open("ada")
    assert ada.device.author.replica == replica
    assert (ada.values(mill) or {})["name"] == "Mill"
    assert ada.standing.unsent == 1
    assert ada.sync().unsent == 0
    assert len(desk.stored()) == 1


def test_what_no_server_would_take_is_not_written(desk: Desk) -> None:
    ada, _ = desk.open("ada")
    with pytest.raises(Unacceptable):
        ada.edit("site", new_id(), "Created", {**CREATED["site"], "name": 7})
    with pytest.raises(KeyError):
        ada.edit("site", new_id(), "Exploded", {})
    assert ada.standing.unsent == 0
    site(ada)
    assert ada.sync().quarantined == 0


def test_what_is_said_twice_under_one_id_is_written_once(desk: Desk) -> None:
    """Whoever was killed before they could note what they had written says it again."""
    ada, _ = desk.open("ada")
    mill, made, hint = new_id(), new_id(), new_id()

    def say(device: SyncedDevice) -> list[Event]:
        return [
            device.edit("site", mill, "Created", {**CREATED["site"], "name": "Mill"}, id=made),
            device.edit("site", mill, "Edited", {"directions": "Ring."}, id=hint),
        ]

    first = say(ada)
    assert [event.id for event in first] == [made, hint]
    assert say(ada) == first
    ada.__exit__(None, None, None)
    ada, _ = desk.open("ada")
    assert say(ada) == first
    assert ada.standing.unsent == 2
    ada.sync()
    assert say(ada) == first, "also once it is handed in"
    assert ada.sync().quarantined == 0
    bob, _ = desk.open("bob")
    assert say(bob) != first, "it cannot know"
    assert bob.sync().unsent == 0
    assert bob.values(mill) == ada.values(mill)
    assert desk.stored() == [made, hint]


def test_an_id_is_of_one_event(desk: Desk) -> None:
    ada, _ = desk.open("ada")
    mill, hint = site(ada), new_id()
    ada.edit("site", mill, "Edited", {"directions": "Ring."}, id=hint)
    for other in (
        ("site", mill, "Edited", {"directions": "Knock."}),
        ("site", mill, "Archived", {}),
        ("site", new_id(), "Edited", {"directions": "Ring."}),
        ("asset", mill, "Edited", {"directions": "Ring."}),
    ):
        with pytest.raises(ValueError, match="another event of this device"):
            ada.edit(*other, id=hint)
    with pytest.raises(Unacceptable):
        ada.edit("site", mill, "Edited", {"directions": "Ring."}, id="a-row-of-mine")
    assert ada.standing.unsent == 2


def test_what_is_set_aside_is_told_and_stays_in_the_file(desk: Desk) -> None:
    tech, _ = desk.open("tech", "technician")
    tech.edit("part", new_id(), "Created", dict(CREATED["part"]))
    assert tech.sync().quarantined == 1
    tech.__exit__(None, None, None)
    tech, _ = desk.open("tech", "technician")
    (aside,) = tech.quarantined
    assert (aside.code, aside.event.entity_type) == ("not_allowed", "part")


def test_a_copy_under_another_name_hears_what_became_of_what_was_set_aside(desk: Desk) -> None:
    """Also where that was decided before its fork: pulls before a fork name no replica, and are told no verdicts."""
    (ada, _), (tech, _) = desk.open("ada"), desk.open("tech", "technician")
    mill = site(ada)
    ada.sync()
    tech.edit("site", mill, "Edited", {"directions": "Nobody has let me in here."})
    tech.sync()
    (aside,) = tech.quarantined
    tech.__exit__(None, None, None)
    shutil.copy(desk.folder / "tech.db", desk.folder / "twin.db")
    tech, _ = desk.open("tech", "technician")
    tech.edit("site", mill, "Edited", {"directions": "Here neither."})
    tech.sync()
    assert desk.office.post(f"/v1/quarantine/{aside.case}/approve", None).is_success
    site(ada)
    ada.sync()
    twin, _ = desk.open("twin", "technician")
    twin.sync()
    assert twin.device.author.replica != aside.event.replica
    twin.sync()
    assert (twin.quarantined, twin.standing.unsent) == ((), 0)


@pytest.mark.parametrize("at", range(6))
def test_b_a_captive_portal_or_a_cut_line_at_any_step_changes_nothing_for_good(desk: Desk, at: int) -> None:
    ada, line = desk.open("ada")
    for nuisance in (
        PORTAL,
        httpx.ReadError("cut"),
        httpx.Response(200, content=b"{", headers={"content-type": "application/json"}),
    ):
        line.answers = [*[None] * at, nuisance]
        mill = site(ada)
        standing = ada.sync_patiently()
        assert standing.unsent == 0
        assert (ada.values(mill) or {})["name"] == "Mill"
    assert len(set(desk.stored())) == len(desk.stored()) == 3


def test_a_page_without_its_end_is_no_page(desk: Desk) -> None:
    ada, line = desk.open("ada")
    cut = httpx.Response(
        200, content=b'{"frame":"enter","scope":"*","position":0}\n', headers={"content-type": "application/x-ndjson"}
    )
    line.answers = [None, None, cut]
    with pytest.raises(OfflineError):
        ada.sync()
    assert ada.device.cursor == 0
    assert ada.sync().unsent == 0


def test_it_waits_as_long_as_the_server_asks_and_gives_up_in_the_end(desk: Desk) -> None:
    ada, line = desk.open("ada")
    busy = httpx.Response(
        503,
        content=b'{"code":"log_unavailable"}',
        headers={"content-type": "application/problem+json", "retry-after": "9"},
    )
    line.answers = [busy, busy]
    assert ada.sync_patiently().unsent == 0
    assert len(desk.slept) == 2
    assert min(desk.slept) >= 9
    line.answers = [httpx.ConnectError("no line")] * 50
    with pytest.raises(OfflineError):
        ada.sync_patiently(tries_max=3)
    line.answers = [
        httpx.Response(401, content=b'{"code":"unauthorized"}', headers={"content-type": "application/problem+json"})
    ]
    slept = len(desk.slept)
    with pytest.raises(ServerRefused):
        ada.sync_patiently()
    assert len(desk.slept) == slept, "a no for good is not asked again"


def test_a5_a_copied_file_that_writes_too_goes_on_under_another_name(desk: Desk) -> None:
    ada, _ = desk.open("ada")
    mill = site(ada)
    ada.sync()
    shared = ada.edit("site", mill, "Edited", {"directions": "Both know this one"})
    ada.__exit__(None, None, None)
    shutil.copy(desk.folder / "ada.db", desk.folder / "twin.db")
    (ada, _), (twin, _) = desk.open("ada"), desk.open("twin")
    one = ada.edit("site", mill, "Edited", {"access_code": "1111"})
    other = twin.edit("site", mill, "Edited", {"access_code": "2222"})
    for device in (ada, twin, ada, twin, ada):
        assert device.sync().unsent == 0
    assert sorted(desk.stored()[1:]) == sorted([shared.id, one.id, other.id])
    assert ada.values(mill) == twin.values(mill)
    assert ada.device.author.replica != twin.device.author.replica


def test_a6_a_file_from_a_backup_reuses_no_number(desk: Desk) -> None:
    ada, _ = desk.open("ada")
    mill = site(ada)
    ada.sync()
    ada.__exit__(None, None, None)
    shutil.copy(desk.folder / "ada.db", desk.folder / "backup.db")
    ada, _ = desk.open("ada")
    first = ada.edit("site", mill, "Edited", {"name": "Quay"})
    ada.sync()
    ada.__exit__(None, None, None)
    shutil.copy(desk.folder / "backup.db", desk.folder / "ada.db")
    ada, _ = desk.open("ada")
    before = ada.device.author.replica
    second = ada.edit("site", mill, "Edited", {"directions": "By the water"})
    ada.sync()
    assert ada.device.author.replica != before
    assert desk.stored()[1:] == [first.id, second.id]
    assert (ada.values(mill) or {})["name"] == "Quay"


def test_g4_a_server_that_came_back_older_gets_back_what_it_lost(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    ada, _ = desk.open("ada")
    mill, office = site(ada), desk.office
    ada.sync()
    backup = _tables(office)
    kept = [ada.edit("site", mill, "Edited", {"name": name}).id for name in ("Quay", "Yard")]
    ada.sync()
    assert len(desk.stored()) == 3
    _restore(office, backup)
    assert len(desk.stored()) == 1
    late = ada.edit("site", mill, "Edited", {"directions": "By the water"})
    ada.sync()
    assert desk.stored()[1:] == [*kept, late.id]
    assert (ada.values(mill) or {})["name"] == "Yard"


def test_a_server_that_has_forgotten_a_replica_gets_everything_under_the_same_name(desk: Desk) -> None:
    office = desk.office
    backup = _tables(office)
    ada, _ = desk.open("ada")
    mill, name = site(ada), ada.device.author.replica
    ada.sync()
    _restore(office, backup)
    assert desk.stored() == []
    assert ada.sync().unsent == 0
    assert len(desk.stored()) == 1
    assert (ada.values(mill) or {})["name"] == "Mill"
    assert ada.device.author.replica == name


def test_what_others_built_on_a_forgotten_replica_does_not_wait_for_good(desk: Desk) -> None:
    backup = _tables(desk.office)
    (ada, _), (bob, _) = desk.open("ada"), desk.open("bob")
    mill = site(ada)
    ada.sync()
    bob.sync()
    built = bob.edit("site", mill, "Edited", {"directions": "By the water"})
    bob.sync()
    _restore(desk.office, backup)
    assert bob.sync().waiting == 1, "what it was built on is not there yet"
    later = ada.edit("site", mill, "Edited", {"name": "Quay"})
    assert ada.sync() == replace(ada.standing, unsent=0, waiting=0, quarantined=0)
    assert bob.sync() == replace(bob.standing, unsent=0, waiting=0, quarantined=0)
    ada.sync()
    assert {built.id, later.id} <= set(desk.stored())
    assert ada.values(mill) == bob.values(mill)


def test_a_forgotten_name_that_is_somebody_elses_by_now_is_given_up(desk: Desk) -> None:
    backup = _tables(desk.office)
    ada, _ = desk.open("ada")
    mill, name = site(ada), ada.device.author.replica
    ada.sync()
    _restore(desk.office, backup)
    somebody = desk.office.people["supervisor"].person
    desk.office.log.mint(desk.office.tenant, replica=name, person=somebody, name="relayed", now_ms=0)
    assert ada.sync().unsent == 0
    assert ada.device.author.replica != name
    assert (ada.values(mill) or {})["name"] == "Mill"
    assert len(desk.stored()) == 1


def test_a_chain_that_cannot_be_offered_whole_goes_on_under_another_name(desk: Desk) -> None:
    backup = _tables(desk.office)
    ada, _ = desk.open("ada")
    mill, name = site(ada), ada.device.author.replica
    ada.sync()
    desk.office.log.mark_durable(desk.office.tenant, 1)
    ada.sync()
    assert not ada.device.kept, "a backup holds it, as far as the server knew"
    ada.edit("site", mill, "Edited", {"name": "Quay"})
    _restore(desk.office, backup)
    standing = ada.sync()
    assert (standing.unsent, ada.device.author.replica != name) == (0, True)
    assert standing.waiting == 1, "it changes what is in the marked backup alone, and another was restored"


def test_every_name_that_a_device_had_is_registered_again(desk: Desk) -> None:
    backup = _tables(desk.office)
    ada, _ = desk.open("ada")
    mill = site(ada)
    ada.sync()
    ada.__exit__(None, None, None)
    shutil.copy(desk.folder / "ada.db", desk.folder / "twin.db")
    (ada, _), (twin, _) = desk.open("ada"), desk.open("twin")
    ada.edit("site", mill, "Edited", {"access_code": "1111"})
    ada.sync()
    twin.edit("site", mill, "Edited", {"directions": "By the water"})
    twin.sync()
    names = {ada.device.author.replica, twin.device.author.replica}
    assert len(names) == 2
    _restore(desk.office, backup)
    for device in (twin, ada, twin, ada):
        device.sync()
    assert {row.replica for row in desk.office.log.page(desk.office.tenant, after=0, limit=9)} == names
    assert (ada.standing.waiting, twin.standing.waiting) == (0, 0)
    assert ada.values(mill) == twin.values(mill)
    assert {ada.device.author.replica, twin.device.author.replica} == names, "nobody forked once more"


def test_work_that_comes_back_before_the_visit_that_allows_it_comes_right_by_itself(desk: Desk) -> None:
    (bob, _), (ada, _) = desk.open("bob"), desk.open("ada", "technician")
    job, visit = new_id(), new_id()
    bob.edit("work_order", job, "Created", {**CREATED["work_order"]})
    bob.sync()
    backup = _tables(desk.office)
    bob.edit(
        "visit", visit, "VisitPlanned", {"work_order_id": job, "assignee_id": desk.office.people["technician"].person}
    )
    bob.sync()
    ada.sync()
    done = [
        ada.edit("visit", visit, "VisitAccepted", {}),
        ada.edit("work_order", job, "Edited", {"description": "Dry."}),
    ]
    note = new_id()
    about = {"home": f"work_order:{job}", "target": {"type": "work_order", "id": job}, "body": "The key is with Mia."}
    done.append(ada.edit("note", note, "NoteWritten", about))
    ada.sync()
    _restore(desk.office, backup)
    standing = ada.sync()
    assert (standing.unsent, standing.waiting, standing.quarantined) == (0, 1, 2), "nobody is let in anywhere"
    bob.sync()
    assert ada.sync() == replace(ada.standing, unsent=0, waiting=0, quarantined=0)
    assert {each.id for each in done} <= set(desk.stored())
    bob.sync()
    assert (bob.values(job) or {})["description"] == "Dry."
    assert bob.values(note) == ada.values(note)
    assert ada.check() == []


def _tables(office: Office) -> Any:
    kept = _log(office)._tenants[office.tenant]
    return {name: value.copy() if isinstance(value, dict | list) else value for name, value in _slots(kept).items()}


def _log(office: Office) -> MemoryEventLog:
    assert isinstance(office.log, MemoryEventLog)
    return office.log


def _slots(kept: Any) -> dict[str, Any]:
    return {name: getattr(kept, name) for name in kept.__slots__}


def _restore(office: Office, backup: dict[str, Any]) -> None:
    kept = _log(office)._tenants[office.tenant]
    for name, value in backup.items():
        setattr(kept, name, value.copy() if isinstance(value, dict | list) else value)
    kept.epoch = new_id()


def test_a_spoilt_scope_is_found_and_fetched_again(desk: Desk) -> None:
    ada, _ = desk.open("ada")
    mill = site(ada)
    ada.sync()
    state = ada.device.accepted[mill]
    ada._become(replace(ada.device, accepted={mill: state._replace(version=state.version + 1)}))
    assert ada.check() != []
    assert ada.device.accepted[mill] == state
    assert ada.check() == []


def test_a_scope_that_was_spoilt_while_the_file_was_closed_is_fetched_again_by_the_first_sync(desk: Desk) -> None:
    """As when a cursor has outlived what it stands for: everything looks up to date, and something is not there."""
    ada, _ = desk.open("ada")
    mill, gate = site(ada), site(ada)
    ada.sync()
    state = ada.device.accepted[mill]
    homes = {gate: ada.device.homes[gate]}
    ada._become(replace(ada.device, accepted={gate: ada.device.accepted[gate]}, homes=homes))
    ada.__exit__(None, None, None)
    again, _ = desk.open("ada")
    assert mill not in again.device.accepted
    again.sync()
    assert again.device.accepted[mill] == state
    assert again.check() == []


def test_a_server_that_came_back_older_is_no_fault_of_the_device(desk: Desk) -> None:
    """Its log may by chance have come as far again as it was, with other events: that is for the next sync to hear."""
    (ada, line), (bob, _) = desk.open("ada"), desk.open("bob")
    site(ada)
    backup = _tables(desk.office)
    bob.sync()
    ada.sync()
    _restore(desk.office, backup)
    site(bob, "Quay")
    bob.sync()
    assert len(desk.stored()) == ada.device.cursor == 1
    line.asked.clear()
    assert ada.check() == []
    assert line.asked == ["pull"], "nothing was fetched again for that"
    ada.sync()
    assert len(desk.stored()) == 2
    assert ada.check() == []


def test_a_file_speaks_for_one_person_only(desk: Desk) -> None:
    ada, _ = desk.open("ada")
    site(ada)
    ada.__exit__(None, None, None)
    other, _ = desk.open("ada", "supervisor")
    with pytest.raises(DeviceFileUnfit, match="somebody else"):
        other.sync()
    assert desk.stored() == []


def test_a_refused_push_keeps_nothing_from_being_taken_in(desk: Desk) -> None:
    (ada, line), (bob, _) = desk.open("ada"), desk.open("bob")
    mill = site(bob)
    bob.sync()
    site(ada, "Not yet")
    refusal = orjson.dumps({"code": "body_too_large"})
    line.answers = [
        None,
        None,
        httpx.Response(413, content=refusal, headers={"content-type": "application/problem+json"}),
    ]
    with pytest.raises(ServerRefused):
        ada.sync()
    assert (ada.values(mill) or {})["name"] == "Mill"
    assert ada.sync().unsent == 0
