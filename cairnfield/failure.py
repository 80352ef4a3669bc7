"""What a person is told when a command cannot go on: one sentence that says why and what to do."""

from infra.setting_invalid import SettingInvalid

EXIT_FAILURE = 1
EXIT_USAGE = 2


class CannotGoOn(Exception):
    """A command stops here; the text says why and what to do. Exit status 1."""


def told(failure: Exception) -> tuple[str, int] | None:
    """The sentence and exit status for an error that a person can answer; None for a bug: it keeps its traceback."""
    if isinstance(failure, CannotGoOn):
        return str(failure), EXIT_FAILURE
    if isinstance(failure, SettingInvalid):
        return str(failure), EXIT_USAGE

    # Imported only when something went wrong, so that `cairn --help` stays quick.
    import psycopg

    from infra.cold_file import ColdFileMissing
    from infra.erasure_list import ErasureListUnreadable
    from infra.keyring import KeyringUnreadable
    from infra.postgres.cluster import ServerUnavailable
    from infra.postgres.unfit import DatabaseUnfit
    from infra.tree_keeper import LogTouched
    from sync.trust import HistoryRewritten

    match failure:
        case (
            ServerUnavailable()
            | DatabaseUnfit()
            | KeyringUnreadable()
            | ErasureListUnreadable()
            | ColdFileMissing()
            | LogTouched()
            | HistoryRewritten()
        ):
            return str(failure), EXIT_FAILURE
        case psycopg.OperationalError():
            reason = " ".join(str(failure).splitlines()[0].split()).rstrip(".?!")  # the rest are libpq's questions
            return (
                f"The database does not answer: {reason}. See that it runs and that DATABASE_URL is right.",
                EXIT_FAILURE,
            )
        case _:
            return None
