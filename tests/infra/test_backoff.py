"""Waiting before asking again: spread, bounded, and never shorter than the server asked for."""

from random import Random

from infra.backoff import PAUSE_S_MAX, RETRY_AFTER_S_MAX, pause_s

DICE = Random(7)


def test_pauses_spread_from_nothing_to_a_bound_that_doubles() -> None:
    for failures, bound in ((1, 0.5), (2, 1.0), (5, 8.0), (9, PAUSE_S_MAX), (10**9, PAUSE_S_MAX)):
        pauses = [pause_s(failures, DICE) for _ in range(500)]
        assert bound * 0.9 < max(pauses) <= bound
        assert min(pauses) < bound * 0.1


def test_what_the_server_asks_for_is_waited_and_spread() -> None:
    pauses = [pause_s(1, DICE, retry_after_s=7) for _ in range(100)]
    assert min(pauses) >= 7
    assert len(set(pauses)) == 100


def test_no_server_makes_us_wait_for_ever() -> None:
    assert pause_s(1, DICE, retry_after_s=10**12) <= RETRY_AFTER_S_MAX + 1
