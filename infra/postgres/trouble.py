"""The database's troubles in the words of our ports."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

import psycopg
from psycopg import errors
from psycopg_pool import PoolTimeout, TooManyRequests

from sync.log import Conflicting, LogUnavailable

TRY_AGAIN: Final = (errors.DeadlockDetected, errors.SerializationFailure)
"""Nothing was stored because others were in the way: the same transaction may pass at once."""

_UNAVAILABLE: Final = (
    *(psycopg.OperationalError, psycopg.InterfaceError, PoolTimeout, TooManyRequests),
    *(errors.ReadOnlySqlTransaction, errors.PipelineAborted),
    # A transaction that waited too long for us, and what the server has no word for, such as a disk quota (XX000).
    *(errors.IdleInTransactionSessionTimeout, errors.TransactionTimeout, errors.InternalError_),
)


@contextmanager
def told_as_ours() -> Generator[None]:
    """Raises Conflicting for a key that is taken and LogUnavailable for what may pass later; the rest are bugs."""
    try:
        yield
    except errors.UniqueViolation as taken:
        # By its name: the key itself may be somebody's e-mail address, and this is logged.
        raise Conflicting(f"{taken.diag.constraint_name} is taken") from None
    except errors.NotNullViolation as taken:
        if taken.diag.table_name != "tracking":  # see MOVE_TRACKED
            raise
        raise Conflicting("a follower has come as far already") from taken
    except TRY_AGAIN:
        raise
    except _UNAVAILABLE as trouble:
        raise LogUnavailable(str(trouble)) from trouble
