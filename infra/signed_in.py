"""Somebody who has signed in from this program, as a device: a key and a session in one file, and every request signed.

Access tokens live for minutes and are renewed as they end. What renews them is kept before anything is done with it, so
whoever is killed, or loses an answer, goes on where they were.
"""

import json
import os
import tempfile
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import httpx

from infra.device_key import DeviceKey
from infra.http_client import ServerRefused, called

REFRESH: Final = "/v1/sign-in/refresh"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """What the file holds."""

    key: str
    access: str = ""
    refreshing: str = ""
    device: str | None = None


class SignedIn(httpx.Auth):
    """A session with its key; give it to `SyncClient` as `auth`. For one thread at a time.

    `path` is its file, for its owner's eyes, made when it is not there.
    """

    def __init__(self, path: Path | str, *, now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000) -> None:
        self._path, self._now_ms = Path(path), now_ms
        self._kept = _read(self._path) or _Kept(key=DeviceKey.made().secret)
        self._key = DeviceKey.kept(self._kept.key)
        self._nonce: str | None = None

    @property
    def is_signed_in(self) -> bool:
        """Whether there is a session to go on with, as far as is known here."""
        return bool(self._kept.refreshing)

    @property
    def device(self) -> str | None:
        """The id of the registered device, once it is one."""
        return self._kept.device

    def sign_in(self, http: httpx.Client, *, email: str, password: str, tenant: str | None = None) -> dict[str, Any]:
        """Sign in by password; returns what the server says, with `late` where the device had handed in without a
        session. Raises OfflineError and ServerRefused."""
        said = {"email": email, "password": password, **({"tenant": tenant} if tenant else {})}
        told = self._told(http, "/v1/sign-in", said, token=None)
        self._keep(access=told["access_token"], refreshing=told["refresh_token"], device=told["device"])
        return told

    def register(self, http: httpx.Client, name: str) -> None:
        """Let this be a registered device, which may hand in; asked again, it is the same one. Raises OfflineError and
        ServerRefused."""
        try:
            told = self._told(http, "/v1/devices", {"name": name}, token=self._kept.access)
        except ServerRefused as refused:
            if refused.status != HTTPStatus.UNAUTHORIZED:
                raise
            self._renew(http)
            told = self._told(http, "/v1/devices", {"name": name}, token=self._kept.access)
        self._keep(access=told["access_token"], device=told["device"])

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
        """Sign a request; where its token has ended, renew that and sign once more.

        Where it cannot be renewed, that refusal is the answer: it says that whoever asks must sign in again.
        """
        response = yield self._signed(request, self._kept.access)
        if self._is_stale(response):
            response = yield self._signed(request, self._kept.access)
        if response.status_code == HTTPStatus.UNAUTHORIZED and self._kept.refreshing:
            renewed = yield self._renewing(request.url)
            if self._is_stale(renewed):
                renewed = yield self._renewing(request.url)
            if renewed.is_success:
                self._take(json.loads(renewed.read()))
                yield self._signed(request, self._kept.access)

    def _told(self, http: httpx.Client, path: str, said: dict[str, Any], *, token: str | None) -> dict[str, Any]:
        """The answer to a request of our own, signed; once more where the clock is wrong."""
        for is_last in (False, True):
            request = self._signed(http.build_request("POST", path, json=said), token)
            try:
                return called(http, request)
            except ServerRefused as refused:
                if is_last or refused.nonce is None:
                    raise
                self._nonce = refused.nonce
        raise AssertionError("the last one returns or raises")

    def _renew(self, http: httpx.Client) -> None:
        self._take(self._told(http, REFRESH, {"refresh_token": self._kept.refreshing}, token=None))

    def _renewing(self, url: httpx.URL) -> httpx.Request:
        told = {"refresh_token": self._kept.refreshing}
        return self._signed(httpx.Request("POST", url.copy_with(raw_path=REFRESH.encode()), json=told), None)

    def _signed(self, request: httpx.Request, token: str | None) -> httpx.Request:
        request.headers["DPoP"] = self._key.proof(
            request.method, str(request.url), now_ms=self._now_ms(), token=token, nonce=self._nonce
        )
        if token is not None:
            request.headers["Authorization"] = f"DPoP {token}"
        return request

    def _is_stale(self, response: httpx.Response) -> bool:
        """Whether the clock here is wrong; the nonce that helps is heeded from now on."""
        told = response.headers.get("dpop-nonce")
        self._nonce = told or self._nonce
        return response.status_code == HTTPStatus.UNAUTHORIZED and told is not None

    def _take(self, told: dict[str, Any]) -> None:
        self._keep(access=told["access_token"], refreshing=told["refresh_token"])

    def _keep(self, **changes: Any) -> None:
        """Write the file whole or not at all, and only then go by it."""
        kept = replace(self._kept, **changes)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, writing = tempfile.mkstemp(prefix=f"{self._path.name}.", dir=self._path.parent)  # mode 0600
        with os.fdopen(descriptor, "w") as file:
            json.dump({name: getattr(kept, name) for name in _Kept.__slots__}, file)
            file.flush()
            os.fsync(file.fileno())
        Path(writing).replace(self._path)
        self._kept = kept


def _read(path: Path) -> _Kept | None:
    try:
        return _Kept(**json.loads(path.read_bytes()))
    except FileNotFoundError:
        return None
