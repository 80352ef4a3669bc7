"""Every SQL statement of a pull, each with what it is for; parameters are bound, never written into the text.

Frames are put together where the bytes lie: nothing here parses or spells an event or a state. Whatever is asked of
several scopes is one walk along an index for each (`cross join lateral`), whatever the statistics say.
"""

from typing import Final, LiteralString

BEGIN: Final[LiteralString] = "begin isolation level repeatable read read only"
END: Final[LiteralString] = "commit"

HEAD: Final[LiteralString] = """
    select position, epoch::text, durable from log_head where tenant = %(tenant)s
"""

# `offset 0` keeps the look-up of what a scope leads to a look-up: joined, it may be planned as a scan of all links.
SPANS: Final[LiteralString] = """
    with granted as (
        select scope, from_position, to_position from grant_
        where tenant = %(tenant)s and person = %(person)s and (to_position is null or to_position > %(after)s)
    )
    select scope, from_position, to_position, scope from granted
    union all
    select link.leads_to, greatest(from_position, link.position), to_position, granted.scope
    from granted cross join lateral (
        select leads_to, position from scope_link
        where scope_link.tenant = %(tenant)s and scope_link.scope = granted.scope offset 0) as link
    where to_position is null or to_position > link.position
"""

LET_IN_BY: Final[LiteralString] = """
    select found.entity::text, found.type, found.version, found.scope, found.state
    from (
        select via, max(from_position) as newest from grant_
        where tenant = %(tenant)s and person = %(person)s and to_position is null
        group by via order by newest desc limit %(limit)s) as granted
    cross join lateral (
        select * from entity where entity.tenant = %(tenant)s and entity.entity = granted.via limit 1) as found
    order by newest desc, found.entity
"""

# The frame of `sync.frames.event_frame`. `octet_length` does not unpack a body.
_EVENT_FRAME: Final[LiteralString] = """
    case when scope = 'office' and %(to_all)s then ''
    when scope = 'office' and entity_type <> 'case' then convert_to(
        '{"frame":"opaque","position":' || position || ',"recorded_at_ms":'
        || (date_part('epoch', recorded_at) * 1000)::bigint || ',"scope":"office","body":"'
        || translate(encode(body, 'base64'), chr(10), '') || '"}' || chr(10), 'UTF8')
    else
    convert_to('{"frame":"event","position":' || position || ',"version":' || version || ',"effective":"'
               || effective || '","recorded_at_ms":' || (date_part('epoch', recorded_at) * 1000)::bigint
               || ',"actor":"' || actor || '","scope":"' || scope || '","event":', 'UTF8')
    || body || '\\x7d0a'::bytea end
"""

_EVENT: Final[LiteralString] = "position, version, effective, recorded_at, actor, scope, entity_type, body"

_BESIDE: Final[LiteralString] = "250"
"""Bytes of a frame beside the event or the state in it, about."""
_ROWS: Final[LiteralString] = "rows unbounded preceding"
"""A running total row by row: without it each row is asked which others are its peers."""

# The running total ends a page at its size, with the first event that does not fit any more: that one is not sent, and
# tells that something was left out, as one more than the limit does (`pull.fitting`).
TAIL: Final[LiteralString] = f"""
    select {_EVENT_FRAME}, position, bytes
    from (select *, sum(octet_length(body) + {_BESIDE}) over (order by position {_ROWS}) as bytes
          from (select {_EVENT} from event
                where tenant = %(tenant)s and position > %(after)s and position <= %(until)s
                order by position limit %(limit)s + 1) as event) as page
    where bytes - octet_length(body) - {_BESIDE} <= %(bytes_max)s
    order by position
"""

TAIL_OF_SCOPES: Final[LiteralString] = f"""
    select {_EVENT_FRAME}, position, bytes
    from (select event.*, sum(octet_length(body) + {_BESIDE}) over (order by position {_ROWS}) as bytes
          from (select wanted.place from unnest(%(scopes)s::text[]) as asked(scope)
                cross join lateral (
                    select position from event
                    where event.tenant = %(tenant)s and event.scope = asked.scope
                          and position > %(after)s and position <= %(until)s
                    order by position limit %(limit)s + 1) as wanted(place)
                order by place limit %(limit)s + 1) as wanted
          cross join lateral (
              select {_EVENT} from event
              where event.tenant = %(tenant)s and event.position = wanted.place limit 1) as event) as page
    where bytes - octet_length(body) - {_BESIDE} <= %(bytes_max)s
    order by position
"""

# The frame of `sync.frames.snapshot_frame`.
_SNAPSHOT_FRAME: Final[LiteralString] = """
    convert_to('{"frame":"snapshot","scope":"' || scope || '","entity":"' || entity || '","type":"' || type
               || '","version":' || version || ',"state":', 'UTF8') || state || '\\x7d0a'::bytea
"""

SNAPSHOTS: Final[LiteralString] = f"""
    select '*', entity::text, {_SNAPSHOT_FRAME}, bytes
    from (select *, sum(octet_length(state) + {_BESIDE}) over (order by entity desc {_ROWS}) as bytes
          from (select entity, type, version, scope, state from entity
                where tenant = %(tenant)s and entity < %(before)s and scope <> 'office'
                order by entity desc limit %(limit)s + 1) as entity) as page
    where bytes - octet_length(state) - {_BESIDE} <= %(bytes_max)s
    order by entity desc
"""

SNAPSHOTS_OF_SCOPES: Final[LiteralString] = f"""
    select scope, entity::text, {_SNAPSHOT_FRAME}, bytes
    from (select *, sum(octet_length(state) + {_BESIDE}) over (order by place, entity desc {_ROWS}) as bytes
          from (select place, found.* from unnest(%(scopes)s::text[]) with ordinality as asked(name, place)
                cross join lateral (
                    select entity, type, version, scope, state from entity
                    where entity.tenant = %(tenant)s and entity.scope = asked.name and scope <> 'office'
                          and entity < case when place = 1 then %(before)s else %(greatest)s end::uuid
                    order by entity desc limit %(limit)s + 1) as found
                order by place, entity desc limit %(limit)s + 1) as entity) as page
    where bytes - octet_length(state) - {_BESIDE} <= %(bytes_max)s
    order by place, entity desc
"""

# Of all replicas of the person: what a device handed in under the name that it had before a fork, and what its clone
# handed in before it. All of a position or none: what was decided together is told together.
_THEIRS: Final[LiteralString] = """
    (select person from replica where tenant = %(tenant)s and replica = %(replica)s limit 1) as asked
    cross join lateral (
        select replica from replica where tenant = %(tenant)s and replica.person = asked.person offset 0) as theirs
    cross join lateral (
        select replica, seq, id, position, verdict from later_verdict
        where later_verdict.tenant = %(tenant)s and later_verdict.replica = theirs.replica
"""
LATER: Final[LiteralString] = f"""
    (select told.replica, seq, told.id::text, position, verdict from {_THEIRS} and position = %(after)s) as told)
    union all
    (select told.replica, seq, told.id::text, position, verdict from {_THEIRS} and position > %(after)s
        order by position fetch first %(limit)s rows with ties) as told
     order by position fetch first %(limit)s rows with ties)
    order by position, replica, seq
"""

# `sync.state_codec.state_hash`, taken where the states lie.
_STATE_HASH: Final[LiteralString] = """
    encode(sha256(string_agg(convert_to(entity || ' ' || encode(sha256(state), 'hex') || chr(10), 'UTF8'), ''::bytea
                             order by entity)), 'hex')
"""

DIGEST: Final[LiteralString] = f"""
    select '*', {_STATE_HASH} from entity where tenant = %(tenant)s and scope <> 'office' having count(*) > 0
"""

DIGESTS: Final[LiteralString] = f"""
    select name, {_STATE_HASH}
    from unnest(%(scopes)s::text[]) as asked(name)
    cross join lateral (
        select entity, state from entity
        where entity.tenant = %(tenant)s and entity.scope = asked.name and scope <> 'office'
        offset 0) as found
    group by name order by name
"""
