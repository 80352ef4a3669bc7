"""Who had seen what."""

from hypothesis import given
from hypothesis import strategies as st

from sync.vector_clock import covers, joined, missing
from tests.devices import replica_named

ADA, BEN, EVE = map(replica_named, ("ada", "ben", "eve"))
clocks = st.dictionaries(st.sampled_from([ADA, BEN, EVE]), st.integers(1, 9))


def test_a_clock_covers_what_its_author_had_seen() -> None:
    assert covers({ADA: 3}, ADA, 3)
    assert covers({ADA: 3}, ADA, 1)
    assert not covers({ADA: 3}, ADA, 4)
    assert not covers({ADA: 3}, BEN, 1)


def test_what_is_not_here_yet_is_missing_in_order() -> None:
    assert missing({EVE: 1, BEN: 5, ADA: 2}, {ADA: 2, BEN: 4}) == [(BEN, 5), (EVE, 1)]
    assert missing({}, {}) == []


@given(clocks, clocks, clocks)
def test_law_joining_is_commutative_associative_and_idempotent(
    one: dict[str, int], other: dict[str, int], third: dict[str, int]
) -> None:
    assert joined(one, other) == joined(other, one)
    assert joined(joined(one, other), third) == joined(one, joined(other, third))
    assert joined(one, one) == one


@given(clocks, clocks, st.sampled_from([ADA, BEN, EVE]), st.integers(1, 9))
def test_law_a_joined_clock_covers_what_either_covers(
    one: dict[str, int], other: dict[str, int], replica: str, seq: int
) -> None:
    assert covers(joined(one, other), replica, seq) == (covers(one, replica, seq) or covers(other, replica, seq))


@given(clocks, clocks)
def test_law_nothing_is_missing_from_what_one_knows_oneself(one: dict[str, int], other: dict[str, int]) -> None:
    assert missing(one, joined(one, other)) == []
