"""Which of the database's troubles may pass, which were a matter of luck, and which are our own bugs."""

import psycopg
import pytest
from psycopg import errors
from psycopg_pool import PoolClosed, PoolTimeout, TooManyRequests

from infra.postgres.trouble import TRY_AGAIN, told_as_ours
from sync.log import LogUnavailable

PASSING = [
    *("53000", "53100", "53200", "53300", "53400"),  # disk, memory, connections
    *("57014", "57P01", "57P02", "57P03", "57P05"),  # cancelled, shut down, crashed, recovering
    *("58000", "58030", "58P01"),  # the machine under it
    *("08000", "08003", "08006", "08P01"),  # the connection
    *("55P03", "25P03", "25P04", "25006"),  # waited too long, in recovery
    "XX000",
]
OURS = ["42601", "42501", "22P02", "22P05", "23502", "23503", "23514", "25P02", "0A000"]


@pytest.mark.parametrize("sqlstate", PASSING)
def test_what_may_pass_later_makes_the_log_unavailable(sqlstate: str) -> None:
    with pytest.raises(LogUnavailable), told_as_ours():
        raise errors.lookup(sqlstate)


@pytest.mark.parametrize(
    "trouble", [psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout, TooManyRequests, PoolClosed]
)
def test_a_connection_that_is_not_to_be_had_makes_the_log_unavailable(trouble: type[Exception]) -> None:
    with pytest.raises(LogUnavailable), told_as_ours():
        raise trouble


@pytest.mark.parametrize("sqlstate", ["40001", "40P01"])
def test_others_in_the_way_are_told_apart_so_that_it_is_tried_again(sqlstate: str) -> None:
    with pytest.raises(TRY_AGAIN), told_as_ours():
        raise errors.lookup(sqlstate)


@pytest.mark.parametrize("sqlstate", OURS)
def test_our_own_bugs_stay_what_they_are(sqlstate: str) -> None:
    with pytest.raises(errors.lookup(sqlstate)), told_as_ours():
        raise errors.lookup(sqlstate)
