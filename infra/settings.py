"""What can be set from the environment: one frozen `Settings`, read once when a command starts."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

DEFAULT_DATA = Path(".cairn")
DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8411


class SettingInvalid(Exception):
    """A setting has a value that cannot be used.

    `variable` is the name of the environment variable or option, `value` what it held,
    `remedy` a sentence that says what to set instead.
    """

    def __init__(self, variable: str, value: str, remedy: str) -> None:
        super().__init__(f"{variable} is {value!r}. {remedy}")
        self.variable = variable
        self.value = value
        self.remedy = remedy


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that a command is told from outside.

    `database_url`: a PostgreSQL server (15 or newer) as a libpq URI; None means the embedded one.
    `data`: the folder of the embedded server and of `up.json`, absolute.
    `data_was_chosen`: False when `data` is only the default, so that the server may keep its files elsewhere.
    `host`, `port`: where HTTP listens; port 0 lets the system choose.
    """

    database_url: str | None
    data: Path
    data_was_chosen: bool
    host: str
    port: int


def from_environment(environment: Mapping[str, str], *, home: Path = Path()) -> Settings:
    """Read DATABASE_URL, CAIRN_DATA, CAIRN_HOST and CAIRN_PORT; an empty value counts as unset.

    `home`: the folder in which the default data folder `.cairn` lies.
    Raises `SettingInvalid` for a value that cannot be used.
    """
    chosen = environment.get("CAIRN_DATA", "")
    return Settings(
        database_url=_database_url(environment.get("DATABASE_URL", "")),
        data=data_folder("CAIRN_DATA", chosen) if chosen else (home / DEFAULT_DATA).absolute(),
        data_was_chosen=bool(chosen),
        host=environment.get("CAIRN_HOST", "") or DEFAULT_HOST,
        port=_port("CAIRN_PORT", environment.get("CAIRN_PORT", "")),
    )


def data_folder(variable: str, value: str) -> Path:
    """The absolute path of a data folder, which need not be there yet."""
    if "\0" in value or "\n" in value:
        raise SettingInvalid(variable, value, "Name a folder without line breaks.")
    path = Path(value).expanduser().absolute()
    if path.exists() and not path.is_dir():
        raise SettingInvalid(variable, value, "It is a file; name a folder.")
    return path


def _database_url(value: str) -> str | None:
    if not value:
        return None
    if urlsplit(value).scheme not in {"postgresql", "postgres"}:
        # The value is not repeated: it may hold a password.
        raise SettingInvalid(
            "DATABASE_URL", "…", "Write it as postgresql://user:password@host:5432/database, or leave it unset."
        )
    return value


def _port(variable: str, value: str) -> int:
    if not value:
        return DEFAULT_PORT
    if not (value.isascii() and value.isdigit() and len(value) <= 5 and int(value) <= 65535):
        raise SettingInvalid(variable, value, "Set a number from 0 to 65535; 0 lets the system choose.")
    return int(value)
