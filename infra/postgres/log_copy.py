"""A copy of the log that was restored somewhere, with the folder in which the copies of its cold files lie."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, LiteralString

from psycopg_pool import ConnectionPool

from infra.cold_file import ColdFileMissing, hash_of_file
from infra.postgres import cold, of_tenant, statements
from infra.postgres.log import PostgresEventLog
from infra.postgres.pool import Connection
from sync.log import Head, TenantId
from sync.rows import EventRow

# A copy may be as old as the log was before it had such files, or before they stayed when they were brought back.
_HAS_FILES: Final[LiteralString] = "select to_regclass('cold_file') is not null"
_FILES: Final[LiteralString] = """
    select file::text, sha256 from cold_file
    where tenant = %(tenant)s and to_jsonb(cold_file) ->> 'restored_at' is null order by file
"""


class LogCopy:
    """Reads a copy without what the log itself lives from: where a cold file lies is said by `folder`, not by the copy.

    The copy's own rows say where the files lay when it was made, which is where the server reads them to this day.
    """

    def __init__(self, pool: ConnectionPool[Connection], folder: Path | None) -> None:
        self._pool, self._folder = pool, folder

    def head(self, tenant: TenantId) -> Head:
        """Raises TenantUnknown."""
        return PostgresEventLog(self._pool).head(tenant)

    def page(self, tenant: TenantId, *, after: int, limit: int) -> Sequence[EventRow]:
        """As `sync.log.EventLog.page`; raises ColdFileMissing."""
        asked = {"tenant": tenant, "after": after, "limit": limit}
        rows = of_tenant.rows(self._pool, statements.PAGE, asked)
        return cold.whole(cold.Thaw(lambda: {each: str(path) for each, path in self.files(tenant).items()}).rows(rows))

    def files(self, tenant: TenantId) -> Mapping[str, Path]:
        """The files that the copy cannot be read without, and where `folder` must have them."""
        folder = self._folder or Path()
        return {file: folder / tenant / f"{file}.parquet" for file, _ in self._named(tenant)}

    def hold_files(self, tenant: TenantId) -> None:
        """Read each file in `folder` once; raises ColdFileMissing where one is not what was written."""
        paths = self.files(tenant)
        for file, told in self._named(tenant):
            if not paths[file].is_file():
                raise ColdFileMissing(f"{paths[file]} is not there.")
            if hash_of_file(paths[file]) != told:
                raise ColdFileMissing(f"{paths[file]} is not the file that was written: its SHA-256 differs.")

    def _named(self, tenant: TenantId) -> list[tuple[Any, ...]]:
        if of_tenant.rows(self._pool, _HAS_FILES, {"tenant": tenant}) == [(False,)]:
            return []
        return of_tenant.rows(self._pool, _FILES, {"tenant": tenant})
