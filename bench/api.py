"""What the door costs: the same pushes and reads with all of it, with none, and with each part left out, by turns."""

import signal
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

import psycopg
from psycopg import sql

from api import access_token
from api.access_token import AUDIENCE, ISSUER, OUR_CLIENT, Claims
from bench.door_parts import PARTS
from bench.push import ACCEPTED, batched
from bench.server import Connection
from bench.workload import days
from cairnfield.database import database, settings_with
from cairnfield.wiring import now_ms, open_accounts
from infra.keyring import FileKeyring
from infra.postgres.pool import open_pool
from sync.envelope import parse

BATCH: Final = 100
WARM_UP: Final = 10
PUSHES_A_TURN: Final = 12
READS_A_TURN: Final = 120
TURNS: Final = 25
QUICK_TURNS: Final = 7
TOKENS: Final = 4_000

_WALLED: Final = """
    select relname, relforcerowsecurity from pg_class
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
class Runner:
    """One way to serve, and how long it took: milliseconds of each push and each read."""

    name: str
    connection: Connection
    pushes: Iterator[bytes]
    read: bytes
    is_walled: bool = True

    def push_ms(self) -> float:
        """The median of a turn's pushes."""
        return statistics.median(_ms(self._push) for _ in range(PUSHES_A_TURN))

    def _push(self) -> None:
        assert self.connection.ask(next(self.pushes)).count(ACCEPTED) == BATCH

    def read_ms(self) -> float:
        """The median of a turn's small reads."""
        return statistics.median(_ms(lambda: self.connection.ask(self.read)) for _ in range(READS_A_TURN))


def figures(*, quick: bool, say: Callable[[str], None]) -> dict[str, float]:
    """The figures of this bench: milliseconds, and what the door adds in percent and milliseconds within this run."""
    with ExitStack() as stack:
        say("starting servers, each with something left out")
        ground = stack.enter_context(_ground())
        entity = _with_content(ground)
        ways: dict[str, tuple[tuple[str, ...], bool]] = {
            "with_door": ((), True),
            "without_door": (PARTS, False),
            "without_row_security": ((), False),
            **{f"without_{part}": ((part,), True) for part in ("limits", "headers", "policy", "token")},
        }
        runners = [
            stack.enter_context(_runner(name, ground, parts, entity, is_walled=walled))
            for name, (parts, walled) in ways.items()
        ]
        measured = _by_turns(ground, runners, QUICK_TURNS if quick else TURNS, say)
    say("checking tokens")
    return measured | {"token_checks_per_s": token_checks_per_s(TOKENS // 4 if quick else TOKENS)}


def _by_turns(ground: Ground, runners: Sequence[Runner], turns: int, say: Callable[[str], None]) -> dict[str, float]:
    took: dict[tuple[str, str], list[float]] = {}
    for turn in range(-1, turns):
        say(f"turn {turn + 1} of {turns}")
        order = sorted(runners, key=lambda each: (each.is_walled, hash((turn, each.name))))
        for number, each in enumerate(order):
            if number == 0 or order[number - 1].is_walled != each.is_walled:
                _wall(ground.dsn, is_up=each.is_walled)
            each.push_ms() if number == 0 else None  # what is planned anew after the wall is nobody's cost
            push, read = each.push_ms(), each.read_ms()
            if turn >= 0:
                took.setdefault((each.name, "push_100"), []).append(push)
                took.setdefault((each.name, "read"), []).append(read)
    return _told(took, [each.name for each in runners])


def _told(took: dict[tuple[str, str], list[float]], names: Sequence[str]) -> dict[str, float]:
    told: dict[str, float] = {}
    for what in ("push_100", "read"):
        whole = took["with_door", what]
        told[f"{what}_ms_with_door"] = statistics.median(whole)
        told[f"{what}_ms_without_door"] = statistics.median(took["without_door", what])
        for name in names[1:]:
            added = [a - b for a, b in zip(whole, took[name, what], strict=True)]
            part = "door" if name == "without_door" else name.removeprefix("without_")
            told[f"{what}_{part}_adds_ms"] = statistics.median(added)
            if part == "door":
                shares = [100 * (a - b) / b for a, b in zip(whole, took[name, what], strict=True)]
                told[f"{what}_door_adds_percent"] = statistics.median(shares)
    return told


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
            accounts, person = open_accounts(pool), str(uuid.uuid4())
            tenant = accounts.add_tenant("Bench", now_ms=now_ms())
            accounts.add_person(tenant, person=person, name="Bench", role="supervisor")
            token = accounts.issue(tenant, person, now_ms=now_ms())
            yield Ground(opened.dsn, data, tenant, person, token)


def _with_content(ground: Ground) -> tuple[str, str]:
    """Type and id of something to read, brought in through a whole door."""
    with _serving(ground, ()) as connection:
        lines = tuple(islice(days(connection.mint(), seed=1), BATCH))
        connection.post("/v1/sync/push", b"\n".join(lines), "application/x-ndjson")
    first = next(each for each in map(parse, lines) if each.entity_type == "work_order")
    return first.entity_type, first.entity


@contextmanager
def _runner(
    name: str, ground: Ground, parts: Sequence[str], entity: tuple[str, str], *, is_walled: bool
) -> Generator[Runner]:
    with _serving(ground, parts) as connection:
        replica = connection.mint()
        batches = batched(days(replica, seed=abs(hash(name)) % 65_536), BATCH)
        pushes = (connection.posting("/v1/sync/push", b"\n".join(lines)) for lines in batches)
        about = f"Host: bench\r\nAuthorization: Bearer {ground.token}\r\n\r\n"
        read = f"GET /v1/entities/{entity[0]}/{entity[1]} HTTP/1.1\r\n{about}".encode()
        yield Runner(name, connection, pushes, read, is_walled)


@contextmanager
def _serving(ground: Ground, parts: Sequence[str]) -> Generator[Connection]:
    who = (ground.dsn, str(ground.data), ground.tenant, ground.person)
    command = [sys.executable, "-m", "bench.door_parts", *who, *parts]
    root = Path(__file__).parents[1]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=root) as process:
        try:
            assert process.stdout
            port = int(process.stdout.readline())
            yield Connection(f"http://127.0.0.1:{port}", ground.token)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=30)


def _wall(dsn: str, *, is_up: bool) -> None:
    """Turn row-level security off on every table that has it, or on again on those that had it."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        if is_up:
            names = [name for (name,) in connection.execute("select name from bench_wall")]
        else:
            names = [name for name, _ in connection.execute(_WALLED)]
            connection.execute("create table if not exists bench_wall (name text primary key)")
            connection.cursor().executemany(
                "insert into bench_wall values (%s) on conflict do nothing", [(n,) for n in names]
            )
        for name in names:
            said = sql.SQL("enable" if is_up else "disable")
            connection.execute(sql.SQL("alter table {} {} row level security").format(sql.Identifier(name), said))


def token_checks_per_s(count: int) -> float:
    """Access tokens per second whose signature and claims one thread checks, each seen for the first time."""
    with tempfile.TemporaryDirectory() as folder:
        keyring, now_s = FileKeyring(Path(folder) / "keys", now_ms=now_ms), now_ms() // 1_000
        tokens = [
            access_token.spell(
                Claims(
                    iss=ISSUER,
                    aud=AUDIENCE,
                    sub=str(uuid.uuid4()),
                    client_id=OUR_CLIENT,
                    iat=now_s,
                    exp=now_s + 600,
                    jti=str(number),
                    tid=str(uuid.uuid4()),
                    role="technician",
                    ver=1,
                ),
                keyring,
            )
            for number in range(count)
        ]
        began = time.perf_counter()
        for token in tokens:
            access_token.read(token, keyring, now_ms=now_s * 1_000)
        return count / (time.perf_counter() - began)
