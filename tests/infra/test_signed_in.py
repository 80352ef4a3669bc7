"""Signed in from Python: a registered device that syncs for months, through lost answers and wrong clocks."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from infra.device_key import DeviceKey
from infra.http_client import OfflineError, ServerRefused, SyncClient
from infra.signed_in import REFRESH, SignedIn
from infra.sync_client import SyncedDevice, new_id
from tests.api.signing import DAY_MS, PASSWORD, Companies, Company, companies
from tests.conftest import TestServer
from tests.devices import CREATED

MINUTES_MS = 60_000


@pytest.fixture(scope="module")
def server_here(embedded_server: TestServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Companies]:
    with embedded_server.database() as dsn, companies(dsn, tmp_path_factory.mktemp("keys")) as made:
        yield made


@pytest.fixture
def company(server_here: Companies) -> Company:
    return server_here.new()


class Lossy(httpx.BaseTransport):
    """The way to the server, on which the next answers to some requests are lost."""

    def __init__(self, carrier: httpx.BaseTransport) -> None:
        self._carrier = carrier
        self.loses: list[str] = []
        self.asked: list[str] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url.path)
        answer = self._carrier.handle_request(request)
        if request.url.path in self.loses:
            self.loses.remove(request.url.path)
            raise httpx.ReadError("the line was cut", request=request)
        return answer


Open = Callable[[], tuple[SyncedDevice, SignedIn, Lossy]]


@pytest.fixture
def open_(company: Company, tmp_path: Path) -> Iterator[Open]:
    """Opens one device of a dispatcher, as often as a test likes."""
    with ExitStack() as stack:

        def opened(wrong_ms: int = 0) -> tuple[SyncedDevice, SignedIn, Lossy]:
            session = SignedIn(tmp_path / "session", now_ms=lambda: company.clock.ms + wrong_ms)
            line = Lossy(company.client._transport)
            client = SyncClient("http://cairn", auth=session, transport=line)
            if not session.is_signed_in:
                who = {"email": "dispatcher@harbour.example", "password": PASSWORD, "tenant": company.tenant}
                session.sign_in(client.http, **who)
                session.register(client.http, "A script")
            device = SyncedDevice(tmp_path / "device.db", client, now_ms=lambda: company.clock.ms)
            return stack.enter_context(device), session, line

        yield opened


def site(device: SyncedDevice) -> None:
    device.edit("site", new_id(), "Created", dict(CREATED["site"]))


def test_what_is_written_is_handed_in_by_a_registered_device(company: Company, open_: Open) -> None:
    device, session, _ = open_()
    site(device)
    assert device.sync().unsent == 0
    (row,) = company.services.log.page(company.tenant, after=0, limit=10)
    assert row.actor == company.people["dispatcher"]
    (known,) = company.identity.devices.devices(company.tenant, person=company.people["dispatcher"])
    assert known.device == session.device
    assert row.replica in known.replicas


def test_it_goes_on_for_weeks_without_the_password(company: Company, open_: Open) -> None:
    device, _, line = open_()
    for _ in range(4):
        company.clock.ms += 20 * DAY_MS
        site(device)
        assert device.sync().unsent == 0
    assert line.asked.count(REFRESH) == 4
    company.clock.ms += 11 * MINUTES_MS
    again, _, _ = _reopened(device, open_)
    site(again)
    assert again.sync().unsent == 0


def _reopened(device: SyncedDevice, open_: Open) -> tuple[SyncedDevice, SignedIn, Lossy]:
    device.__exit__(None, None, None)
    return open_()


def test_d3_a_lost_answer_to_a_renewal_costs_nothing(company: Company, open_: Open) -> None:
    device, session, line = open_()
    for _ in range(3):
        company.clock.ms += 11 * MINUTES_MS
        site(device)
        line.loses = [REFRESH]
        with pytest.raises(OfflineError):
            device.sync()
        assert device.sync().unsent == 0
    assert session.is_signed_in
    assert company.audit("refresh_reused") == []


def test_a_clock_that_is_wrong_does_no_harm(company: Company, tmp_path: Path) -> None:
    session = SignedIn(tmp_path / "session", now_ms=lambda: company.clock.ms - 400 * DAY_MS)
    with SyncClient("http://cairn", auth=session, transport=company.client._transport) as client:
        session.sign_in(client.http, email="dispatcher@harbour.example", password=PASSWORD, tenant=company.tenant)
        session.register(client.http, "A script")
        for _ in range(3):
            company.clock.ms += 11 * MINUTES_MS
            assert client.hello()["person"] == company.people["dispatcher"]


def test_a_session_that_is_over_is_told_and_keeps_what_was_written(company: Company, open_: Open) -> None:
    device, _, _ = open_()
    site(device)
    company.identity.sessions.end(
        company.tenant, person=company.people["dispatcher"], reason="signed_out", now_ms=company.clock.ms
    )
    company.clock.ms += 11 * MINUTES_MS
    with pytest.raises(ServerRefused, match="401 session_over"):
        device.sync()
    assert device.standing.unsent == 1


def test_d2_the_file_is_for_its_owner_and_a_copied_token_is_worth_nothing(company: Company, open_: Open) -> None:
    _, session, _ = open_()
    path = session._path
    assert path.stat().st_mode & 0o077 == 0
    thief = SignedIn(path.parent / "stolen")
    thief._kept = session._kept  # all but the key
    with (
        SyncClient("http://cairn", auth=thief, transport=company.client._transport) as client,
        pytest.raises(ServerRefused, match="session_over"),
    ):
        client.hello()
    assert len(company.audit("refresh_stolen")) == 1


def test_a_key_is_read_as_it_was_kept() -> None:
    key = DeviceKey.made()
    assert DeviceKey.kept(key.secret).thumbprint == key.thumbprint
