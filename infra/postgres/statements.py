"""Every SQL statement of the log, each with what it is for; parameters are bound, never written into the text.

Rows travel as one JSON parameter per table: Postgres unpacks that four times as fast as text arrays.
A body travels as text where it is text, and as base64 where JSON could not carry it.
"""

from typing import Final, LiteralString

from infra.postgres.cold import HASH

BEGIN: Final[LiteralString] = "begin"
COMMIT: Final[LiteralString] = "commit"
ROLLBACK: Final[LiteralString] = "rollback"

LOCK_HEAD: Final[LiteralString] = """
    select position, epoch::text, durable, frontier from log_head where tenant = %(tenant)s for update
"""

READ_HEAD: Final[LiteralString] = """
    select position, epoch::text, durable from log_head where tenant = %(tenant)s
"""

BEGIN_EPOCH: Final[LiteralString] = """
    update log_head set epoch = %(epoch)s where tenant = %(tenant)s
    returning position, epoch::text, durable
"""

SKIP_NUMBERS: Final[LiteralString] = """
    update replica set last_seq = last_seq + skipped.numbers
    from unnest(%(replicas)s::text[], %(numbers)s::bigint[]) as skipped(replica, numbers)
    where replica.tenant = %(tenant)s and replica.replica = skipped.replica
"""

MARK_DURABLE: Final[LiteralString] = """
    update log_head set durable = greatest(durable, least(%(position)s, position)) where tenant = %(tenant)s
    returning position, epoch::text, durable
"""

# A batch may let go what waits: on its entities, or on others for something of its replica. So the decision sees, of
# all these entities, what waits, their states, and how far the replicas have come that are waited for.
_AND_WAITING_FOR_REPLICA: Final[LiteralString] = """
    %(entities)s::uuid[] || array(
        select waiting.entity from held as waiting
        where waiting.tenant = %(tenant)s and waiting.missing @> any(%(for_replicas)s::jsonb[]))
"""

KNOWN_REPLICAS: Final[LiteralString] = f"""
    select found.replica, person::text, last_seq, encode(last_hash, 'hex')
    from (select distinct name from unnest(%(replicas)s::text[] || array(
        select dot ->> 0 from held cross join lateral jsonb_array_elements(missing) as dot
        where held.tenant = %(tenant)s and held.entity = any({_AND_WAITING_FOR_REPLICA}))) as told(name)) as asked
    cross join lateral (
        select * from replica
        where tenant = %(tenant)s and replica between asked.name and asked.name order by replica limit 1) as found
"""

REPLICAS: Final[LiteralString] = """
    select found.replica, person::text, last_seq, encode(last_hash, 'hex')
    from unnest(%(replicas)s::text[]) as asked(name)
    cross join lateral (
        select * from replica
        where tenant = %(tenant)s and replica between asked.name and asked.name order by replica limit 1) as found
"""

# One look-up in the unique index per id, whatever the statistics say. `id = any(...)`, and `where not exists` in the
# insert, are planned as a scan of the tenant's whole log on a database that was not analysed yet: seen, x2 at 20,000.
# `between` and the order are for plans that are made once, while the table may be empty and every index of it looks as
# good as any: only that of the id brings the rows in order.
ENTITIES: Final[LiteralString] = f"""
    select found.entity::text, found.type, found.version, found.scope, found.state
    from unnest({_AND_WAITING_FOR_REPLICA}) as asked(entity)
    cross join lateral (
        select * from entity
        where entity.tenant = %(tenant)s and entity.entity between asked.entity and asked.entity
        order by entity.entity limit 1) as found
"""

# What somebody has decided about a case that is not open, as its author was told it last.
_DECIDED: Final[LiteralString] = """
    case when state <> 'open' then (
        select verdict from later_verdict
        where later_verdict.tenant = %(tenant)s and later_verdict.replica = found.replica
              and later_verdict.seq = found.seq
        order by position desc limit 1) end
"""

# With the bodies, because whoever tells an id again may say something else; almost nobody does either.
SETTLED_BY_ID: Final[LiteralString] = f"""
    select 'quarantined', found.id::text, found.replica, found.seq, '', 0, null::jsonb, code, detail, retryable, body,
           {_DECIDED}
    from unnest(%(ids)s::uuid[]) as asked(id)
    cross join lateral (
        select * from quarantine
        where tenant = %(tenant)s and quarantine.id between asked.id and asked.id
              and state not in ('approved', 'retried') and code <> all(%(unsettled)s)
        order by quarantine.id limit 1) as found
    union all
    select 'accepted', found.id::text, found.replica, found.seq, '', found.position, null, '', '', false, body, null
    from unnest(%(ids)s::uuid[]) as asked(id)
    cross join lateral (
        select id, replica, seq, position, body from event
        where tenant = %(tenant)s and event.id between asked.id and asked.id order by event.id limit 1) as found
    union all
    select 'held', id::text, replica, seq, encode(sha256(body), 'hex'), 0, missing, '', '', false, body, null
    from held where tenant = %(tenant)s and id = any(%(ids)s::uuid[])
          and not exists (  -- it waits under another number too, by which it was told first (sync.retelling.stands_in)
              select from held as first
              where first.tenant = held.tenant and first.id = held.id and jsonb_array_length(held.missing) = 1
                    and first.replica = held.missing -> 0 ->> 0 and first.seq = (held.missing -> 0 ->> 1)::bigint)
"""

SET_ASIDE: Final[LiteralString] = """
    select 1 from unnest(%(ids)s::uuid[]) as asked(id)
    cross join lateral (
        select 1 from quarantine
        where tenant = %(tenant)s and quarantine.id between asked.id and asked.id and code <> all(%(unsettled)s)
        order by quarantine.id limit 1) as found
    limit 1
"""

# What was handed in before, span by span: one walk along the unique index each.
_SPANS: Final[LiteralString] = """
    (select span ->> 0 as replica, (span ->> 1)::bigint as first, (span ->> 2)::bigint as last
     from json_array_elements(%(spans)s::json) as told(span)) as asked
"""

SETTLED_BY_DOT: Final[LiteralString] = f"""
    select 'accepted', id::text, found.replica, seq, encode({HASH}, 'hex'), position, null::jsonb, '', '', false,
           ''::bytea, null::jsonb
    from {_SPANS} cross join lateral (
        select * from event where tenant = %(tenant)s and event.replica = asked.replica and seq between first and last
        order by seq limit asked.last - asked.first + 1) as found
    union all
    select 'held', id::text, found.replica, seq, encode(sha256(body), 'hex'), 0, missing, '', '', false, '', null
    from {_SPANS} cross join lateral (
        select * from held where tenant = %(tenant)s and held.replica = asked.replica and seq between first and last
        order by seq limit asked.last - asked.first + 1) as found
    union all
    select 'quarantined', id::text, found.replica, seq, encode(sha256(body), 'hex'), 0, null, code, detail, retryable,
           '', {_DECIDED}
    from {_SPANS} cross join lateral (
        select * from quarantine
        where tenant = %(tenant)s and quarantine.replica = asked.replica and seq between first and last
              and state not in ('approved', 'retried')  -- what has come to be accepted is found among the events
        order by seq limit asked.last - asked.first + 1) as found
"""

HELD: Final[LiteralString] = f"""
    select replica, seq, id::text, entity::text, missing, actor, body
    from held
    where tenant = %(tenant)s and entity = any({_AND_WAITING_FOR_REPLICA})
    order by replica, seq
"""

# What somebody is granted is looked up from the scope, not from the person: a scope is led to by the few jobs that were
# ever done there, and a person was let into thousands over the years. The inner aggregates keep it one look-up in an
# index per scope, whatever the statistics say: joined, a person's grants were all read for each scope.
GRANTS: Final[LiteralString] = """
    select person::text, scope, is_open, ended, (
        select (extract(epoch from recorded_at) * 1000)::bigint from event
        where event.tenant = %(tenant)s and event.position = granted.ended and not granted.is_open)
    from (
    select asked.person, asked.scope, bool_or(found.is_open) as is_open, max(found.ended) as ended
    from (
        select (told ->> 0)::uuid as person, told ->> 1 as scope from json_array_elements(%(by_scope)s::json) as told
        union
        select (told ->> 0)::uuid, home.scope from json_array_elements(%(by_entity)s::json) as told
        cross join lateral (
            select scope from entity
            where entity.tenant = %(tenant)s and entity.entity between (told ->> 1)::uuid and (told ->> 1)::uuid
            order by entity.entity limit 1) as home
    ) as asked
    cross join lateral (
        select bool_or(to_position is null) as is_open, max(to_position) as ended from grant_
        where grant_.tenant = %(tenant)s and grant_.person = asked.person and grant_.scope = asked.scope
        union all
        select way_in.is_open, way_in.ended from scope_link
        cross join lateral (
            select bool_or(to_position is null) as is_open, max(to_position) as ended from grant_
            where grant_.tenant = %(tenant)s and grant_.person = asked.person and grant_.scope = scope_link.scope
        ) as way_in
        where scope_link.tenant = %(tenant)s and scope_link.leads_to = asked.scope
    ) as found
    where found.is_open is not null
    group by asked.person, asked.scope
    ) as granted
"""

# What lets somebody into a scope lets them into what it leads to, also within the batch that is being decided.
LEADS_TO: Final[LiteralString] = """
    select asked.scope, link.leads_to
    from (
        select told ->> 1 as scope from json_array_elements(%(by_scope)s::json) as told
        union
        select home.scope from json_array_elements(%(by_entity)s::json) as told
        cross join lateral (
            select scope from entity
            where entity.tenant = %(tenant)s and entity.entity between (told ->> 1)::uuid and (told ->> 1)::uuid
            order by entity.entity limit 1) as home
    ) as asked
    cross join lateral (
        select leads_to from scope_link
        where scope_link.tenant = %(tenant)s and scope_link.scope = asked.scope offset 0) as link
"""

SCOPES: Final[LiteralString] = """
    with granted as (
        select scope, from_position from grant_
        where tenant = %(tenant)s and person = %(person)s and from_position <= %(at)s
              and (to_position is null or to_position > %(at)s)
    )
    select scope, min(since)
    from (
        select scope, from_position as since from granted
        union all
        select leads_to, greatest(from_position, scope_link.position)
        from granted join scope_link on scope_link.tenant = %(tenant)s and scope_link.scope = granted.scope
        where scope_link.position <= %(at)s
    ) as seen
    group by scope order by scope
"""

# What waits for a server that can read it is let go by no push, so it is in the way of none.
ANYTHING_HELD: Final[LiteralString] = """
    select true from held where tenant = %(tenant)s and missing <> '[]'::jsonb limit 1
"""

UNREAD: Final[LiteralString] = """
    select replica, seq, id::text, entity::text, missing, actor, body from held
    where tenant = %(tenant)s and missing = '[]'::jsonb and (replica, seq) > (%(after_replica)s, %(after_seq)s)
    order by replica, seq limit %(limit)s
"""

INSERT_EVENTS: Final[LiteralString] = """
    insert into event (tenant, position, version, seq, recorded_at, id, entity, schema_version, replica, entity_type,
                       type, scope, effective, actor, body)
    select %(tenant)s, t.position, t.version, t.seq, timestamptz 'epoch' + t.recorded_at_ms * interval '1 ms', t.id,
           t.entity, t.schema_version, t.replica, t.entity_type, t.type, t.scope, t.effective, t.actor,
           coalesce(convert_to(t.body, 'UTF8'), decode(t.body_base64, 'base64'))
    from json_to_recordset(%(rows)s::json) as t(
        position bigint, version bigint, seq bigint, recorded_at_ms bigint, id uuid, entity uuid,
        schema_version smallint, replica text, entity_type text, type text, scope text, effective text, actor text,
        body text, body_base64 text)
"""

UPSERT_ENTITIES: Final[LiteralString] = """
    insert into entity (tenant, entity, version, type, scope, state)
    select %(tenant)s, t.entity, t.version, t.type, t.scope, convert_to(t.state, 'UTF8')
    from json_to_recordset(%(rows)s::json) as t(entity uuid, version bigint, type text, scope text, state text)
    on conflict (tenant, entity) do update
    set version = excluded.version, scope = excluded.scope, state = excluded.state
"""

# None is inserted: an update that is joined with what it is told may be planned as a walk through all of the tenant's.
MOVE_REPLICAS: Final[LiteralString] = """
    insert into replica (tenant, replica, person, name, minted_at, last_seq, last_hash)
    select found.tenant, found.replica, person, name, minted_at, asked.last_seq, decode(asked.last_hash, 'hex')
    from json_to_recordset(%(rows)s::json) as asked(replica text, last_seq bigint, last_hash text)
    cross join lateral (
        select * from replica
        where tenant = %(tenant)s and replica between asked.replica and asked.replica order by replica limit 1) as found
    on conflict (tenant, replica) do update set last_seq = excluded.last_seq, last_hash = excluded.last_hash
"""

MOVE_HEAD: Final[LiteralString] = """
    update log_head set position = position + %(events)s, frontier = %(frontier)s where tenant = %(tenant)s
"""

INSERT_HELD: Final[LiteralString] = """
    insert into held (tenant, replica, seq, id, entity, missing, actor, body, recorded_at)
    select %(tenant)s, t.replica, t.seq, t.id, t.entity, t.missing, t.actor,
           coalesce(convert_to(t.body, 'UTF8'), decode(t.body_base64, 'base64')),
           timestamptz 'epoch' + %(now_ms)s * interval '1 ms'
    from json_to_recordset(%(rows)s::json) as t(
        replica text, seq bigint, id uuid, entity uuid, missing jsonb, actor text, body text, body_base64 text)
    on conflict (tenant, replica, seq) do update set missing = excluded.missing  -- it is known by now what it waits for
"""

RELEASE_HELD: Final[LiteralString] = """
    delete from held using json_to_recordset(%(rows)s::json) as t(replica text, seq bigint)
    where held.tenant = %(tenant)s and held.replica = t.replica and held.seq = t.seq
"""

INSERT_QUARANTINED: Final[LiteralString] = """
    insert into quarantine (tenant, replica, seq, id, entity, code, detail, retryable, actor, body, recorded_at)
    select %(tenant)s, t.replica, t.seq, t.id, t.entity, t.code, t.detail, t.retryable, t.actor,
           coalesce(convert_to(t.body, 'UTF8'), decode(t.body_base64, 'base64')),
           timestamptz 'epoch' + %(now_ms)s * interval '1 ms'
    from json_to_recordset(%(rows)s::json) as t(
        replica text, seq bigint, id uuid, entity uuid, code text, detail text, retryable boolean, actor text,
        body text, body_base64 text)
"""

INSERT_GRANTED: Final[LiteralString] = """
    insert into grant_ (tenant, person, scope, via, from_position)
    select %(tenant)s, t.person, t.scope, t.via, t.position
    from json_to_recordset(%(rows)s::json) as t(person uuid, scope text, via uuid, position bigint)
"""

# Executed for each end in the order of the log, because one transaction may grant, end and grant again.
END_GRANTED: Final[LiteralString] = """
    update grant_ set to_position = %(position)s
    where tenant = %(tenant)s and person = %(person)s and scope = %(scope)s and via = %(via)s
          and to_position is null and from_position < %(position)s
"""

INSERT_LINKS: Final[LiteralString] = """
    insert into scope_link (tenant, scope, leads_to, position)
    select %(tenant)s, t.scope, t.leads_to, t.position
    from json_to_recordset(%(rows)s::json) as t(scope text, leads_to text, position bigint)
"""

INSERT_LATER: Final[LiteralString] = """
    insert into later_verdict (tenant, replica, seq, position, id, verdict)
    select %(tenant)s, t.replica, t.seq, t.position, t.id, t.verdict
    from json_to_recordset(%(rows)s::json) as t(replica text, seq bigint, position bigint, id uuid, verdict jsonb)
    on conflict (tenant, replica, position, seq) do update set verdict = excluded.verdict
"""

# A follower that has come as far already would get a null where none may be: an error that undoes everything the
# transaction holds, without a look at an answer in between.
MOVE_TRACKED: Final[LiteralString] = """
    insert into tracking (tenant, application, position)
    select %(tenant)s, t.follower, t.position
    from json_to_recordset(%(rows)s::json) as t(follower text, position bigint)
    on conflict (tenant, application) do update
    set position = case when excluded.position > tracking.position then excluded.position end
"""

TRACKED: Final[LiteralString] = """
    select position from tracking where tenant = %(tenant)s and application = %(follower)s
"""

PAGE: Final[LiteralString] = """
    select position, id::text, replica, seq, entity_type, entity::text, version, type, schema_version, scope,
           effective, actor, (extract(epoch from recorded_at) * 1000)::bigint, body
    from event where tenant = %(tenant)s and position > %(after)s order by position limit %(limit)s
"""

ENTITY: Final[LiteralString] = """
    select entity::text, type, version, scope, state from entity where tenant = %(tenant)s and entity = %(entity)s
"""

ENTITIES_OF_TYPE: Final[LiteralString] = """
    select entity::text, type, version, scope, state
    from entity where tenant = %(tenant)s and type = %(type)s and entity > %(after)s::uuid
    order by entity limit %(limit)s
"""

# What lives in a handful of scopes is found by these, never by going through everything of its type.
ENTITIES_OF_TYPE_IN_SCOPES: Final[LiteralString] = """
    select entity::text, type, version, scope, state
    from (
        select entity, type, version, scope, state from entity
        where tenant = %(tenant)s and scope = any(%(scopes)s::text[]) and entity > %(after)s::uuid offset 0) as living
    where type = %(type)s
    order by entity limit %(limit)s
"""

STATES: Final[LiteralString] = """
    select entity::text, state from entity where tenant = %(tenant)s and scope <> 'office'
"""

MINT: Final[LiteralString] = """
    insert into replica (tenant, replica, person, name, minted_at)
    values (%(tenant)s, %(replica)s, %(person)s, %(name)s, timestamptz 'epoch' + %(now_ms)s * interval '1 ms')
"""
