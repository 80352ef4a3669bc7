"""Whose data were erased from the audit, and up to when: a list beside the server's own keys.

A restored database has back what was erased since its backup, and has forgotten that it was erased. This list lies
elsewhere and forgets nothing, so that it can be erased again before anybody is let in (`cairn audit erase-again`).
"""

import fcntl
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import orjson
from pydantic import TypeAdapter, ValidationError

from infra.whole_file import write_whole
from sync.log import TenantId

ERASURES_FOLDER: Final = "erasures"

_LIST: Final = TypeAdapter(dict[str, int])


class ErasureListUnreadable(Exception):
    """The list is damaged, and what it says must not be guessed; the text names the file."""


class ErasureList:
    """The list of all tenants; safe to share between threads and processes."""

    def __init__(self, keys: Path) -> None:
        self._folder = keys / ERASURES_FOLDER

    def of(self, tenant: TenantId) -> Mapping[str, int]:
        """By person, up to when they were erased, in milliseconds since 1970; raises ErasureListUnreadable."""
        path = self._folder / f"{tenant}.json"
        try:
            return _LIST.validate_json(path.read_bytes())
        except FileNotFoundError:
            return {}
        except ValidationError as error:
            raise ErasureListUnreadable(
                f"{path} is damaged. Restore it: it says who was erased, whatever backup the database came from."
            ) from error

    def add(self, tenant: TenantId, person: str, until_ms: int) -> None:
        """Note that somebody is erased up to a moment; it is on the disk when this returns."""
        with self._alone(tenant):
            listed = self.of(tenant)
            longer = {**listed, person: max(until_ms, listed.get(person, until_ms))}
            write_whole(self._folder / f"{tenant}.json", orjson.dumps(longer, option=orjson.OPT_INDENT_2))

    @contextmanager
    def _alone(self, tenant: TenantId) -> Generator[None]:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self._folder / f"{tenant}.lock").open("a") as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)
            yield
