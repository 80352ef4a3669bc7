"""A server's sync routes from the other side: what a device, a simulator or another server calls.

Every wait has an end; nothing is tried again here, because whoever calls knows what a lost answer means to them.
"""

import gzip
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Final, Self

import httpx

from infra.live_hints import heads

CONNECT_S_MAX: Final = 5.0
ANSWER_S_MAX: Final = 60.0
CONNECTIONS_MAX: Final = 4
NOT_FROM_CAIRNFIELD: Final = "not_from_cairnfield"
WORTH_PACKING_BYTES: Final = 1_024
"""A body of fewer is one packet either way."""
_NDJSON: Final = "application/x-ndjson"
_OURS: Final = frozenset({"application/json", _NDJSON})
"""What a good answer is; the page of a captive portal, which also comes with status 200, is none."""


class OfflineError(ConnectionError):
    """The server was not reached, or its answer did not arrive: whether it did what was asked is not known."""


class ServerRefused(Exception):
    """The server answered with a problem: `status` is its HTTP status, `problem` its problem+json document.

    `retry_after_s` is how many seconds it asks us to wait, None where it does not say; `nonce` is what it wants signed
    because our clock is wrong. `is_ours` is False where somebody on the way said no in words of their own, so that
    nobody knows what the server would have said.
    """

    def __init__(
        self, status: int, problem: dict[str, Any], *, retry_after_s: float | None = None, nonce: str | None = None
    ) -> None:
        super().__init__(f"{status} {problem.get('code', '')}: {problem.get('detail', '')} {problem.get('hint', '')}")
        self.status, self.problem, self.retry_after_s, self.nonce = status, problem, retry_after_s, nonce

    @property
    def is_ours(self) -> bool:
        return bool(self.problem.get("code") != NOT_FROM_CAIRNFIELD)


class SyncClient:
    """The routes of one server for one bearer token, or for whoever `auth` has signed in (`infra.signed_in`).

    Use it as a context manager, from one thread at a time. Every method raises OfflineError and ServerRefused.
    """

    def __init__(
        self,
        url: str,
        token: str | None = None,
        *,
        auth: httpx.Auth | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._http = httpx.Client(
            base_url=url,
            headers={} if token is None else {"authorization": f"Bearer {token}"},
            auth=auth,
            timeout=httpx.Timeout(ANSWER_S_MAX, connect=CONNECT_S_MAX),
            limits=httpx.Limits(max_connections=CONNECTIONS_MAX),
            transport=transport,
            trust_env=False,
        )

    @property
    def http(self) -> httpx.Client:
        """For signing in."""
        return self._http

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def mint(self, name: str) -> str:
        """A new replica id, bound to the token's person; `name` is what people call the device."""
        return str(self._json("POST", "/v1/sync/replicas", json={"name": name})["replica"])

    def register(self, replica: str, name: str) -> None:
        """Let a replica id of one's own be known again that a restored server has forgotten; one that is known stays
        as it is. Refused as `replica_not_yours` where it is somebody else's, or was minted for somebody else."""
        self._json("POST", "/v1/sync/replicas", json={"name": name, "replica": replica})

    def hello(self, replica: str | None = None) -> dict[str, Any]:
        """Epoch, head, server time, limits, and where `replica` stands."""
        return self._json("POST", "/v1/sync/hello", json={} if replica is None else {"replica": replica})

    def push(self, batch: bytes) -> dict[str, Any]:
        """Hand in a batch as `sync.handing_in.next_batch` makes it; the answer is for `sync.handing_in.settle`."""
        return self._json("POST", "/v1/sync/push", **_lines(batch))

    def page(
        self,
        cursor: int,
        *,
        limit: int | None = None,
        replica: str | None = None,
        resume: str = "",
        refetch: str = "",
        digests: bool = False,
        history: bool = False,
    ) -> bytes:
        """One page of frames after a cursor, for `sync.frames.read_page`.

        `resume` is what the last checkpoint told, if it did; `replica` is one's own, whose later verdicts are told;
        `refetch` is a scope to be sent whole once more; `digests` asks for the hash of each scope at the head;
        `history` is for those who see everything and want every event.
        """
        asked = {"limit": limit, "replica": replica, "resume": resume, "refetch": refetch}
        switches = {name: "true" for name, is_on in (("digests", digests), ("history", history)) if is_on}
        told = {"cursor": cursor, **{name: value for name, value in asked.items() if value}, **switches}
        return self._call("GET", "/v1/sync/pull", params=told).content

    def live(
        self, replica: str | None = None, *, heard: int | None = None, wait: Callable[[float], object] = time.sleep
    ) -> Iterator[int]:
        """Heads of the log as they are told, for ever: see `infra.live_hints.heads`, which says what it raises.

        It holds a connection of this client, and may be read from a thread of its own.
        """
        return heads(self._http, replica, heard=heard, wait=wait)

    def entity(self, entity_type: str, entity: str) -> dict[str, Any]:
        """One entity as the server shows it."""
        return self._json("GET", f"/v1/entities/{entity_type}/{entity}")

    def entities(self, entity_type: str) -> Iterator[dict[str, Any]]:
        """All entities of a type, page after page."""
        return self._items(f"/v1/entities/{entity_type}", {})

    def work_orders(self, status: Sequence[str] = ()) -> Iterator[dict[str, Any]]:
        """Work orders, all or those in the given statuses, page after page."""
        return self._items("/v1/work-orders", {"status": list(status)} if status else {})

    def digest(self) -> tuple[int, str]:
        """(head, hash of all states) as the server stores them."""
        told = self._json("GET", "/v1/sync/digest")
        return told["head"], told["state_hash"]

    def consistency(self, since: int) -> dict[str, Any]:
        """The newest checkpoint of the log, and that it continues one of `since` events: see `infra.pinned_log`."""
        return self._json("GET", "/v1/proof/consistency", params={"since": since})

    def relayed(self, hub: str, epoch: str) -> int:
        """How far this server has taken in the log of another hub, known by its tenant and epoch."""
        return int(self._json("GET", "/v1/sync/relay", params={"hub": hub, "epoch": epoch})["position"])

    def relay(self, page: bytes, *, hub: str, epoch: str, after: int) -> dict[str, Any]:
        """Hand in the page of another hub's log that follows `after`, as its pull sent it."""
        asked = {"hub": hub, "epoch": epoch, "after": after}
        return self._json("POST", "/v1/sync/relay", params=asked, **_lines(page))

    def _items(self, path: str, asked: dict[str, Any]) -> Iterator[dict[str, Any]]:
        following: str | None = None
        while True:
            page = self._json("GET", path, params=asked if following is None else {**asked, "cursor": following})
            yield from page["items"]
            following = page["next"]
            if following is None:
                return

    def _json(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        return _document(self._call(method, path, **request))

    def _call(self, method: str, path: str, **request: Any) -> httpx.Response:
        return _answered(self._http, self._http.build_request(method, path, **request), self._http.auth)


def called(http: httpx.Client, request: httpx.Request) -> dict[str, Any]:
    """The document that answers a request, which is sent as it is; raises OfflineError and ServerRefused."""
    return _document(_answered(http, request, None))


def _answered(http: httpx.Client, request: httpx.Request, auth: httpx.Auth | None) -> httpx.Response:
    name = f"{request.method} {request.url.path}"
    try:
        answer = http.send(request, auth=auth)
    except httpx.TransportError as failure:
        raise OfflineError(f"{name}: {type(failure).__name__} {failure}") from failure
    if not answer.is_success:
        nonce = answer.headers.get("dpop-nonce")
        raise ServerRefused(answer.status_code, _problem(answer), retry_after_s=_retry_after_s(answer), nonce=nonce)
    media_type = _media_type(answer)
    if media_type not in _OURS:
        raise OfflineError(f"{name}: somebody else answered, with {media_type or 'nothing'}")
    return answer


def _document(answer: httpx.Response) -> dict[str, Any]:
    try:
        document: dict[str, Any] = answer.json()
    except ValueError as cut:
        raise OfflineError(
            f"{answer.request.method} {answer.request.url.path}: the answer is no JSON document"
        ) from cut
    return document


def _media_type(answer: httpx.Response) -> str:
    content_type: str = answer.headers.get("content-type", "")
    return content_type.partition(";")[0].strip().lower()


def _problem(answer: httpx.Response) -> dict[str, Any]:
    """The problem in an answer; a proxy on the way may have said no in its own words."""
    if _media_type(answer) == "application/problem+json":
        with suppress(ValueError):
            document: dict[str, Any] = answer.json()
            return document
    return {"status": answer.status_code, "code": NOT_FROM_CAIRNFIELD, "detail": answer.text[:500]}


def _retry_after_s(answer: httpx.Response) -> float | None:
    """Seconds only: the other form, a date, needs two clocks that agree."""
    told = answer.headers.get("retry-after", "")
    return float(told) if re.fullmatch(r"[0-9]{1,9}", told) else None


def _lines(body: bytes) -> dict[str, Any]:
    """What is sent of a body of events: packed, where that is worth it on a slow line."""
    headers = {"content-type": _NDJSON}
    if len(body) < WORTH_PACKING_BYTES:
        return {"content": body, "headers": headers}
    return {"content": gzip.compress(body, mtime=0), "headers": {**headers, "content-encoding": "gzip"}}
