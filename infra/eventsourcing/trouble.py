"""The log's troubles in the words of the `eventsourcing` library."""

from collections.abc import Generator
from contextlib import contextmanager

import psycopg
from eventsourcing.persistence import DataError, IntegrityError, OperationalError, ProgrammingError

from sync.log import Conflicting, LogUnavailable, TenantUnknown


@contextmanager
def told_as_theirs() -> Generator[None]:
    """Raises IntegrityError for a key that is taken, OperationalError for what may pass later, ProgrammingError for a
    tenant that nobody set up, DataError for values that the database cannot hold; the rest are bugs."""
    try:
        yield
    except Conflicting as taken:
        raise IntegrityError(str(taken)) from taken
    except (LogUnavailable, psycopg.OperationalError) as trouble:
        raise OperationalError(str(trouble)) from trouble
    except TenantUnknown as unknown:
        raise ProgrammingError(f"no tenant {unknown} has a log here; set one up first") from unknown
    except psycopg.DataError as unfit:
        raise DataError(str(unfit)) from unfit
