"""What a pull reads of the log in Postgres: everything of one page in one read-only transaction, so of one moment."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any, Final, LiteralString

from psycopg_pool import ConnectionPool

from infra.failpoints import hit
from infra.postgres import cold, of_tenant
from infra.postgres import pull_statements as statements
from infra.postgres.pool import Connection
from infra.postgres.trouble import told_as_ours
from sync.frames import EVERYTHING
from sync.log import TenantId, TenantUnknown
from sync.moment import Snapshots, Span, Tail
from sync.resume import GREATEST_ID
from sync.rows import EntityRow, LaterRow

_ALL: Final = [EVERYTHING]


class PostgresMoment:
    """`sync.moment.Moment` over a transaction that is open as long as it is used."""

    def __init__(self, connection: Connection, tenant: TenantId, head: tuple[int, str, int]) -> None:
        self._connection, self._tenant = connection, tenant
        self.position, self.epoch, self.durable = head

    def spans(self, person: str, *, after: int) -> Sequence[Span]:
        return [Span(*row) for row in self._rows(statements.SPANS, person=person, after=after)]

    def tail(
        self, scopes: Sequence[str], *, after: int, until: int, limit: int, bytes_max: int, to_all: bool = True
    ) -> Tail:
        asked = {"after": after, "until": until, "limit": limit, "bytes_max": bytes_max, "to_all": to_all}
        if list(scopes) == _ALL:
            rows = self._rows(statements.TAIL, **asked)
        else:
            rows = self._rows(statements.TAIL_OF_SCOPES, scopes=list(scopes), **asked)
        hit("pull.read")
        rows, is_whole = fitting(rows, limit=limit, bytes_max=bytes_max)
        frames = [row[0] for row in rows]
        page = b"".join(frames)
        if b"\x00" in page:  # which no JSON holds
            frames = self._thawed(frames, bytes_max)
            is_whole = is_whole and len(frames) == len(rows)
            page, rows = b"".join(frames), rows[: len(frames)]
        return Tail(page, len(rows), until if is_whole else rows[-1][1])

    def _thawed(self, frames: Sequence[bytes], bytes_max: int) -> list[bytes]:
        """The frames with events in them that lie elsewhere, up to the size of a page, which is only now known."""
        thaw, found, size = cold.on(self._connection, self._tenant), list[bytes](), 0
        for frame in thaw.frames(frames):
            size += len(frame)
            if found and size > bytes_max:
                break
            found.append(frame)
        return found

    def snapshots(self, scopes: Sequence[str], *, before: str, limit: int, bytes_max: int) -> Snapshots:
        asked = {"before": before, "limit": limit, "bytes_max": bytes_max}
        if list(scopes) == _ALL:
            rows = self._rows(statements.SNAPSHOTS, **asked)
        else:
            rows = self._rows(statements.SNAPSHOTS_OF_SCOPES, scopes=list(scopes), greatest=GREATEST_ID, **asked)
        hit("pull.read")
        rows, is_whole = fitting(rows, limit=limit, bytes_max=bytes_max)
        return Snapshots([row[:3] for row in rows], is_whole)

    def let_in_by(self, person: str, *, limit: int) -> Sequence[EntityRow]:
        return [EntityRow(*row) for row in self._rows(statements.LET_IN_BY, person=person, limit=limit)]

    def later(self, replica: str, *, after: int, limit: int) -> Sequence[LaterRow]:
        return [LaterRow(*row) for row in self._rows(statements.LATER, replica=replica, after=after, limit=limit)]

    def digests(self, scopes: Sequence[str]) -> Sequence[tuple[str, str]]:
        if list(scopes) == _ALL:
            return [(scope, digest) for scope, digest in self._rows(statements.DIGEST)]
        return [(scope, digest) for scope, digest in self._rows(statements.DIGESTS, scopes=list(scopes))]

    def _rows(self, statement: LiteralString, **asked: Any) -> list[tuple[Any, ...]]:
        cursor = self._connection.cursor(binary=True)
        return cursor.execute(statement, {"tenant": self._tenant, **asked}).fetchall()


def fitting(rows: list[tuple[Any, ...]], *, limit: int, bytes_max: int) -> tuple[list[tuple[Any, ...]], bool]:
    """The rows of a page, and whether they are known to be all. Their last column is the size of all up to each.

    A last one that is too much is left out; the first is sent whatever its size, and nothing was looked for behind it.
    """
    if len(rows) <= limit and (not rows or rows[-1][-1] <= bytes_max):
        return rows, True
    return (rows if len(rows) == 1 else rows[:-1]), False


@contextmanager
def moment(pool: ConnectionPool[Connection], tenant: TenantId) -> Generator[PostgresMoment]:
    """The log of a tenant as it is now, for as long as the block; raises TenantUnknown and LogUnavailable."""
    with told_as_ours(), pool.connection() as connection:
        with connection.pipeline():
            connection.execute(statements.BEGIN)
            of_tenant.set_tenant(connection, tenant)
            head = connection.cursor(binary=True).execute(statements.HEAD, {"tenant": tenant})
        try:
            found = head.fetchone()
            if found is None:
                raise TenantUnknown(tenant)
            yield PostgresMoment(connection, tenant, found)
        finally:
            connection.execute(statements.END)
