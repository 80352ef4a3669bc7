"""What was set aside, read as a queue and moved along, in SQL; parameters are bound, never written into the text."""

from typing import Any, Final, LiteralString

from sync.rows import CaseRow, QuarantinedRow

_ASIDE: Final[LiteralString] = "replica, seq, id::text, entity::text, code, detail, retryable, actor"

_BECAME: Final[LiteralString] = """
    (extract(epoch from recorded_at) * 1000)::bigint, state, owner::text
"""

CASE: Final[LiteralString] = f"""
    select {_ASIDE}, body, {_BECAME} from quarantine
    where tenant = %(tenant)s and replica = %(replica)s and seq = %(seq)s
"""

CASES: Final[LiteralString] = f"""
    select {_ASIDE}, ''::bytea, {_BECAME} from quarantine
    where tenant = %(tenant)s and state = %(state)s
      and (recorded_at, replica, seq)
          > (timestamptz 'epoch' + %(after_ms)s * interval '1 ms', %(after_replica)s, %(after_seq)s)
      and (%(code)s::text is null or code = %(code)s)
      and (%(owner)s::uuid is null or owner = %(owner)s)
      and (%(replica)s::text is null or replica = %(replica)s)
      and (%(author)s::text is null or actor = %(author)s)
      and (%(entity)s::uuid is null or entity = %(entity)s)
    order by recorded_at, replica, seq limit %(limit)s
"""

MOVE_CASES: Final[LiteralString] = """
    update quarantine set state = t.state, owner = t.owner
    from json_to_recordset(%(rows)s::json) as t(replica text, seq bigint, state text, owner uuid)
    where quarantine.tenant = %(tenant)s and quarantine.replica = t.replica and quarantine.seq = t.seq
"""


def case_of_row(row: tuple[Any, ...]) -> CaseRow:
    """A row of CASE or CASES."""
    return CaseRow(QuarantinedRow(*row[:9]), *row[9:])
