"""A causal graph is drawn so that it can be read: whole, in words too, and whatever people wrote into it."""

import base64
import hashlib
import re
import xml.etree.ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from projections.causal_picture import STYLE_HASH, picture
from sync.causal_graph import CausalGraph, causal_graph
from sync.chronicle import chronicle
from sync.envelope import parse
from tests.devices import Device, new_id
from tests.sync.histories import Told, histories
from tests.sync.test_chronicle import rows_of

SVG = "{http://www.w3.org/2000/svg}"


def drawn(graph: CausalGraph, name: str = "Ada") -> ET.Element:
    return ET.fromstring(picture(graph, title="visit 1", name_of=lambda _: name))  # our own


@given(histories())
def test_every_event_has_its_mark_and_its_row_and_every_cause_its_line(told: list[Told]) -> None:
    graph = causal_graph(chronicle(rows_of(told)))
    svg = drawn(graph)
    circles = list(svg.iter(f"{SVG}circle"))
    assert len(circles) == len(graph.nodes)
    assert len({circle.attrib["cy"] for circle in circles}) == len(graph.nodes), "no two share a row"
    lines = [line for line in svg.iter(f"{SVG}path") if line.attrib["class"] == "cause"]
    assert len(lines) == sum(len(node.causes) for node in graph.nodes) + 1, "and one in the legend"
    words = ["".join(each.itertext()) for each in svg.iter(f"{SVG}text")]
    for node in graph.nodes:
        assert any(each.startswith(f"{node.step.row.version}. {node.step.row.type}") for each in words)
    marked = [each for each in words if "∥" in each and "knew" not in each]
    assert len(marked) == sum(bool(node.concurrent) for node in graph.nodes)


@given(st.text(max_size=60))
def test_whatever_people_wrote_is_shown_as_words_and_never_read_as_markup(name: str) -> None:
    device, job = Device("ada"), new_id()
    raw = device.create("work_order", job, {"title": '"><script>alert(1)</script>'})
    graph = causal_graph(chronicle(rows_of([Told(parse(raw), frozenset())])))
    svg = drawn(graph, name)
    assert not list(svg.iter(f"{SVG}script"))
    assert {each.tag.removeprefix(SVG) for each in svg.iter()} <= {
        *("svg", "title", "desc", "style", "rect", "text", "tspan", "line", "path", "circle")
    }


def test_the_policy_knows_the_style_that_the_picture_brings() -> None:
    svg = picture(CausalGraph([], []), title="nothing", name_of=lambda _: None)
    (style,) = re.findall(r"<style>(.*?)</style>", svg, re.DOTALL)
    assert base64.b64encode(hashlib.sha256(style.encode()).digest()).decode() == STYLE_HASH.removeprefix("sha256-")
    assert "prefers-color-scheme:dark" in style
