"""Which scopes somebody may see, and since when, told the stretches of the log in which they may."""

from collections.abc import Iterable, Iterator, Sequence

from sync.moment import Span


class Scopes:
    """What somebody may see at the head of a log."""

    def __init__(self, spans: Iterable[Span]) -> None:
        self._spans: dict[str, list[Span]] = {}
        for span in spans:
            self._spans.setdefault(span.scope, []).append(span)
        self.since = {scope: since for scope, each in self._spans.items() if (since := _open_since(each)) is not None}
        """By scope that is open, the position from which on it has been so without a gap."""

    def opened(self, *, after: int, until: int) -> list[str]:
        """The scopes that opened between two positions and have not closed since, by name."""
        return sorted(scope for scope, since in self.since.items() if after < since <= until)

    def closed_since(self, position: int) -> Iterator[tuple[str, int]]:
        """The scopes that were open at a position and have not been ever since, by name, with where they closed."""
        for scope, spans in sorted(self._spans.items()):
            if self.since.get(scope, position + 1) > position and any(_is_open_at(position, span) for span in spans):
                yield scope, _closes_at(spans, position)

    def led_to_by(self, granted: str) -> list[str]:
        """A scope that was granted, and behind it what it leads to."""
        led_to = {scope for scope, spans in self._spans.items() if any(span.through == granted for span in spans)}
        return [granted, *sorted(led_to - {granted})]


def _open_since(spans: Sequence[Span]) -> int | None:
    since = min((span.begins for span in spans if span.ends is None), default=None)
    if since is None:
        return None
    # Where one grant ends at or after the beginning of another, nobody was let out in between.
    for begins, ends in sorted(((span.begins, span.ends or 0) for span in spans), key=lambda each: -each[1]):
        if begins < since <= ends:
            since = begins
    return since


def _is_open_at(position: int, span: Span) -> bool:
    return span.begins <= position and (span.ends is None or span.ends > position)


def _closes_at(spans: Sequence[Span], position: int) -> int:
    closes, later = -1, position
    while later > closes:
        closes = later
        later = max((span.ends or 0 for span in spans if _is_open_at(closes, span)), default=closes)
    return closes
