"""The shared vectors: cases that Python and TypeScript must answer alike, each with its reason."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

import pytest

from domain.lifecycle import LIFECYCLES
from domain.upcasts import Drop, Fill, Rename, Step, Translate
from infra.http_client import ServerRefused
from infra.pinned_log import Pinned, checked
from sync import canonical, envelope, hybrid_clock, merge, shown, state_codec, vector_clock
from sync.canonical import NotCanonical
from sync.checkpoint import Origin
from sync.envelope import Event, Unacceptable, Unreadable, hash_of, link_of, parse
from sync.explain import explain
from sync.merge import State
from sync.trust import HistoryRewritten, Trust
from sync.upcast import upcast
from tests.vectors import moves
from tests.vectors.families import FAMILIES, HERE, path_of, text_of
from tests.vectors.spelling import Case, bytes_of

ORDERS_MAX: Final = 24
"""A case is folded in every causal order if there are no more than these, else in so many of them."""


def _clock(case: Case) -> None:
    """A pure function: `call` with the other members gives `gives`."""
    given = {name: value for name, value in case.items() if name not in ("name", "why", "call", "gives")}
    module = hybrid_clock if hasattr(hybrid_clock, case["call"]) else vector_clock
    answer = getattr(module, case["call"])(**given)
    assert json.loads(json.dumps(answer)) == case["gives"]


def _canonical(case: Case) -> None:
    raw = bytes_of(case)
    if "code" in case:
        with pytest.raises(NotCanonical) as refused:
            canonical.loads(raw)
        assert refused.value.code == case["code"]
    else:
        document = canonical.loads(raw)
        assert is_same(document, case["document"])
        assert canonical.dumps(case["document"]) == raw


def _envelope(case: Case) -> None:
    raw = bytes_of(case)
    if "code" in case:
        with pytest.raises(Unacceptable) as refused:
            parse(raw)
        assert refused.value.code == case["code"]
    else:
        event = parse(raw)
        assert is_same({name: getattr(event, name) for name in case["event"]}, case["event"])
        assert (event.raw, hash_of(raw)) == (raw, case["hash"])
        assert envelope.spell(**_to_spell(event, raw)) == raw
    if "link" in case:
        _link(raw, case["link"])


def _to_spell(event: Event, raw: bytes) -> dict[str, Any]:
    names = ("id", "replica", "seq", "prev", "entity_type", "entity", "type", "v", "clock", "at", "seen", "data", "tx")
    document = json.loads(raw)
    said = {name: getattr(event, name) for name in names}
    return {**said, "data": document["data"], "reason": document.get("reason"), "geo": document.get("geo")}


def _link(raw: bytes, expected: Mapping[str, Any] | None) -> None:
    if expected is None:
        with pytest.raises(Unreadable):
            link_of(raw)
    else:
        assert link_of(raw)._asdict() == expected


def _merge(case: Case) -> None:
    told = [(parse(each["raw"].encode()), each["effective"]) for each in case["told"]]
    for order in causal_orders([event for event, _ in told]):
        state = merge.empty(told[0][0].entity_type)
        for place in order:
            state = _with(state, *told[place])
        raw = state_codec.encode(state)
        assert raw.decode() == case["state"]
        assert state_codec.state_hash([(told[0][0].entity, raw)]) == case["hash"]
        assert is_same(shown.values(state), case["values"])
        assert is_same([_as_json(each) for each in shown.conflicts(state)], case["conflicts"])


def _with(state: State, event: Event, effective: str) -> State:
    """One more event, twice, and stored and read in between: neither may matter."""
    stored = state_codec.decode(state_codec.encode(state))
    after = merge.apply(state, event, effective)
    assert state_codec.encode(merge.apply(stored, event, effective)) == state_codec.encode(after)
    return merge.apply(after, event, effective)


def _as_json(conflict: shown.Conflict) -> dict[str, Any]:
    return {
        "field": conflict.field,
        "reason": conflict.reason,
        "values": list(conflict.values),
        "dots": [list(dot) for dot in conflict.dots],
        "shown": conflict.shown,
    }


def causal_orders(events: Sequence[Event]) -> list[list[int]]:
    """Orders in which nothing comes before what its author had merged: all of them, or the first and the last ones."""
    before = [
        [other for other, earlier in enumerate(events) if other != place and _is_seen_by(event, earlier)]
        for place, event in enumerate(events)
    ]
    forwards = list(islice(_orders(before, [], reverse=False), ORDERS_MAX + 1))
    if len(forwards) <= ORDERS_MAX:
        return forwards
    backwards = list(islice(_orders(before, [], reverse=True), ORDERS_MAX // 2))
    return [*forwards[: ORDERS_MAX // 2], *backwards]


def _orders(before: Sequence[Sequence[int]], arrived: list[int], *, reverse: bool) -> Iterator[list[int]]:
    if len(arrived) == len(before):
        yield arrived
    ready = [place for place in range(len(before)) if place not in arrived and set(before[place]) <= set(arrived)]
    for place in reversed(ready) if reverse else ready:
        yield from _orders(before, [*arrived, place], reverse=reverse)


def _is_seen_by(event: Event, earlier: Event) -> bool:
    if event.replica == earlier.replica:
        return earlier.seq < event.seq
    return event.clock.get(earlier.replica, 0) >= earlier.seq


def _state_hash(case: Case) -> None:
    states: dict[str, State] = {}
    for each in case.get("told", ()):
        event = parse(each["raw"].encode())
        state = states.get(event.entity, merge.empty(event.entity_type))
        states[event.entity] = merge.apply(state, event, each["effective"])
    for entity, state in states.items():
        assert [entity, state_codec.encode(state).decode()] in case["states"]
    assert state_codec.state_hash((entity, text.encode()) for entity, text in case["states"]) == case["hash"]


STEPS: Final[Mapping[str, Callable[..., Step]]] = {"rename": Rename, "fill": Fill, "drop": Drop, "translate": Translate}


def _upcast(case: Case) -> None:
    before = json.dumps(case["data"])
    assert is_same(upcast(case["data"], [STEPS[name](*rest) for name, *rest in case["steps"]]), case["gives"])
    assert json.dumps(case["data"]) == before


def _explain(case: Case) -> None:
    told = [(parse(each["raw"].encode()), each["effective"]) for each in case["told"]]
    for order in causal_orders([event for event, _ in told]):
        assert is_same(explain([told[place] for place in [*order, *order]], case["field"]), case["explains"])


def _pinned_log(case: Case) -> None:
    """One step after the other, from nothing."""
    pinned: Pinned | None = None
    for step in case["steps"]:
        if isinstance(step["keeps"], str):
            with pytest.raises({"rewritten": HistoryRewritten, "refused": ServerRefused}[step["keeps"]]):
                checked(pinned, _server(step["answers"]), Origin(**step["origin"]))
            return
        pinned = checked(pinned, _server(step["answers"]), Origin(**step["origin"]))
        trust = pinned.trust if pinned else Trust()
        sizes = [each.size if each else None for each in trust]
        assert (sizes if pinned else None) == step["keeps"]


def _server(answers: Mapping[str, Any]) -> Callable[[int], dict[str, Any]]:
    def ask(since: int) -> dict[str, Any]:
        answer: dict[str, Any] = answers[str(since)]
        if "code" in answer:
            raise ServerRefused(404, answer)
        return answer

    return ask


def is_same(one: Any, other: Any) -> bool:
    """Equal, and of the same kind at every level: in Python alone 1 is also True."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


RUN: Final[Mapping[str, Callable[[Case], None]]] = {
    "hybrid_clock": _clock,
    "vector_clock": _clock,
    "canonical": _canonical,
    "envelopes": _envelope,
    "values": _envelope,
    "policies": _merge,
    "moves": _merge,
    "conflicts": _merge,
    "state_hashes": _state_hash,
    "upcasts": _upcast,
    "explanations": _explain,
    "pinned_log": _pinned_log,
}
"""How the cases of each file are run."""

COMMITTED: Final[Mapping[str, Any]] = {path.stem: json.loads(path.read_text("utf-8")) for path in HERE.glob("*.json")}


@pytest.mark.parametrize(
    ("family", "case"),
    [
        pytest.param(family, case, id=f"{family}: {case['name']}".encode("ascii", "replace").decode())
        for family, file in COMMITTED.items()
        for case in file["cases"]
    ],
)
def test_every_vector_comes_out_as_it_says(family: str, case: Case) -> None:
    RUN[family](case)


@pytest.mark.parametrize("family", sorted(RUN))
def test_every_vector_has_a_name_of_its_own_and_a_reason(family: str) -> None:
    cases = COMMITTED[family]["cases"]
    names = [case["name"] for case in cases]
    assert len(names) == len(set(names)) > 0
    assert all(case["why"].strip() for case in cases)


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_the_committed_vectors_are_what_their_scripts_build(family: str) -> None:
    assert path_of(family).read_text("utf-8") == text_of(family), "run: python -m tests.vectors"


def test_every_pair_of_concurrent_moves_has_one_reading() -> None:
    for life in moves.LIVES:
        read = [frozenset({stands, beside}) for stands, beside, _ in moves.pairs(life.readings)]
        assert len(read) == len(set(read))
        assert set(read) == {frozenset({one, other}) for one in life.statuses for other in life.statuses}
        assert set(life.statuses) == set(LIFECYCLES[life.entity_type].moves)
