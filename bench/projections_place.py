"""What the parts of the projections bench share: a database with two full logs, and nothing else that runs."""

import tempfile
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psycopg

from bench.town_log import Town, fill_town
from cairnfield.database import database, settings_with
from cairnfield.wiring import now_ms, open_accounts
from infra.postgres.pool import open_pool

EVENTS: Final = 1_000_000
QUICK_EVENTS: Final = 60_000
TENANTS: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A database in which two tenants share all events."""

    dsn: str
    tenants: tuple[str, ...]
    towns: tuple[Town, ...]
    events: int
    quick: bool
    say: Callable[[str], None]
    figures: dict[str, float] = field(default_factory=dict[str, float])


@contextmanager
def place(*, quick: bool, say: Callable[[str], None]) -> Generator[Place]:
    """A place that goes when the block ends."""
    events = QUICK_EVENTS if quick else EVENTS
    with tempfile.TemporaryDirectory(prefix="cairn-bench-") as folder:
        data = Path(folder)
        data.chmod(0o755)  # as root the server keeps only to places that are open
        with database(settings_with(data=data)) as opened:
            with open_pool(opened.dsn, size=1) as pool:
                accounts = open_accounts(pool)
                tenants = tuple(accounts.add_tenant(f"Bench {each}", now_ms=now_ms()) for each in range(TENANTS))
            say(f"filling two logs with {events:,} events")
            towns = tuple(
                fill_town(opened.dsn, tenant, events=events // TENANTS, seed=seed)
                for seed, tenant in enumerate(tenants)
            )
            with psycopg.connect(opened.dsn, autocommit=True) as connection:
                connection.execute("vacuum (analyze) event")
                connection.execute("checkpoint")
            yield Place(dsn=opened.dsn, tenants=tenants, towns=towns, events=events, quick=quick, say=say)
