"""A history that shows a difference, made as short as it will go: events dropped while the difference stays."""

from collections.abc import Callable, Iterator

from cairnfield.prove.history import History, Said, without
from domain.catalogue import FACTS

Shows = Callable[[History], bool]
"""Whether a history still shows what is looked for."""


def shrunk(history: History, shows: Shows, *, entity: str = "") -> History:
    """The shortest history found that still shows it; what concerns another entity is dropped first.

    Dropping an event makes it unsaid: whoever had heard of it never did, so what is left is a history as good as any.
    """
    others = [place for place, each in enumerate(history.said) if entity and each.entity != entity]
    history = _tried(history, others, shows) or history
    size = len(history.said)
    while size > 0:
        shorter = _first_shorter(history, size, shows)
        if shorter is None:
            size //= 2
        else:
            history, size = shorter, min(size, len(shorter.said))
    return _quieter(history, shows)


def _first_shorter(history: History, size: int, shows: Shows) -> History | None:
    for dropped in _pieces(history, size):
        shorter = _tried(history, dropped, shows)
        if shorter is not None:
            return shorter
    return None


def _pieces(history: History, size: int) -> Iterator[list[int]]:
    """Runs of so many events, the last ones first: what came later explains less."""
    for end in range(len(history.said), 0, -size):
        yield list(range(max(0, end - size), end))


def _tried(history: History, dropped: list[int], shows: Shows) -> History | None:
    if not dropped or len(dropped) == len(history.said):
        return None
    shorter = without(history, sum(1 << place for place in dropped))
    return shorter if shows(shorter) else None


def _quieter(history: History, shows: Shows) -> History:
    """With fewer replicas' ways of hearing, and fewer fields said."""
    for order in history.heard:
        fewer = history._replace(heard=[order])
        if shows(fewer):
            history = fewer
            break
    for place, each in enumerate(history.said):
        for name in _optional(each):
            said = list(history.said)
            data = {key: value for key, value in said[place].data.items() if key != name}
            said[place] = said[place]._replace(data=data, more={})
            if shows(history._replace(said=said)):
                history = history._replace(said=said)
    return history


def _optional(said: Said) -> list[str]:
    """What could be left unsaid by an event that is still acceptable."""
    names = [name for name in said.data if name not in FACTS[said.entity_type][said.type].required]
    return names[1:] if said.type == "Edited" else names
