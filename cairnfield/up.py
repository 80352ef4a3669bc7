"""`cairn up`: the whole of Cairnfield on this machine, until Ctrl-C."""

import errno
import gc
import ipaddress
import json
import signal
import socket
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from cairnfield.beside import followed_beside
from cairnfield.database import Database, database, settings_with
from cairnfield.failure import CannotGoOn
from cairnfield.login import Login
from cairnfield.unsafe import check_safe
from infra.settings import Settings

if TYPE_CHECKING:
    from fastapi import FastAPI
    from rich.console import Console

READY_FILE = "up.json"
UNREAD_MS_MAX = 60_000  # how long what we sent may wait to be read
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def up(
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Where to listen; 0 picks a free one. [default: 8411]")
    ] = None,
    data: Annotated[Path | None, typer.Option(help="Where the data are kept. [default: .cairn]")] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on. [default: 127.0.0.1]")] = None,
    no_demo: Annotated[
        bool, typer.Option("--no-demo", help="Do not fill an empty database with the demo town.")
    ] = False,
) -> None:
    """Start everything here: database, demo town, API. Ctrl-C stops it; the data stay."""
    from rich.console import Console

    settings = settings_with(data=data, host=host, port=port)
    check_safe(settings, with_demo=not no_demo)
    console = Console(highlight=False, soft_wrap=True)
    with _until_told_to_stop(), _listening(settings) as listener, _steps(console) as say:
        say("Starting PostgreSQL")
        with database(settings) as opened:
            say("Preparing the records")
            logins = prepare(opened.dsn, settings, with_demo=not no_demo)
            say("Starting the API")
            url = _url(listener)
            ready = settings.data / READY_FILE

            def when_ready() -> None:
                say(None)
                _write_ready(ready, url, logins)
                _greet(console, url, opened, logins)

            try:
                with followed_beside(opened.dsn, settings):
                    _serve(_app(opened, settings), listener, when_ready, settings.door.trusted_proxies)
            finally:
                _forget_ready(ready, url)
    console.print("Stopped; the data stay.")


def prepare(dsn: str, settings: Settings, *, with_demo: bool) -> Sequence[Login]:
    """Make a tenant in an empty database, with the demo town if that is wanted; returns who may sign in.

    Servers that start together on one database do this one after the other.
    """
    from cairnfield.audit import check_stays_erased
    from cairnfield.demo.seed import TENANT_NAME, seed
    from cairnfield.demo_passwords import with_passwords
    from cairnfield.sign_in import logins
    from cairnfield.wiring import bearers, now_ms, open_accounts, open_log
    from infra.postgres.one_at_a_time import one_at_a_time
    from infra.postgres.pool import open_pool

    with one_at_a_time(dsn, "prepare"), open_pool(dsn, size=2) as pool:
        accounts, log, now = open_accounts(pool), open_log(pool), now_ms()
        tenants = [tenant for tenant, _ in accounts.tenants()]
        check_stays_erased(pool, settings, tenants)
        tenant = tenants[0] if tenants else accounts.add_tenant(TENANT_NAME if with_demo else "Cairnfield", now_ms=now)
        if with_demo and len(tenants) <= 1 and log.head(tenant).position == 0:
            seed(log, accounts, tenant, now_ms=now)
        found = logins(accounts, tenant, data=settings.data, now_ms=now, bearers=bearers(settings))
        return with_passwords(found, pool, tenant, data=settings.data, now_ms=now)


def _app(opened: Database, settings: Settings) -> "FastAPI":
    from cairnfield.wiring import build_app

    return build_app(opened.dsn, settings, follows=False)


def _serve(
    app: "FastAPI", listener: socket.socket, when_ready: Callable[[], None], trusted_proxies: Sequence[str] = ()
) -> None:
    """Answer requests until a signal says stop; `when_ready` is called when the first one would be answered."""
    from cairnfield.http_server import http_server

    # What was loaded to here lives as long as we do, and a batch makes thousands of small objects that all die with it:
    # looking through them every 700 allocations, as is the default, takes a tenth of the time of a push.
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
    # Whoever has its answer from Postgres holds a tenant's lock: it should not wait 5 ms for one that reads a body.
    sys.setswitchinterval(0.001)

    server = http_server(app, when_ready, trusted_proxies=trusted_proxies)
    signal.signal(signal.SIGHUP, server.handle_exit)  # uvicorn takes care of the other two itself
    server.run(sockets=[listener])


@contextmanager
def _until_told_to_stop() -> Generator[None]:
    """Ctrl-C, SIGTERM and a closed terminal unwind the block, once, and end it as planned."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        for kind in STOP_SIGNALS:
            signal.signal(kind, signal.SIG_IGN)  # a second Ctrl-C must not leave the database half stopped
        raise KeyboardInterrupt

    before = {kind: signal.signal(kind, stop) for kind in STOP_SIGNALS}
    try:
        with suppress(KeyboardInterrupt):
            yield
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)


@contextmanager
def _listening(settings: Settings) -> Generator[socket.socket]:
    """The listening socket, taken before anything is started: a port in use is found in no time."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (socket.gaierror, UnicodeError) as failure:
        raise CannotGoOn(f"The host {settings.host!r} has no address here. Choose another with --host.") from failure
    with socket.socket(family, kind, protocol) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # connections inherit it: whoever does not read is dropped in the end
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNREAD_MS_MAX)
        try:
            listener.bind(address)
        except OSError as failure:
            raise CannotGoOn(_why_not(failure, settings)) from failure
        yield listener


def _why_not(failure: OSError, settings: Settings) -> str:
    if failure.errno == errno.EADDRINUSE:
        return (
            f"Port {settings.port} on {settings.host} is in use, perhaps by another `cairn up`. "
            f"Stop that one, or choose another port: --port {settings.port + 1}, or --port 0 for a free one."
        )
    if failure.errno == errno.EACCES:
        return f"Port {settings.port} is not for plain users. Choose one above 1023 with --port."
    return f"{settings.host} port {settings.port} cannot be listened on ({failure.strerror}). Choose another --host."


def _url(listener: socket.socket) -> str:
    """Where a browser on this machine finds us, also when we listen on every address."""
    host, port = listener.getsockname()[:2]
    address = ipaddress.ip_address(host)
    if address.is_unspecified:
        address = ipaddress.ip_address("127.0.0.1" if address.version == 4 else "::1")
    return f"http://{address}:{port}" if address.version == 4 else f"http://[{address}]:{port}"


def _write_ready(path: Path, url: str, logins: Sequence[Login]) -> None:
    """Tell scripts where we are: whole or not there, and for our eyes only, because it holds tokens."""
    from cairnfield.sign_in import write_private

    tokens: dict[str, str] = {}
    for login in logins:
        if login.token:
            tokens.setdefault(login.role, login.token)
    sign_in = {
        login.role: {"email": login.email, "password": login.password} for login in reversed(logins) if login.password
    }
    write_private(path, {"url": url, "tokens": tokens, "sign_in": sign_in})


def _forget_ready(path: Path, url: str) -> None:
    """Remove the file unless another `up` on the same folder has written its own since."""
    with suppress(FileNotFoundError):
        if json.loads(path.read_text())["url"] == url:
            path.unlink()


@contextmanager
def _steps(console: "Console") -> Generator[Callable[[str | None], None]]:
    """Says what is being done: a spinner on a terminal, a line elsewhere, nothing after None."""
    spinner = console.status("")

    def say(step: str | None) -> None:
        if step is None:
            spinner.stop()
        elif console.is_terminal:
            spinner.update(step)
            spinner.start()
        else:
            console.print(f"{step} ...")

    try:
        yield say
    finally:
        spinner.stop()


def _greet(console: "Console", url: str, opened: Database, logins: Sequence[Login]) -> None:
    console.print(f"\n[bold]Cairnfield is up at [green]{url}[/green][/bold]  (its routes: {url}/docs)\n")
    name_width = max((len(login.name) for login in logins), default=0)
    email_width = max((len(login.email or "") for login in logins), default=0)
    for login in logins:  # not a table: it would cut the tokens to the width of the terminal
        email = f"{login.email or '':<{email_width}}"
        console.print(f"{login.role:<12}{login.name:<{name_width}}  {email}  {login.token or ''}", markup=False)
    password = next((login.password for login in logins if login.password), None)
    if password:
        console.print(
            f"\nThe password of everybody with an e-mail, until they choose their own: {password}", markup=False
        )
    console.print(f"\nThe data are in {opened.kept}.")
    console.print("Ctrl-C stops it.\n")
