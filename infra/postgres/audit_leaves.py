"""The leaves of a tenant's audit as the database has its entries now."""

from collections.abc import Iterator
from typing import Any, Final, LiteralString

import psycopg

from infra.postgres.leaves import Run
from sync.audit_leaf import PlacedEntry, audit_leaf_of
from sync.log import TenantId
from sync.merkle import leaf_hash

# What no calendar of ours reaches is no time of an entry's, and must not keep anybody from reading the others.
COLUMNS: Final[LiteralString] = """
    entry::text,
    case when at >= timestamptz 'epoch' and at < timestamptz '2255-01-01 00:00:00Z'
         then (extract(epoch from at) * 1000000)::bigint end,
    kind, person::text, actor::text, device::text, session::text, address, detail, salt, sealed
"""
ENTRIES: Final[LiteralString] = f"""
    select position, {COLUMNS} from audit_entry
    where tenant = %(tenant)s and position > %(after)s and position <= %(upto)s order by position
"""


def hashed(
    connection: psycopg.Connection[Any], tenant: TenantId, *, after: int, upto: int, at_once: int
) -> Iterator[Run]:
    """As `infra.postgres.leaves.hashed`, of the audit."""
    following, hashes, stranger = after + 1, list[bytes](), None
    told = {"tenant": tenant, "after": after, "upto": upto}
    for row in connection.cursor(binary=True).stream(ENTRIES, told):
        entry = PlacedEntry(*row)
        if stranger is not None or entry.position != following:
            stranger = stranger or entry.position  # the rest is read to its end, so that others can be asked for again
            continue
        hashes.append(leaf_hash(audit_leaf_of(tenant, entry)))
        following += 1
        if len(hashes) == at_once:
            yield Run(hashes, None)
            hashes = []
    yield Run(hashes, stranger)
