"""A device that has seen a log is not shown another one: it stops, and says in what they differ."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import pytest

from api.app import create_app
from api.proof_ports import Proofs
from api.services import Services
from cairnfield.wiring import new_replica
from infra.checkpoint_signer import CheckpointSigner
from infra.doorbell import ProcessDoorbell
from infra.evidence_zip import packed
from infra.http_client import ServerRefused, SyncClient
from infra.keyring import FileKeyring
from infra.memory import MemoryEventLog
from infra.memory_accounts import MemoryAccounts
from infra.memory_proof_shelf import MemoryProofShelf
from infra.pinned_log import Pinned, checked, decoded, encoded
from infra.sync_client import SyncedDevice
from infra.tree_keeper import TreeKeeper
from sync.checkpoint import Origin
from sync.leaf import leaf_hashes
from sync.merkle import appended
from sync.trust import HistoryRewritten
from tests.api.in_process import client_of
from tests.api.office import NOW, Clock, Office
from tests.devices import CREATED, new_id

TENANT: Final = "00000000-0000-4000-8000-0000000000aa"


class Server:
    """A server with its own log and keys; another one may take its place at the same address."""

    def __init__(self, folder: Path, stack: ExitStack, tenant: str = TENANT) -> None:
        self.log, self.folder, self.tenant = MemoryEventLog(), folder, tenant
        self.accounts, self.shelf = MemoryAccounts(self.log), MemoryProofShelf(self.log)
        self.keyring = FileKeyring(folder, now_ms=lambda: NOW)
        self.signer = CheckpointSigner(self.keyring, folder)
        services = Services(
            log=self.log,
            accounts=self.accounts,
            doorbell=ProcessDoorbell(),
            now_ms=lambda: NOW,
            new_replica=new_replica,
            is_ready=lambda: True,
            proofs=Proofs(shelf=self.shelf, publics=self.signer.publics, packed=packed),
        )
        client = stack.enter_context(client_of(create_app(services)))
        self.accounts.add_tenant("Harbour Town", now_ms=NOW, tenant=tenant)
        self.office = Office(client=client, log=self.log, accounts=self.accounts, clock=Clock(), tenant=tenant).staff()

    def sign(self) -> None:
        TreeKeeper(self.shelf, self.signer, now_ms=lambda: NOW).keep_up(self.tenant, at_once=True)

    def rewrite(self, position: int, body: bytes) -> None:
        """As whoever owns the database could: the event, the tree and all checkpoints anew, with another memory."""
        kept = self.log._tenant(self.tenant)
        kept.events[position - 1] = kept.events[position - 1]._replace(body=body)
        self._forget()

    def cut(self, length: int) -> None:
        del self.log._tenant(self.tenant).events[length:]
        self._forget()

    def _forget(self) -> None:
        kept = self.log._tenant(self.tenant)
        kept.frontier = appended(0, [], leaf_hashes(kept.events))
        self.shelf._tiles.clear()
        self.shelf._signed.clear()
        for each in (self.folder / "checkpoints").glob("*.json"):
            each.unlink()


class Desk:
    """A device of the dispatcher's, and the server that it reaches."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder, self.stack = folder, stack
        self.server = Server(folder / "keys", stack)
        client = SyncClient("http://cairn", self.server.office.tokens["dispatcher"])
        client._http = self.server.office.client  # this process is the line
        self.client = client
        client._http.headers["authorization"] = f"Bearer {self.server.office.tokens['dispatcher']}"
        self.device = stack.enter_context(SyncedDevice(folder / "ada.db", client, now_ms=lambda: NOW))

    def write(self, count: int = 1) -> None:
        for _ in range(count):
            self.device.edit("site", new_id(), "Created", {**CREATED["site"]})

    @property
    def pinned(self) -> Pinned:
        pinned = self.device._file.pinned()
        assert pinned is not None
        return pinned

    def origin(self) -> Origin:
        return Origin(self.server.tenant, self.server.log.head(self.server.tenant).epoch)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with ExitStack() as stack:
        yield Desk(tmp_path, stack)


def seen(desk: Desk, count: int) -> None:
    """The device has handed in so many events more, and has seen them signed."""
    desk.write(count)
    desk.device.sync()
    desk.server.sign()
    desk.device.sync()


def test_a_device_keeps_the_newest_checkpoint_and_the_keys_of_first_contact(desk: Desk) -> None:
    desk.write()
    desk.device.sync()
    assert desk.device._file.pinned() is None, "nothing was signed yet"
    for size in (3, 7):
        seen(desk, 2 if size == 3 else 4)
        assert desk.pinned.trust.newest is not None
        assert desk.pinned.trust.newest.size == size
        assert desk.pinned.publics == tuple(desk.server.signer.publics())
    assert decoded(encoded(desk.pinned)) == desk.pinned


def test_f2_an_event_that_was_changed_stops_the_device_and_nothing_is_handed_in(desk: Desk) -> None:
    seen(desk, 5)
    desk.server.rewrite(2, b"{}")
    desk.server.sign()
    desk.write()
    before = desk.pinned
    for _ in range(2):
        with pytest.raises(HistoryRewritten, match="rewritten: among its first 5 events"):
            desk.device.sync()
    assert (desk.pinned, desk.device.standing.unsent) == (before, 1)
    assert desk.server.log.head(TENANT).position == 5


def test_f2_a_log_that_was_cut_off_stops_the_device(desk: Desk) -> None:
    seen(desk, 5)
    desk.server.cut(3)
    desk.server.sign()
    with pytest.raises(HistoryRewritten, match="rolled back: it held 5 events and now tells of 3"):
        desk.device.sync()


def test_f2_a_server_that_hides_its_checkpoints_stops_the_device(desk: Desk) -> None:
    seen(desk, 5)
    desk.server.shelf._signed.clear()
    with pytest.raises(HistoryRewritten, match="signed for 5 events before, and now shows no checkpoint"):
        desk.device.sync()


def test_f3_a_key_that_was_not_there_at_first_contact_counts_for_nothing(desk: Desk) -> None:
    seen(desk, 5)
    keyring = desk.server.keyring
    (old,) = [row.kid for row in keyring.rows() if row.use == "checkpoint"]
    keyring.rotate("checkpoint", at_once=True)
    seen(desk, 1)
    assert len(desk.server.signer.publics()) == 2
    assert len(desk.pinned.publics) == 1, "what is not signed by a key that is kept brings in no other"
    keyring.revoke(old)
    desk.write()
    desk.device.sync()
    desk.server.sign()
    with pytest.raises(HistoryRewritten, match="signed by none of the keys"):
        desk.device.sync()
    desk.device.trust_anew()
    desk.device.sync()
    assert desk.pinned.publics == tuple(desk.server.signer.publics())


def test_f3_another_tenants_log_is_not_ours_though_it_is_signed_by_the_same_key(desk: Desk, tmp_path: Path) -> None:
    seen(desk, 5)
    other = Server(tmp_path / "keys", desk.stack, tenant="00000000-0000-4000-8000-0000000000bb")
    ada = other.office.device("ada")
    other.office.verdicts(*(ada.create("customer", new_id(), CREATED["customer"]) for _ in range(9)))
    other.sign()

    def theirs(since: int) -> dict[str, Any]:
        told: dict[str, Any] = other.office.get("/v1/proof/consistency", since=since).json()
        return told

    with pytest.raises(HistoryRewritten, match="shows the log of tenant 00000000-0000-4000-8000-0000000000bb"):
        checked(desk.pinned, theirs, desk.origin())


def test_after_a_restore_the_device_goes_on_where_what_was_durable_is_still_there(desk: Desk) -> None:
    seen(desk, 3)
    desk.server.log.mark_durable(TENANT, 3)
    seen(desk, 2)
    assert desk.pinned.trust.settled is not None
    assert desk.pinned.trust.settled.size == 3
    epoch = new_id()
    desk.server.cut(4)
    desk.server.signer.announce(TENANT, epoch)
    desk.server.log.begin_epoch(TENANT, epoch)
    desk.server.sign()
    pinned = checked(desk.pinned, desk.client.consistency, desk.origin())
    assert pinned is not None
    assert pinned.trust.newest is not None
    assert (pinned.trust.newest.origin.epoch, pinned.trust.newest.size) == (epoch, 4)


def test_a_restore_that_lacks_what_was_durable_stops_the_device(desk: Desk) -> None:
    seen(desk, 3)
    desk.server.log.mark_durable(TENANT, 3)
    seen(desk, 2)
    desk.server.rewrite(2, b"{}")
    epoch = new_id()
    desk.server.log.begin_epoch(TENANT, epoch)
    desk.server.sign()
    with pytest.raises(HistoryRewritten, match="among its first 3 events, what it had marked as durable"):
        desk.device.sync()


def test_a_server_that_signs_nothing_is_known_from_the_first_contact_on(desk: Desk) -> None:
    def refuses(code: str, status: int = 501) -> Any:
        def ask(since: int) -> dict[str, Any]:
            raise ServerRefused(status, {"code": code})

        return ask

    assert checked(None, refuses("no_proofs"), desk.origin()) is None
    seen(desk, 1)
    with pytest.raises(HistoryRewritten):
        checked(desk.pinned, refuses("no_proofs"), desk.origin())
    with pytest.raises(ServerRefused):
        checked(desk.pinned, refuses("log_unavailable", 503), desk.origin())
    with pytest.raises(ServerRefused):
        checked(desk.pinned, refuses("not_from_cairnfield", 502), desk.origin())
