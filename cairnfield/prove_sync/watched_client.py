"""A client whose every question and answer is told to the history, by somebody who only watches the line."""

from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from random import Random
from typing import Any, Protocol

from cairnfield.prove_sync.part import PAGES, Impatient, Part
from cairnfield.prove_sync.sighting import Sighting
from cairnfield.prove_sync.testimony import Note, answered
from infra.http_client import OfflineError, ServerRefused, SyncClient
from sync.envelope import Event, parse
from sync.frames import Page, read_page


class Watcher(Protocol):
    """Whoever watches a device."""

    def before_asking(self) -> None:
        """Something is about to be asked: the answers before have had their effect."""
        ...

    def handed_in(self, events: Iterable[Event]) -> None:
        """These are about to be handed in."""
        ...

    def answered(self, answer: Mapping[str, Any]) -> None:
        """This was answered to that."""
        ...

    def told(self, seen: Sighting) -> None:
        """This page came, whole."""
        ...

    def compared(self, page: Page) -> None:
        """This page came, with the digests that were asked for."""
        ...


class WatchedClient(SyncClient):
    """The routes of the server, as `SyncClient` has them, for a device that does not know that it is watched."""

    def __init__(self, part: Part, note: Note, watcher: Watcher, dice: Random) -> None:
        super().__init__(part.url, part.token, transport=Impatient())
        self._note, self._watcher, self._dice = note, watcher, dice

    @contextmanager
    def _asked(self, f: str, **value: Any) -> Generator[None]:
        self._watcher.before_asking()
        self._note("invoke", f, **value)
        try:
            yield
        except OfflineError as why:
            self._note("info", f, why=str(why)[:200])
            raise
        except ServerRefused as refusal:
            self._note("fail" if refusal.status < 500 else "info", f, why=str(refusal)[:300])
            raise

    def mint(self, name: str) -> str:
        with self._asked("mint"):
            return super().mint(name)

    def register(self, replica: str, name: str) -> None:
        with self._asked("register"):
            super().register(replica, name)
        self._note("ok", "register", replica=replica)

    def hello(self, replica: str | None = None) -> dict[str, Any]:
        with self._asked("hello"):
            told = super().hello(replica)
        self._note("ok", "hello", epoch=told["epoch"], head=told["head"])
        return told

    def consistency(self, since: int) -> dict[str, Any]:
        with self._asked("consistency"):
            return super().consistency(since)

    def push(self, batch: bytes) -> dict[str, Any]:
        events = [parse(line) for line in batch.split(b"\n")]
        self._watcher.handed_in(events)
        with self._asked("push", ids=[event.id for event in events]):
            answer = super().push(batch)
        self._note("ok", "push", **answered(answer))
        self._watcher.answered(answer)
        return answer

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
        """As SyncClient has it, and often in smaller pages, so that blows fall between two of one pull."""
        f = "check" if digests else "pull"
        small = limit if digests else limit or self._dice.choice(PAGES)
        with self._asked(f, asked=cursor):
            lines = super().page(
                cursor, limit=small, replica=replica, resume=resume, refetch=refetch, digests=digests, history=history
            )
        try:
            page = read_page(lines)
        except ValueError as cut:  # what the device makes of it is for the device to say
            self._note("info", f, why=f"not an answer of ours: {cut}"[:200])
            return lines
        if digests:
            self._watcher.compared(page)
        else:
            seen = Sighting.of(lines)
            self._note("ok", f, asked=cursor, **seen.told())
            self._watcher.told(seen)
        return lines
