"""The database that a command works on: the server in DATABASE_URL, or the embedded one while the command runs."""

import dataclasses
import os
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from infra import failpoints
from infra.settings import Settings, data_folder, from_environment


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """A database that is up: `dsn` signs in as somebody who may act as our roles, `kept` says where the data are."""

    dsn: str
    kept: str


def settings_with(*, data: Path | None = None, host: str | None = None, port: int | None = None) -> Settings:
    """The settings of the environment, with what was said on the command line in their place."""
    failpoints.arm(os.environ)
    settings = from_environment(os.environ, home=_home())
    if data is not None:
        settings = dataclasses.replace(settings, data=data_folder("--data", str(data)), data_was_chosen=True)
    if host is not None:
        settings = dataclasses.replace(settings, host=host)
    if port is not None:
        settings = dataclasses.replace(settings, port=port)
    return settings


def _home() -> Path:
    """The checkout, from wherever in the world `cairn` is called; the current folder when this is installed."""
    checkout = Path(__file__).resolve().parent.parent
    return checkout if (checkout / "pyproject.toml").exists() else Path.cwd()


@contextmanager
def database(settings: Settings) -> Generator[Database]:
    """The database of these settings, up and migrated while the block runs.

    Commands that run at the same time on the same data folder share one embedded server.
    Raises `ServerUnavailable`, `DatabaseUnfit` or `psycopg.OperationalError`.
    """
    from infra.postgres.embedded import embedded
    from infra.postgres.migrate import upgrade

    if settings.database_url is not None:
        upgrade(settings.database_owner_url or settings.database_url)
        yield Database(dsn=settings.database_url, kept="the database in DATABASE_URL")
        return
    with embedded(settings.data, may_move=not settings.data_was_chosen) as server:
        upgrade(server.dsn)
        yield Database(dsn=server.dsn, kept=str(server.data))
