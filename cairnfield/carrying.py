"""Carrying one hub's log to another, page by page, until there is nothing new; whoever carries keeps nothing."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol, TypeVar

import orjson

from cairnfield.failure import CannotGoOn
from infra.http_client import ServerRefused, SyncClient
from sync.limits import EVENTS_PER_PUSH_MAX

ROUNDS_MAX: Final = 10
"""So often both ways until both hubs hold the same; more are needed only while people hand in all the time."""


EPOCHS_MAX: Final = 5
_OF_ANOTHER_EPOCH: Final = frozenset({"other_epoch", "cursor_ahead"})


class _BegunAnew(Exception):
    """The source has a new epoch: what it is called and how far it was taken in must be asked again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hub:
    """A hub, where it answers."""

    url: str
    client: SyncClient


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """What became of the events of one hub at another."""

    source: str
    target: str
    added: int = 0
    known: int = 0
    """Events that were there already: the other hub's own, or carried before."""
    set_aside: int = 0
    """Events that the target keeps in quarantine, because they cannot stand beside what it holds."""
    position: int = 0
    """How far the target has taken in the source's log."""

    def __add__(self, more: "Carried") -> "Carried":
        return replace(
            more,
            added=self.added + more.added,
            known=self.known + more.known,
            set_aside=self.set_aside + more.set_aside,
        )


Answer = TypeVar("Answer")
Progress = Callable[[str, int, int], None]
"""Told the url of the hub whose log is carried, how far we are, and where it ends."""


class Patience(Protocol):
    """How often a step is tried again that did not reach a hub or whose answer was lost: every step may be."""

    def __call__(self, step: Callable[[], Answer], /) -> Answer:
        """What the step returns, once it is done; raises CannotGoOn."""
        ...


def carry(source: Hub, target: Hub, progress: Progress, patiently: Patience) -> Carried:
    """Bring everything to `target` that `source` has accepted and that was not taken in there yet.

    Where the source comes back from a backup meanwhile, its new log is carried from where that was taken in up to.
    Raises CannotGoOn; the same call then goes on where this one stopped.
    """
    for _ in range(EPOCHS_MAX):
        try:
            return _carry(source, target, progress, patiently)
        except _BegunAnew:
            continue
    raise CannotGoOn(f"{source.url} came back from a backup {EPOCHS_MAX} times meanwhile; run it again.")


def _carry(source: Hub, target: Hub, progress: Progress, patiently: Patience) -> Carried:
    told = patiently(source.client.hello)
    hub, epoch = told["tenant"], told["epoch"]
    position = patiently(lambda: target.client.relayed(hub, epoch))
    carried = Carried(source=source.url, target=target.url, position=position)
    head = max(told["head"], carried.position)
    progress(source.url, carried.position, head)
    while carried.position < head:
        after = carried.position
        page, answer = patiently(lambda after=after: _carry_page(source, target, hub, epoch, after))  # type: ignore[misc]  # bound to this page
        kinds = [verdict["verdict"] for verdict in answer["verdicts"]]
        carried = replace(
            carried,
            added=carried.added + kinds.count("accepted"),
            known=carried.known + kinds.count("duplicate"),
            set_aside=carried.set_aside + kinds.count("quarantined"),
            position=answer["position"],
        )
        if answer["batch"] == "stopped":
            raise CannotGoOn(
                f"{source.url} tells something at {answer['position'] + 1} that {target.url} cannot read: "
                f"{answer['code']}, {answer['text']}. Update {target.url} and run this again."
            )
        head = max(head, orjson.loads(page[page.rstrip(b"\n").rfind(b"\n") + 1 :])["head"])
        progress(source.url, carried.position, head)
    return carried


def _carry_page(source: Hub, target: Hub, hub: str, epoch: str, after: int) -> tuple[bytes, dict[str, Any]]:
    try:
        page = source.client.page(after, limit=EVENTS_PER_PUSH_MAX, history=True)
        return page, target.client.relay(page, hub=hub, epoch=epoch, after=after)
    except ServerRefused as refused:
        if refused.problem.get("code") in _OF_ANOTHER_EPOCH:
            raise _BegunAnew from refused
        raise


def carry_both_ways(one: Hub, other: Hub, progress: Progress, patiently: Patience) -> tuple[Carried, Carried]:
    """Bring each hub what the other has, until neither log grows by what the other brings."""
    there, back = carry(one, other, progress, patiently), carry(other, one, progress, patiently)
    for _ in range(ROUNDS_MAX):
        more = carry(one, other, progress, patiently), carry(other, one, progress, patiently)
        there, back = there + more[0], back + more[1]
        if not (more[0].added or more[1].added):
            break
    return there, back
