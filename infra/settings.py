"""What can be set from the environment: one frozen `Settings`, read once when a command starts."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from infra.door_settings import DoorSettings, door_from, is_local, is_on
from infra.setting_invalid import SettingInvalid

POOL_SIZE: Final = 8
"""Connections to the database of a process that serves requests."""

DEFAULT_DATA = Path(".cairn")
DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8411
BACKGROUND = ("read-model", "checkpoints", "milestones", "webhooks")
"""What a server can do beside answering."""
_ALLOW_LOCAL = "CAIRN_WEBHOOKS_ALLOW_LOCAL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that a command is told from outside.

    `database_url`: a PostgreSQL server (15 or newer) as a libpq URI; None means the embedded one.
    `database_owner_url`: the same database for whoever owns it, who migrates it; None: the user of `database_url`.
    `data`: the folder of the embedded server and of `up.json`, absolute.
    `data_was_chosen`: False when `data` is only the default, so that the server may keep its files elsewhere.
    `host`, `port`: where HTTP listens; port 0 lets the system choose.
    `secrets`: the folder of the server's own keys, absolute; None: `keys` in the data folder.
    `origin`: the address at which browsers find the server, as passkeys name it; None: localhost.
    `door`: who may call from where, at what pace.
    `background`: which of BACKGROUND this process does; one process on a database at least must do each.
    `webhooks_allow_local`: whether webhooks may lead into this network, and without TLS; unsafe.
    """

    database_url: str | None
    data: Path
    data_was_chosen: bool
    host: str
    port: int
    secrets: Path | None = None
    origin: str | None = None
    door: DoorSettings = field(default_factory=DoorSettings)
    background: frozenset[str] = frozenset(BACKGROUND)
    webhooks_allow_local: bool = False
    database_owner_url: str | None = None

    @property
    def keys(self) -> Path:
        """The folder of the server's own keys."""
        return self.secrets or self.data / "keys"

    @property
    def is_reached_by_others(self) -> bool:
        """Whether other machines reach the server, by its address or through what stands in front of it."""
        return not is_local(self.host) or self.door.is_behind_tls


def from_environment(environment: Mapping[str, str], *, home: Path = Path()) -> Settings:
    """Read the variables that `docs/reference/commands.md` lists; an empty one counts as unset.

    `home`: the folder in which the default data folder `.cairn` lies.
    Raises `SettingInvalid` for a value that cannot be used.
    """
    chosen, kept_apart = environment.get("CAIRN_DATA", ""), environment.get("CAIRN_SECRETS_DIR", "")
    data = data_folder("CAIRN_DATA", chosen) if chosen else (home / DEFAULT_DATA).absolute()
    return Settings(
        database_url=_database_url("DATABASE_URL", environment.get("DATABASE_URL", "")),
        database_owner_url=_database_url("DATABASE_OWNER_URL", environment.get("DATABASE_OWNER_URL", "")),
        data=data,
        data_was_chosen=bool(chosen),
        host=environment.get("CAIRN_HOST", "") or DEFAULT_HOST,
        port=_port("CAIRN_PORT", environment.get("CAIRN_PORT", "")),
        secrets=data_folder("CAIRN_SECRETS_DIR", kept_apart) if kept_apart else None,
        origin=_origin(environment.get("CAIRN_ORIGIN", "")),
        door=door_from(environment),
        background=_background("CAIRN_BACKGROUND", environment.get("CAIRN_BACKGROUND", "")),
        webhooks_allow_local=is_on(_ALLOW_LOCAL, environment.get(_ALLOW_LOCAL, "")),
    )


def data_folder(variable: str, value: str) -> Path:
    """The absolute path of a data folder, which need not be there yet."""
    if "\0" in value or "\n" in value:
        raise SettingInvalid(variable, value, "Name a folder without line breaks.")
    path = Path(value).expanduser().absolute()
    if path.exists() and not path.is_dir():
        raise SettingInvalid(variable, value, "It is a file; name a folder.")
    return path


def _database_url(variable: str, value: str) -> str | None:
    if not value:
        return None
    if urlsplit(value).scheme not in {"postgresql", "postgres"}:
        # The value is not repeated: it may hold a password.
        raise SettingInvalid(
            variable, "…", "Write it as postgresql://user:password@host:5432/database, or leave it unset."
        )
    return value


def _port(variable: str, value: str) -> int:
    if not value:
        return DEFAULT_PORT
    if not (value.isascii() and value.isdigit() and len(value) <= 5 and int(value) <= 65535):
        raise SettingInvalid(variable, value, "Set a number from 0 to 65535; 0 lets the system choose.")
    return int(value)


def _background(variable: str, value: str) -> frozenset[str]:
    if not value:
        return frozenset(BACKGROUND)
    named = frozenset[str]() if value == "none" else frozenset(each.strip() for each in value.split(","))
    if not named <= frozenset(BACKGROUND):
        raise SettingInvalid(
            variable, value, f"Name some of {', '.join(BACKGROUND)}, with commas between them, or write none."
        )
    return named


def _origin(value: str) -> str | None:
    """Scheme, host and port, as browsers spell them."""
    if not value:
        return None
    parts = urlsplit(value)
    if parts.scheme not in {"https", "http"} or not parts.hostname or value != f"{parts.scheme}://{parts.netloc}":
        raise SettingInvalid("CAIRN_ORIGIN", value, "Write it as https://field.example, without a path.")
    if parts.scheme == "http" and parts.hostname not in {"localhost", "127.0.0.1"}:
        raise SettingInvalid("CAIRN_ORIGIN", value, "Browsers give passkeys to https only; write https://.")
    return value
