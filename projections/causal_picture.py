"""The causal graph of an entity as a picture: a lane for each device, time downwards, and what was concurrent marked.

One row for each event, in the order in which the server recorded them, so the words beside them never collide. A line
leads from each event to the newest ones that its author knew of; where two authors did not know of each other, a dashed
line joins them and the row says so, so nothing is told by colour alone.
"""

import base64
import hashlib
from collections.abc import Callable, Iterator
from typing import Any, Final

from projections.projection import instant
from sync.causal_graph import CausalGraph, Node
from sync.hybrid_clock import ms_of

ROW: Final = 52
LANE: Final = 44
MARGIN: Final = 24
HEAD: Final = 164
FOOT: Final = 56
TEXT_WIDTH: Final = 720
LETTERS_MAX: Final = 96
"""Of one line of words; 12 px letters of that many fit into TEXT_WIDTH."""
VALUE_LETTERS_MAX: Final = 28
NAME_LETTERS_MAX: Final = 24

STYLE: Final = """
.page{fill:#ffffff}.band{fill:#f4f6f8}.words{fill:#1b2530}.small{fill:#4a5866}.lane{stroke:#c3ccd5;stroke-width:1}
.cause{stroke:#2f6f9f;stroke-width:2;fill:none}.beside{stroke:#a34a00;stroke-width:2;fill:none;stroke-dasharray:5 4}
.event{fill:#2f6f9f;stroke:#ffffff;stroke-width:2}.alone{fill:#a34a00}.mark{fill:#a34a00}
text{font-family:system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;font-size:13px}
.small{font-size:12px}.title{font-size:16px;font-weight:600}.name{font-size:12px;font-weight:600}
@media (prefers-color-scheme:dark){.page{fill:#12181f}.band{fill:#1a222b}.words{fill:#e8edf2}.small{fill:#a9b6c3}
.lane{stroke:#3b4753}.cause{stroke:#6db3e6}.beside{stroke:#ffb066}.event{fill:#6db3e6;stroke:#12181f}
.alone{fill:#ffb066}.mark{fill:#ffb066}}
"""
STYLE_HASH: Final = f"sha256-{base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()}"
"""By which a content security policy knows the style."""

_LETTERS: Final = {
    **dict.fromkeys((*range(0x20), 0x7F, 0xFFFE, 0xFFFF, *range(0xD800, 0xE000)), "\N{REPLACEMENT CHARACTER}"),
    ord("&"): "&amp;",
    ord("<"): "&lt;",
    ord(">"): "&gt;",
    ord('"'): "&quot;",
}
NameOf = Callable[[str], str | None]


def picture(graph: CausalGraph, *, title: str, name_of: NameOf) -> str:
    """The graph as SVG with a title and a description, for light and dark screens."""
    return "".join(_Picture(graph, name_of).drawn(title))


class _Picture:
    def __init__(self, graph: CausalGraph, name_of: NameOf) -> None:
        self._nodes, self._lanes = graph.nodes, list(graph.lanes)
        self._name_of = name_of
        self._place = {node.dot: number for number, node in enumerate(graph.nodes)}
        self._words_x = MARGIN + max(len(self._lanes), 1) * LANE + 8
        self._width = self._words_x + TEXT_WIDTH
        self._height = HEAD + max(len(graph.nodes), 1) * ROW + FOOT

    def drawn(self, title: str) -> Iterator[str]:
        yield (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self._width} {self._height}" width="{self._width}" '
            f'height="{self._height}" role="img" aria-labelledby="title about">'
        )
        yield f'<title id="title">{_text(f"Who knew of whom: {title}")}</title>'
        yield f'<desc id="about">{_text(self._about())}</desc><style>{STYLE}</style>'
        yield f'<rect class="page" width="{self._width}" height="{self._height}"/>'
        yield _words("title words", MARGIN, 30, f"Who knew of whom: {title}")
        yield from self._bands()
        yield from self._heads()
        yield from self._lines()
        for number, node in enumerate(self._nodes):
            yield from self._event(number, node)
        yield from self._legend()
        yield "</svg>"

    def _about(self) -> str:
        concurrent = sum(bool(node.concurrent) for node in self._nodes)
        lanes = ", ".join(self._lane_name(replica) for replica in self._lanes)
        events = "; ".join(
            f"{node.step.row.version}. {_said(node)} by {self._who(node)}{self._beside(node)}" for node in self._nodes
        )
        return (
            f"{len(self._nodes)} events of {len(self._lanes)} devices ({lanes}), {concurrent} of them concurrent with "
            f"another. {events}."
        )

    def _bands(self) -> Iterator[str]:
        for number in range(0, len(self._nodes), 2):
            yield f'<rect class="band" x="0" y="{HEAD + number * ROW}" width="{self._width}" height="{ROW}"/>'

    def _heads(self) -> Iterator[str]:
        bottom = HEAD + len(self._nodes) * ROW
        for number, replica in enumerate(self._lanes):
            x = self._lane_x(number)
            yield f'<line class="lane" x1="{x}" y1="{HEAD - 8}" x2="{x}" y2="{bottom}"/>'
            # Slanted, so that many devices stand beside each other and each can still be read.
            name = _text(_short(self._lane_name(replica), NAME_LETTERS_MAX))
            yield f'<text class="name words" transform="translate({x - 2} {HEAD - 14}) rotate(-35)">{name}</text>'

    def _lines(self) -> Iterator[str]:
        for number, node in enumerate(self._nodes):
            for cause in node.causes:
                if cause in self._place:
                    yield self._line("cause", self._place[cause], number)
            for other in self._nearest(number, node):
                yield self._line("beside", other, number)

    def _nearest(self, number: int, node: Node) -> list[int]:
        """Of the concurrent events before it, in each lane the last: the others are behind those."""
        last: dict[str, int] = {}
        for dot in node.concurrent:
            place = self._place.get(dot)
            if place is not None and place < number:
                last[dot[0]] = max(place, last.get(dot[0], place))
        return sorted(last.values())

    def _line(self, kind: str, start: int, end: int) -> str:
        (x1, y1), (x2, y2) = self._at(start), self._at(end)
        if x1 == x2:
            return f'<path class="{kind}" d="M{x1} {y1}V{y2}"/>'
        bend = min((y2 - y1) / 2, ROW)
        return f'<path class="{kind}" d="M{x1} {y1}C{x1} {y1 + bend:g} {x2} {y2 - bend:g} {x2} {y2}"/>'

    def _event(self, number: int, node: Node) -> Iterator[str]:
        x, y = self._at(number)
        kind = "event alone" if node.concurrent else "event"
        yield f'<circle class="{kind}" cx="{x}" cy="{y}" r="{8 if node.concurrent else 7}"/>'
        yield _words("words", self._words_x, y - 5, f"{node.step.row.version}. {_said(node)}")
        row = node.step.row
        clocks = f"written {_clock(ms_of(node.step.event.at))}, recorded {_clock(row.recorded_at_ms)}"
        told = f"{self._who(node)} · {clocks} · position {row.position}"
        beside = self._beside(node)
        yield f'<text class="small" x="{self._words_x}" y="{y + 14}">{_text(_short(told, LETTERS_MAX))}'
        yield f'<tspan class="mark" dx="8">{_text(beside.strip())}</tspan></text>' if beside else "</text>"

    def _beside(self, node: Node) -> str:
        versions = sorted(self._nodes[self._place[dot]].step.row.version for dot in node.concurrent)
        if not versions:
            return ""
        named = ", ".join(map(str, versions[:4])) + (f" and {len(versions) - 4} more" if len(versions) > 4 else "")
        return f" ∥ {named}"

    def _legend(self) -> Iterator[str]:
        y = HEAD + max(len(self._nodes), 1) * ROW + 28
        yield f'<path class="cause" d="M{MARGIN} {y}h36"/>'
        yield _words("small", MARGIN + 44, y + 4, "knew of it")
        yield f'<path class="beside" d="M{MARGIN + 130} {y}h36"/>'
        yield _words("small", MARGIN + 174, y + 4, "∥: neither knew of the other")
        yield _words("small", MARGIN + 370, y + 4, "downwards in the order in which the server recorded them")

    def _at(self, number: int) -> tuple[int, int]:
        return self._lane_x(self._lanes.index(self._nodes[number].dot[0])), HEAD + number * ROW + ROW // 2

    def _lane_x(self, number: int) -> int:
        return MARGIN + number * LANE + LANE // 2

    def _who(self, node: Node) -> str:
        return _short(self._name_of(node.step.row.actor) or node.step.row.actor, NAME_LETTERS_MAX)

    def _lane_name(self, replica: str) -> str:
        first = next(node for node in self._nodes if node.dot[0] == replica)
        return f"{self._who(first)} ({replica[:5]})"


def _said(node: Node) -> str:
    """What an event said and what it changed, in one line."""
    told_last = sorted(node.step.changes, key=lambda change: change.field.endswith("_id"))  # ids tell a reader least
    changes = [
        f"{change.field}: {_value(change.was)} → {_value(change.now)}"
        if change.was is not None
        else f"{change.field}: {_value(change.now)}"
        for change in told_last
    ]
    told = "; ".join(changes) or "changed nothing that is shown"
    return _short(f"{node.step.row.type} · {told}", LETTERS_MAX)


def _value(value: Any) -> str:
    elements: Any = value
    match value:
        case None:
            return "nothing"
        case bool():
            return "yes" if value else "no"
        case str():
            return f"“{_short(value, VALUE_LETTERS_MAX)}”"
        case list():
            return _short(", ".join(map(str, elements)) or "none", VALUE_LETTERS_MAX)
        case _:
            return _short(str(value), VALUE_LETTERS_MAX)


def _clock(ms: int) -> str:
    return instant(ms)[:19].replace("T", " ")


def _short(text: str, letters: int) -> str:
    return text if len(text) <= letters else f"{text[: letters - 1]}…"


def _words(kind: str, x: int, y: int, text: str) -> str:
    return f'<text class="{kind}" x="{x}" y="{y}">{_text(text)}</text>'


def _text(text: str) -> str:
    return text.translate(_LETTERS)
