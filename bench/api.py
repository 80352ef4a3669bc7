"""What the door costs: the same pushes and reads with all of it, with none, and with each part left out, by turns."""

import signal
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import count, islice, repeat
from pathlib import Path
from typing import Any, Final, LiteralString

import psycopg
from psycopg import sql
from psycopg_pool import ConnectionPool

from api import access_token
from api.access_token import AUDIENCE, ISSUER, OUR_CLIENT, Claims
from bench.door_parts import PARTS
from bench.oracle import BY_CHANCE, distance_of_foreign_reads
from bench.orders import pace_of_orders
from bench.push import ACCEPTED, batched
from bench.server import Connection
from bench.singles import CLIENTS
from bench.workload import days
from cairnfield.database import database, settings_with
from cairnfield.wiring import now_ms, open_accounts
from infra.device_key import DeviceKey
from infra.keyring import FileKeyring
from infra.postgres.pool import Connection as PoolConnection
from infra.postgres.pool import open_pool
from sync.envelope import parse

BATCH: Final = 100
PUSHES_A_TURN: Final = 12
READS_A_TURN: Final = 120
TURNS: Final = 3
PROCESSES: Final = 12
"""One after the other, each with its ways in another order: how two ways to serve happen to lie in memory makes as much
of a difference between them as the door does, as long as the process lives."""
QUICK_TURNS: Final = 7
SESSION: Final = "by_session"
ORDERS: Final = 6_400
TOKENS: Final = 4_000

_SEEDS: Final = count(2)
"""Another for everybody who pushes: the same would tell the same ids."""
_WALLED: Final[LiteralString] = """
    select relname from pg_class
    where relrowsecurity and relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition
"""


@dataclass(frozen=True, slots=True)
class Ground:
    """A database with one tenant and somebody in it."""

    dsn: str
    data: Path
    tenant: str
    person: str
    token: str


@dataclass(slots=True)
class Client:
    """Somebody who asks one server process."""

    connection: Connection
    pushes: Iterator[bytes]
    reads: Iterator[bytes]

    def push_ms(self) -> float:
        """The best of a turn's pushes: what else goes on here only ever adds."""
        return min(_ms(self._push) for _ in range(PUSHES_A_TURN))

    def _push(self) -> None:
        assert self.connection.ask(next(self.pushes)).count(ACCEPTED) == BATCH

    def read_ms(self) -> float:
        """The best of a turn's small reads."""
        requests = list(islice(self.reads, READS_A_TURN))
        return min(_ms(partial(self.connection.ask, request)) for request in requests)


def figures(*, quick: bool, say: Callable[[str], None]) -> dict[str, float]:
    """The figures of this bench: milliseconds, and what the door adds in percent and milliseconds within this run."""
    with ExitStack() as stack:
        say("starting a server")
        ground = stack.enter_context(_ground())
        entity = _with_content(ground)
        alone = () if quick else ("limits", "headers", "policy", "token")
        left_out = {"with_door": (), "without_door": PARTS, **{f"without_{part}": (part,) for part in alone}}
        took: dict[tuple[str, str], list[float]] = {}
        for number in range(1 if quick else PROCESSES):
            say(f"process {number + 1}: starting with something left out")
            ways = dict(_rotated([*left_out.items()], number))
            with _started(ground, [*ways.values()]) as ports:
                clients = dict(zip(ways, [_client(ground, port, entity) for port in ports], strict=True))
                session = replace(clients["with_door"], reads=_signed_reads(ground, entity))
                turns = QUICK_TURNS if quick else TURNS
                for turn in range(-1, turns):  # the one before the first warms up
                    say(f"process {number + 1}, turn {turn + 1} of {turns}")
                    _by_turns(ground, clients, session, took if turn >= 0 else {}, backwards=turn % 2 == 0)
        measured = _told(took, [*left_out, "without_row_security"][1:])
        (port,) = stack.enter_context(_started(ground, [()]))
        say(f"orders by {CLIENTS} clients")
        pace = pace_of_orders(
            [_connection(ground, port) for _ in range(CLIENTS)], orders=ORDERS // 4 if quick else ORDERS
        )
        measured |= {"orders_per_s": pace.per_s, "orders_p99_ms": pace.p99_ms}
        say("whether the time of an answer tells what another company has")
        foreign = _connection(_of_another_company(ground), port)
        measured |= {
            "foreign_read_distance": distance_of_foreign_reads(foreign, entity[0], [entity[1]]),
            "foreign_read_distance_by_chance": BY_CHANCE,
        }
    say("checking tokens")
    return measured | {"token_checks_per_s": token_checks_per_s(TOKENS // 4 if quick else TOKENS)}


def _by_turns(
    ground: Ground,
    clients: Mapping[str, Client],
    session: Client,
    took: dict[tuple[str, str], list[float]],
    *,
    backwards: bool,
) -> None:
    """Ask each once, and note how long pushes and reads took, in milliseconds, under (way to serve, what was asked).

    Row-level security is up for all but those without it: the bare server, and the whole one once more. `session` reads
    from the whole server by a token that is bound to a key, with a proof in every request.
    """
    names = _walled(ground.dsn)
    unwalled = {"without_door": clients["without_door"], "without_row_security": clients["with_door"]}
    walled = {name: each for name, each in clients.items() if name not in unwalled}
    for is_up, ways in ((True, walled), (False, unwalled)):
        _wall(ground.dsn, names, is_up=is_up)
        for name, each in [*ways.items()][:: -1 if backwards else 1]:
            each.push_ms()  # what is planned anew after the wall is nobody's cost
            told = {(name, "push_100"): each.push_ms(), (name, "read"): each.read_ms()}
            if name == "with_door":
                told[SESSION, "read"] = session.read_ms()
            for what, ms in told.items():
                took.setdefault(what, []).append(ms)
    _wall(ground.dsn, names, is_up=True)


def _told(took: dict[tuple[str, str], list[float]], left_out: Sequence[str]) -> dict[str, float]:
    told: dict[str, float] = {}
    for what in ("push_100", "read"):
        whole = took["with_door", what]
        told[f"{what}_ms_with_door"] = statistics.median(whole)
        told[f"{what}_ms_without_door"] = statistics.median(took["without_door", what])
        for name in left_out:
            added = [a - b for a, b in zip(whole, took[name, what], strict=True)]
            part = "door" if name == "without_door" else name.removeprefix("without_")
            told[f"{what}_{part}_adds_ms"] = statistics.median(added)
            if part == "door":
                shares = [100 * (a - b) / b for a, b in zip(whole, took[name, what], strict=True)]
                told[f"{what}_door_adds_percent"] = statistics.median(shares)
    bound = [a - b for a, b in zip(took[SESSION, "read"], took["with_door", "read"], strict=True)]
    return told | {"read_proof_adds_ms": statistics.median(bound)}


def _rotated(ways: Sequence[tuple[str, Sequence[str]]], by: int) -> Sequence[tuple[str, Sequence[str]]]:
    begin = by % len(ways)
    return [*ways[begin:], *ways[:begin]]


def _ms(deed: Callable[[], object]) -> float:
    began = time.perf_counter()
    deed()
    return (time.perf_counter() - began) * 1_000


@contextmanager
def _ground() -> Generator[Ground]:
    with tempfile.TemporaryDirectory(prefix="cairn-bench-") as folder:
        data = Path(folder)
        data.chmod(0o755)  # as root the server keeps only to places that are open
        with database(settings_with(data=data)) as opened, open_pool(opened.dsn, size=1) as pool:
            yield Ground(opened.dsn, data, *_somebody_new(pool))


def _of_another_company(ground: Ground) -> Ground:
    """The same place, and somebody of another tenant."""
    with open_pool(ground.dsn, size=1) as pool:
        return Ground(ground.dsn, ground.data, *_somebody_new(pool))


def _somebody_new(pool: ConnectionPool[PoolConnection]) -> tuple[str, str, str]:
    """A new tenant, somebody in it and their token."""
    accounts, person = open_accounts(pool), str(uuid.uuid4())
    tenant = accounts.add_tenant("Bench", now_ms=now_ms())
    accounts.add_person(tenant, person=person, name="Bench", role="supervisor")
    return tenant, person, accounts.issue(tenant, person, now_ms=now_ms())


def _with_content(ground: Ground) -> tuple[str, str]:
    """Type and id of something to read, brought in through a whole door."""
    with _started(ground, [()]) as (port,):
        connection = _connection(ground, port)
        lines = tuple(islice(days(connection.mint(), seed=1), BATCH))
        connection.post("/v1/sync/push", b"\n".join(lines), "application/x-ndjson")
    first = parse(lines[0])
    return first.entity_type, first.entity


def _client(ground: Ground, port: int, entity: tuple[str, str]) -> Client:
    connection = _connection(ground, port)
    batches = batched(days(connection.mint(), seed=next(_SEEDS)), BATCH)
    pushes = (connection.posting("/v1/sync/push", b"\n".join(lines)) for lines in batches)
    return Client(connection, pushes, repeat(_read(entity, f"Authorization: Bearer {ground.token}")))


def _read(entity: tuple[str, str], *headers: str) -> bytes:
    lines = [f"GET /v1/entities/{entity[0]}/{entity[1]} HTTP/1.1", "Host: bench", *headers]
    return "\r\n".join([*lines, "", ""]).encode()


def _signed_reads(ground: Ground, entity: tuple[str, str]) -> Iterator[bytes]:
    """The same read as a session asks it: each time with a fresh proof of the key that its token is bound to."""
    keyring, key = FileKeyring(ground.data / "keys", now_ms=now_ms), DeviceKey.made()
    url = f"http://bench/v1/entities/{entity[0]}/{entity[1]}"
    while True:
        bound = {"role": "supervisor", "cnf": {"jkt": key.thumbprint}}
        token = access_token.spell(_claims(ground.person, ground.tenant, now_ms() // 1_000, **bound), keyring)
        for _ in range(READS_A_TURN):
            proof = key.proof("GET", url, now_ms=now_ms(), token=token)
            yield _read(entity, f"Authorization: DPoP {token}", f"DPoP: {proof}")


def _connection(ground: Ground, port: int) -> Connection:
    return Connection(f"http://127.0.0.1:{port}", ground.token)


@contextmanager
def _started(ground: Ground, left_out: Sequence[Sequence[str]]) -> Generator[Sequence[int]]:
    """A process that serves without these parts, each at a port of its own: the ports."""
    who = (ground.dsn, str(ground.data), ground.tenant, ground.person)
    command = [sys.executable, "-m", "bench.door_parts", *who, *(",".join(parts) for parts in left_out)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[1]) as process:
        try:
            assert process.stdout
            yield [int(port) for port in process.stdout.readline().split()]
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=30)


def _walled(dsn: str) -> list[str]:
    """Every table with row-level security."""
    with psycopg.connect(dsn) as connection:
        return [name for (name,) in connection.execute(_WALLED)]


def _wall(dsn: str, names: Sequence[str], *, is_up: bool) -> None:
    """Turn row-level security of these tables on or off."""
    said = sql.SQL("enable" if is_up else "disable")
    with psycopg.connect(dsn, autocommit=True) as connection:
        for name in names:
            connection.execute(sql.SQL("alter table {} {} row level security").format(sql.Identifier(name), said))


def token_checks_per_s(count: int) -> float:
    """Access tokens per second whose signature and claims one thread checks, each seen for the first time."""
    with tempfile.TemporaryDirectory() as folder:
        keyring, now_s = FileKeyring(Path(folder) / "keys", now_ms=now_ms), now_ms() // 1_000
        tokens = [
            access_token.spell(_claims(str(uuid.uuid4()), str(uuid.uuid4()), now_s), keyring) for _ in range(count)
        ]
        began = time.perf_counter()
        for token in tokens:
            access_token.read(token, keyring, now_ms=now_s * 1_000)
        return count / (time.perf_counter() - began)


def _claims(person: str, tenant: str, now_s: int, **said: Any) -> Claims:
    """What a token says that is good for ten minutes from now."""
    claims = {"iss": ISSUER, "aud": AUDIENCE, "client_id": OUR_CLIENT, "jti": str(uuid.uuid4()), "role": "technician"}
    about = {"sub": person, "tid": tenant, "iat": now_s, "exp": now_s + 600, "ver": 1}
    return Claims.model_validate({**claims, **about, **said})
