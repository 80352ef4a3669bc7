"""A server's sync routes from the other side: what a device, a simulator or another server calls.

Every wait has an end; nothing is tried again here, because whoever calls knows what a lost answer means to them.
"""

from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any, Final, Self

import httpx

CONNECT_S_MAX: Final = 5.0
ANSWER_S_MAX: Final = 60.0
CONNECTIONS_MAX: Final = 4
_NDJSON: Final = "application/x-ndjson"


class OfflineError(ConnectionError):
    """The server was not reached, or its answer did not arrive: whether it did what was asked is not known."""


class ServerRefused(Exception):
    """The server answered with a problem: `status` is its HTTP status, `problem` its problem+json document."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        super().__init__(f"{status} {problem.get('code', '')}: {problem.get('detail', '')} {problem.get('hint', '')}")
        self.status, self.problem = status, problem


class SyncClient:
    """The routes of one server for one bearer token; use it as a context manager, from one thread at a time.

    Every method raises OfflineError and ServerRefused.
    """

    def __init__(self, url: str, token: str, *, transport: httpx.BaseTransport | None = None) -> None:
        self._http = httpx.Client(
            base_url=url,
            headers={"authorization": f"Bearer {token}"},
            timeout=httpx.Timeout(ANSWER_S_MAX, connect=CONNECT_S_MAX),
            limits=httpx.Limits(max_connections=CONNECTIONS_MAX),
            transport=transport,
            trust_env=False,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def mint(self, name: str) -> str:
        """A new replica id, bound to the token's person; `name` is what people call the device."""
        return str(self._json("POST", "/v1/sync/replicas", json={"name": name})["replica"])

    def hello(self, replica: str | None = None) -> dict[str, Any]:
        """Epoch, head, server time, limits, and where `replica` stands."""
        return self._json("POST", "/v1/sync/hello", json={} if replica is None else {"replica": replica})

    def push(self, batch: bytes) -> dict[str, Any]:
        """Hand in a batch as `sync.handing_in.next_batch` makes it; the answer is for `sync.handing_in.settle`."""
        return self._json("POST", "/v1/sync/push", content=batch, headers={"content-type": _NDJSON})

    def page(self, cursor: int, *, limit: int | None = None) -> bytes:
        """One page of frames after a cursor, for `sync.frames.read_page`."""
        asked = {"cursor": cursor} if limit is None else {"cursor": cursor, "limit": limit}
        return self._call("GET", "/v1/sync/pull", params=asked).content

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

    def _items(self, path: str, asked: dict[str, Any]) -> Iterator[dict[str, Any]]:
        following: str | None = None
        while True:
            page = self._json("GET", path, params=asked if following is None else {**asked, "cursor": following})
            yield from page["items"]
            following = page["next"]
            if following is None:
                return

    def _json(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        document: dict[str, Any] = self._call(method, path, **request).json()
        return document

    def _call(self, method: str, path: str, **request: Any) -> httpx.Response:
        try:
            answer = self._http.request(method, path, **request)
        except httpx.TransportError as failure:
            raise OfflineError(f"{method} {path}: {type(failure).__name__} {failure}") from failure
        if answer.is_success:
            return answer
        raise ServerRefused(answer.status_code, _problem(answer))


def _problem(answer: httpx.Response) -> dict[str, Any]:
    """The problem in an answer; a proxy on the way may have said no in its own words."""
    if answer.headers.get("content-type", "").startswith("application/problem+json"):
        document: dict[str, Any] = answer.json()
        return document
    return {"status": answer.status_code, "code": "not_from_cairnfield", "detail": answer.text[:500]}
