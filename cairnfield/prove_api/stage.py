"""The server that is asked: real PostgreSQL, a real API process with the demo town, and limits that hide no answer."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import httpx

from cairnfield.prove_sync.stage import Api, Database
from cairnfield.up import READY_FILE
from commands.quotas import QUOTAS

_MUCH: Final = 10**12
_LIMITS: Final = ",".join(f"{name}={_MUCH}/60" for name in QUOTAS)
"""On, so that their headers are in every answer, and so wide that none is ever a 429."""


class Stage:
    """A database and an API process in a folder; use it as a context manager."""

    def __init__(self, folder: Path, *, say: Callable[[str], None] = lambda _: None) -> None:
        self._database = Database(folder)
        self._api = Api(self._database, folder, 0, options=(), environment={"CAIRN_RATE_LIMITS": _LIMITS})
        self._say = say

    def __enter__(self) -> Self:
        self._say("making a database")
        self._database.create()
        self._say("starting the API")
        self._api.start()
        self._api.wait_until_ready()
        return self

    @property
    def url(self) -> str:
        host, port = self._api.address
        return f"http://{host}:{port}"

    @property
    def tokens(self) -> Mapping[str, str]:
        """A bearer token for each role."""
        told: dict[str, str] = json.loads((self._api.data / READY_FILE).read_text())["tokens"]
        return told

    @property
    def sign_in(self) -> Mapping[str, str]:
        """E-mail and password of somebody who works there."""
        told: dict[str, str] = json.loads((self._api.data / READY_FILE).read_text())["sign_in"]["technician"]
        return told

    def description(self) -> dict[str, Any]:
        """What the server says of itself."""
        told: dict[str, Any] = httpx.get(f"{self.url}/openapi.json", trust_env=False).raise_for_status().json()
        return told

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._api.stop()
        self._database.stop()
