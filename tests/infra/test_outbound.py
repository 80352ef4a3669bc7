"""Calls that leave the house: never to an address inside, never longer than agreed, never more than is read."""

import asyncio
import re
import socket
import ssl
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

import httpcore
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from commands.outbound_urls import Address, Target, UrlRefused, read_url
from infra.outbound import ANSWER_BYTES_MAX, Answered, Names, Outbound, Unanswered, retry_after_ms
from tests.infra.calls import INSIDE, urls

HOOK: Final = "https://hooks.example.com/cairnfield"
TLS: Final = httpcore.default_ssl_context()
PLAIN: Final = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


class Receiver:
    """A server on this machine that says the same to everybody, and remembers what it heard."""

    def __init__(self, says: bytes, *, ends: bool = True) -> None:
        self._says, self._ends = says, ends
        self.heard: list[bytes] = []
        self.connections = 0
        self._kept: list[socket.socket] = []

    @contextmanager
    def listening(self, tls: ssl.SSLContext | None = None) -> Iterator[int]:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            threading.Thread(target=self._accept, args=(listener, tls), daemon=True).start()
            yield listener.getsockname()[1]
        for each in self._kept:
            each.close()

    def _accept(self, listener: socket.socket, tls: ssl.SSLContext | None) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._answer, args=(connection, tls), daemon=True).start()

    def _answer(self, connection: socket.socket, tls: ssl.SSLContext | None) -> None:
        try:
            if tls is not None:
                connection = tls.wrap_socket(connection, server_side=True)
            self.heard.append(whole_request(connection))
            connection.sendall(self._says)
        except OSError:
            pass  # whoever called has heard enough
        if self._ends:
            connection.close()
        else:
            self._kept.append(connection)


def whole_request(connection: socket.socket) -> bytes:
    """A request with its body: whoever closes while some of it is unread resets the connection under the answer."""
    raw = b""
    while part := connection.recv(65_536):
        raw += part
        head, ended, body = raw.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head.lower())
        if ended and len(body) >= (int(length[1]) if length else 0):
            break
    return raw


class Rebinding:
    """A name server that leads to a public address when it is asked first, and inside ever after."""

    def __init__(self, first: str = "93.184.216.34") -> None:
        self._first, self.asked = first, 0

    async def __call__(self, host: str, port: int) -> Sequence[Address]:
        self.asked += 1
        return [ip_address(self._first if self.asked == 1 else "127.0.0.1")]


class Fixed:
    """A name server that leads every name to the same addresses."""

    def __init__(self, *addresses: Address | str) -> None:
        self._addresses = [ip_address(each) for each in addresses]

    async def __call__(self, host: str, port: int) -> Sequence[Address]:
        return self._addresses


class Elsewhere(httpcore.AsyncNetworkBackend):
    """The internet, as far as a test has it: whatever it is that we connect to, nobody is there, and it is noted."""

    def __init__(self) -> None:
        self.called: list[tuple[str, int]] = []

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        self.called.append((host, port))
        raise httpcore.ConnectError("nobody is there")


def post(outbound: Outbound, target: Target, *, times: int = 1) -> Answered:
    async def call() -> Answered:
        async with outbound.caller() as caller:
            for _ in range(times - 1):
                await caller.post(target, b"{}", {})
            return await caller.post(target, b'{"type":"x"}', {"webhook-id": "evt_1"})

    return asyncio.run(call())


def unanswered(outbound: Outbound, target: Target) -> str:
    with pytest.raises(Unanswered) as why:
        post(outbound, target)
    return str(why.value)


def local(says: bytes = PLAIN, *, timeout_s: float = 15.0, ends: bool = True) -> tuple[Receiver, Outbound]:
    return Receiver(says, ends=ends), Outbound(Fixed("127.0.0.1"), allow_local=True, timeout_s=timeout_s)


def test_e1_no_url_of_the_corpus_comes_to_a_connection_inside() -> None:
    receiver, names = Receiver(PLAIN), Names()
    with receiver.listening() as port:
        corpus = list(dict.fromkeys(urls(port)))
        assert len(corpus) >= 300
        for url in corpus:
            with pytest.raises(UrlRefused):
                read_url(url)
        # Had the URL passed, at the very port where somebody listens, its address would still be looked at.
        for inside in INSIDE:
            target = Target(scheme="http", host="hooks.example.com", port=port, path="/")
            assert "not public" in unanswered(Outbound(Fixed(inside), tls=TLS), target)
            literal = Target(scheme="http", host=str(inside), port=port, path="/")
            assert "not public" in unanswered(Outbound(names, tls=TLS), literal)
        assert receiver.connections == 0
        local_target = Target(scheme="http", host="127.0.0.1", port=port, path="/")
        assert post(Outbound(names, allow_local=True), local_target).status == 200
        assert receiver.connections == 1, "somebody would have been there"


def test_e1_a_name_that_is_rebound_is_asked_for_once_and_leads_where_it_led_when_it_was_checked() -> None:
    names, elsewhere = Rebinding(), Elsewhere()
    assert "nobody is there" in unanswered(Outbound(names, beneath=elsewhere), read_url(HOOK))
    assert names.asked == 1
    assert elsewhere.called == [("93.184.216.34", 443)]


def test_e1_a_name_that_leads_inside_as_well_is_not_called_at_all() -> None:
    elsewhere = Elsewhere()
    names = Fixed("93.184.216.34", "10.0.0.1")
    assert "not public" in unanswered(Outbound(names, beneath=elsewhere), read_url(HOOK))
    assert elsewhere.called == []


def test_e1_a_redirect_is_an_answer_and_is_not_followed() -> None:
    inside = Receiver(PLAIN)
    with inside.listening() as port:
        says = b"HTTP/1.1 307 Elsewhere\r\nlocation: http://127.0.0.1:%d/\r\ncontent-length: 0\r\n\r\n" % port
        receiver, outbound = local(says)
        with receiver.listening() as own:
            target = Target(scheme="http", host="hooks.example.com", port=own, path="/")
            assert post(outbound, target).status == 307
    assert (receiver.connections, inside.connections) == (1, 0)


def test_every_address_of_a_name_is_tried_in_turn() -> None:
    elsewhere = Elsewhere()
    unanswered(Outbound(Fixed("8.8.8.8", "2606:4700::1"), beneath=elsewhere), read_url(HOOK))
    assert elsewhere.called == [("8.8.8.8", 443), ("2606:4700::1", 443)]


def test_e1_the_address_that_was_checked_is_called_by_its_name(tmp_path: Path) -> None:
    """The certificate is for the name, and the name is what the server is asked for."""
    server, client, names = certified(tmp_path, "hooks.example.com")
    receiver = Receiver(PLAIN)
    with receiver.listening(server) as port:
        outbound = Outbound(Fixed("127.0.0.1"), allow_local=True, tls=client)
        assert post(outbound, read_url(f"https://hooks.example.com:{port}/a", allow_local=True)).status == 200
        assert names == ["hooks.example.com"]
        assert f"host: hooks.example.com:{port}\r\n".encode() in receiver.heard[0].lower()
        assert "certificate" in unanswered(outbound, read_url(f"https://evil.example:{port}/", allow_local=True))


def certified(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext, list[str | None]]:
    """A server's side and a client's side of TLS with a certificate for that name, and the names that are asked for."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, private = folder / "cert.pem", folder / "key.pem"
    pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem, private)
    asked: list[str | None] = []
    server.sni_callback = lambda _socket, told, _context: asked.append(told)
    return server, ssl.create_default_context(cafile=str(pem)), asked


def test_an_answer_is_read_up_to_a_bound() -> None:
    size = 50_000_000
    says = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size + b"x" * (4 * ANSWER_BYTES_MAX)
    receiver, outbound = local(says, ends=False)
    with receiver.listening() as port:
        answer = post(outbound, Target(scheme="http", host="a", port=port, path="/"))
    assert (answer.status, len(answer.head)) == (200, ANSWER_BYTES_MAX)


@pytest.mark.parametrize(
    ("says", "why"),
    [
        (b"", "no answer within"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab", "no answer within"),
        (b"HTTP/1.1 103 Early Hints\r\n\r\n" * 50, "no answer within"),
        (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", "RemoteProtocolError"),
        (b"HTTP/1.1 200 OK\r\nx: " + b"x" * 300_000, "RemoteProtocolError"),
    ],
)
def test_e4_whoever_does_not_answer_in_time_or_in_http_has_not_answered(says: bytes, why: str) -> None:
    receiver, outbound = local(says, timeout_s=0.5, ends=False)
    with receiver.listening() as port:
        assert why in unanswered(outbound, Target(scheme="http", host="a", port=port, path="/"))


def test_nobody_there_is_no_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    _, outbound = local()
    assert "ConnectError" in unanswered(outbound, Target(scheme="http", host="a", port=port, path="/"))


def test_a_name_that_leads_nowhere_is_told() -> None:
    async def nowhere(host: str, port: int) -> Sequence[Address]:
        raise socket.gaierror(-2, "Name or service not known")

    assert unanswered(Outbound(nowhere), read_url(HOOK)) == "the name of the host leads nowhere"


def test_the_systems_resolver_finds_this_machine() -> None:
    names = Names()
    assert ip_address("127.0.0.1") in asyncio.run(_all(names, "localhost"))
    names.close()


async def _all(names: Names, host: str) -> Sequence[Address]:
    return await names(host, 443)


@pytest.mark.parametrize(("told", "ms"), [("120", 120_000), ("", None), ("-1", None), ("Wed, 21 Oct 2026", None)])
def test_a_receiver_may_ask_to_be_left_alone(told: str, ms: int | None) -> None:
    assert retry_after_ms({"retry-after": told}) == ms
