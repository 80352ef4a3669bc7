"""Which scopes somebody may see since when, held to a look at every single position."""

from collections.abc import Sequence
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.moment import Span
from sync.resume import GREATEST_ID, Place, ResumeUnknown, name_of, read, spell
from sync.scopes import Scopes

HEAD: Final = 12
positions = st.integers(1, HEAD)
spans = st.builds(
    lambda scope, begins, lasts: Span(scope, begins, begins + lasts if lasts else None, scope),
    st.sampled_from(["site:1", "site:2"]),
    positions,
    st.none() | st.integers(1, 6),
).filter(lambda span: span.ends is None or span.ends <= HEAD)


def is_open(told: Sequence[Span], scope: str, position: int) -> bool:
    return any(
        span.scope == scope and span.begins <= position and (span.ends is None or position < span.ends) for span in told
    )


def is_open_from(told: Sequence[Span], scope: str, position: int) -> bool:
    return all(is_open(told, scope, each) for each in range(position, HEAD + 1))


@given(st.lists(spans, max_size=8), positions, positions)
def test_a_scope_is_open_since_the_last_position_at_which_it_was_not(told: list[Span], one: int, other: int) -> None:
    after, until = sorted((one, other))
    scopes = Scopes(told)
    for scope in ("site:1", "site:2"):
        opened = [each for each in range(1, HEAD + 1) if is_open_from(told, scope, each)]
        assert scopes.since.get(scope) == (min(opened) if opened else None)
        assert (scope in scopes.opened(after=after, until=until)) is (bool(opened) and after < min(opened) <= until)


@given(st.lists(spans, max_size=8), positions)
def test_a_scope_has_closed_if_it_was_open_and_is_not_without_a_gap(told: list[Span], position: int) -> None:
    closed = dict(Scopes(told).closed_since(position))
    for scope in ("site:1", "site:2"):
        has_closed = is_open(told, scope, position) and not is_open_from(told, scope, position)
        assert (scope in closed) is has_closed
        if has_closed:
            gap = next(each for each in range(position, HEAD + 1) if not is_open(told, scope, each))
            assert closed[scope] == gap


def test_what_a_grant_leads_to_comes_behind_it() -> None:
    job = [Span(scope, 1, None, "work_order:1") for scope in ("work_order:1", "site:9", "customer:8")]
    scopes = Scopes([*job, Span("site:7", 1, None, "site:7")])
    assert scopes.led_to_by("work_order:1") == ["work_order:1", "customer:8", "site:9"]
    assert scopes.led_to_by("site:7") == ["site:7"]


PLACE: Final = Place("e", 3, 9, 4, "", ("work_order:ä",), "site:1", "01900000-0000-7000-9000-000000000001")


def test_a_place_is_read_as_it_was_spelled() -> None:
    word = spell(PLACE)
    assert read(word, cursor=3, epoch="e", head=9) == PLACE
    assert word.isascii()
    assert name_of(word) == word[:8]
    assert name_of(spell(PLACE._replace(entity=GREATEST_ID))) != name_of(word)
    assert read(word, cursor=3, epoch="another", head=1) is None


@pytest.mark.parametrize(
    "place",
    [
        PLACE._replace(cursor=4),
        PLACE._replace(until=10),
        PLACE._replace(until=2),
        PLACE._replace(events=-1),
        PLACE._replace(events=1_001),
        PLACE._replace(entity="01900000"),
        PLACE._replace(entity="'; drop table event; --".ljust(36)),
        PLACE._replace(scope="a\x00"),
        PLACE._replace(first=("a", 1)),  # type: ignore[arg-type]  # somebody made it up
        PLACE._replace(until="9"),  # type: ignore[arg-type]
        PLACE._replace(events=True),
    ],
)
def test_a_place_that_nobody_was_told_is_refused(place: Place) -> None:
    with pytest.raises(ResumeUnknown):
        read(spell(place), cursor=3, epoch="e", head=9)


@given(
    st.text() | st.builds(lambda word, at, text: word[:at] + text, st.just(spell(PLACE)), st.integers(0, 99), st.text())
)
def test_no_word_breaks_the_reading(word: str) -> None:
    try:
        read(word, cursor=3, epoch="e", head=9)
    except ResumeUnknown:
        pass
    else:
        assert word.rstrip("=") == spell(PLACE)
