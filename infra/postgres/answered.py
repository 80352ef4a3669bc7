"""What orders were answered, in the transaction that carried them out."""

from typing import Final, LiteralString

ANSWERED: Final[LiteralString] = """
    select person::text, key, order_hash, answer, (extract(epoch from answered_at) * 1000)::bigint
    from json_array_elements(%(asked)s::json) as told
    cross join lateral (
        select person, key, order_hash, answer, answered_at from order_answer
        where order_answer.tenant = %(tenant)s and order_answer.person = (told ->> 0)::uuid
          and order_answer.key = told ->> 1 offset 0) as found
"""

FORGET: Final[LiteralString] = """
    delete from order_answer
    where tenant = %(tenant)s and answered_at < timestamptz 'epoch' + %(before_ms)s::bigint * interval '1 ms'
"""

KEEP: Final[LiteralString] = """
    insert into order_answer (tenant, person, answered_at, key, order_hash, answer)
    values (%(tenant)s, %(person)s, timestamptz 'epoch' + %(answered_at_ms)s::bigint * interval '1 ms', %(key)s,
            %(order_hash)s, %(answer)s)
"""
