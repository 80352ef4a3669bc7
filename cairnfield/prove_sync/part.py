"""What the process of a device is told: at its start who it is, and from then on what it should do."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, NamedTuple

import httpx
import orjson

from cairnfield.prove_sync.decider import Decides
from domain.people import Role

ANSWER_S_MAX: Final = 2.0
"""Short, so that an answer that is withheld becomes one that nobody knows of, many times in a run."""
PAGES: Final = (None, None, 1, 3, 50)
"""How many events and snapshots a page may hold, if it is said."""
Phase = Literal["work", "calm", "stop"]
Why = Literal["started", "killed", "rolled_back", "cloned"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What a process must know to be a device."""

    name: str
    role: Role
    token: str
    url: str
    folder: Path
    history: Path
    seed: str
    why: Why = "started"
    person: str | None = None
    """Whose grants limit what it sees; None for those who see everything."""
    is_old: bool = False
    """Whether it runs last year's version, and says some things in last year's words."""
    is_synced: bool = False
    """Whether it is an `infra.sync_client.SyncedDevice`, as scripts have it; else it is a phone."""
    is_lasting: bool = False
    """Whether a phone keeps itself as `infra.device_file` does."""
    listens: bool = False
    """Whether it listens for hints; everybody else pulls when they think of it."""
    decides: Decides | None = None
    """As whom its user works at what was set aside, where they do."""
    pause_s: float = 0.25
    """About how long its user waits between two deeds, whatever becomes of what they handed in."""

    @property
    def disk(self) -> Path:
        return self.folder / f"{self.name}.disk"

    @property
    def is_open(self) -> Path:
        """Is there once the process has said in the history how it began."""
        return self.folder / f"{self.name}.open"

    @property
    def orders(self) -> Path:
        return self.folder / f"{self.name}.orders"


class Orders(NamedTuple):
    """What a device is told from outside."""

    phase: Phase = "work"
    wrong_by_ms: int = 0
    flips: int = 0
    """How often visits were to be given to others."""


def order(part: Part, orders: Orders) -> None:
    """Tell a device something; it hears of it at its next moment."""
    fresh = part.orders.with_suffix(".next")
    fresh.write_bytes(orjson.dumps([*orders]))
    fresh.replace(part.orders)


def orders_of(part: Part) -> Orders:
    """What a device was told last."""
    return Orders(*orjson.loads(part.orders.read_bytes()))


class Impatient(httpx.HTTPTransport):
    """Waits for an answer no longer than somebody with a phone in the hand."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        limits = dict.fromkeys(("connect", "read", "write", "pool"), ANSWER_S_MAX)
        request.extensions = {**request.extensions, "timeout": limits}
        return super().handle_request(request)
