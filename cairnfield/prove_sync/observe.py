"""What stands in the database at the end of a run, read past the server: the log itself, and what is kept beside it."""

import hashlib
from typing import Any, Final, LiteralString

import orjson
import psycopg

from cairnfield.prove_sync.history import Recorder
from cairnfield.prove_sync.tables import look_at_tables
from commands.cases import CASE
from sync import merge, state_codec
from sync.envelope import parse
from sync.frames import OFFICE_SCOPE, event_frame
from sync.merge import State
from sync.office import office_of
from sync.rows import EventRow
from sync.verdict import case_of

_LOG: Final[LiteralString] = """
    select position, id::text, replica, seq, entity_type, entity::text, version, type, schema_version, scope, effective,
           actor, (extract(epoch from recorded_at) * 1000)::bigint, body
    from event where tenant = %s order by position
"""
_ENTITIES: Final[LiteralString] = (
    "select entity::text, version, state from entity where tenant = %s and scope <> 'office'"
)
_REPLICAS: Final[LiteralString] = "select replica, last_seq from replica where tenant = %s"
_GRANTS: Final[LiteralString] = """
    select person::text, scope, from_position, to_position from grant_ where tenant = %(tenant)s
    union all
    select person::text, leads_to, greatest(from_position, position), to_position
    from grant_ join scope_link using (tenant, scope) where tenant = %(tenant)s
"""
_QUARANTINE: Final[LiteralString] = """
    select id::text, state, replica, seq, owner::text from quarantine where tenant = %s
"""
_TAKEN_IN: Final = frozenset({"approved", "retried"})


def look(dsn: str, tenant: str, recorder: Recorder) -> None:
    """Tell the history what the log holds and what the server derived from it."""
    with psycopg.connect(dsn, autocommit=True) as connection, connection.transaction():
        connection.execute("set transaction isolation level repeatable read, read only")
        rows = [EventRow(*row) for row in connection.execute(_LOG, [tenant]).fetchall()]
        entities = connection.execute(_ENTITIES, [tenant]).fetchall()
        replicas = connection.execute(_REPLICAS, [tenant]).fetchall()
        grants = connection.execute(_GRANTS, {"tenant": tenant}).fetchall()
        set_aside = connection.execute(_QUARANTINE, [tenant]).fetchall()
    recorder.note("ok", "log", events=_told(rows), grants=_by_person(grants))
    stored = {entity: (version, bytes(state)) for entity, version, state in entities}
    recorder.note(
        "ok",
        "stored",
        entities={entity: [version, _hash(state)] for entity, (version, state) in stored.items()},
        replicas=dict(replicas),
        quarantined=[event for event, state, *_ in set_aside if event and state not in _TAKEN_IN],
        taken_in=[event for event, state, *_ in set_aside if event and state in _TAKEN_IN],
        digest=state_codec.state_hash((entity, state) for entity, (_, state) in stored.items()),
    )
    cases = {case_of(replica, seq): [event, state, owner] for event, state, replica, seq, owner in set_aside}
    recorder.note("ok", "cases", office=office_of(tenant).replica, cases=cases, facts=_facts(rows))
    look_at_tables(dsn, tenant, rows, recorder)


def _facts(rows: list[EventRow]) -> list[list[Any]]:
    """[position, case, type, actor, data] of everything that was said of cases."""
    names: dict[str, str] = {}
    facts: list[list[Any]] = []
    for row in rows:
        if row.entity_type == CASE:
            data = orjson.loads(bytes(row.body))["data"]
            if row.type == "CaseOpened":
                names[row.entity] = case_of(data["replica"], data["seq"])
            facts.append([row.position, names.get(row.entity), row.type, row.actor, data])
    return facts


def _by_person(rows: list[tuple[str, str, int, int | None]]) -> dict[str, dict[str, list[list[int | None]]]]:
    grants: dict[str, dict[str, list[list[int | None]]]] = {}
    for person, scope, start, end in rows:
        grants.setdefault(person, {}).setdefault(scope, []).append([start, end])
    return grants


def _told(rows: list[EventRow]) -> list[dict[str, Any]]:
    states: dict[str, State] = {}
    return [_event(row, states) for row in rows]


def _event(row: EventRow, states: dict[str, State]) -> dict[str, Any]:
    if row.scope == OFFICE_SCOPE:
        return {"position": row.position, "id": None}
    body = bytes(row.body)
    event, document = parse(body), orjson.loads(body)
    before = states.get(event.entity) or merge.empty(event.entity_type)
    states[event.entity] = merge.apply(before, event, row.effective)
    tx = document.get("tx")
    return {
        "position": row.position,
        "id": row.id,
        "leaf": hashlib.sha256(event_frame(row._replace(body=body))[:-1]).hexdigest()[:24],
        "hash": _hash(body),
        "entity": row.entity,
        "version": row.version,
        "replica": row.replica,
        "seq": row.seq,
        "scope": row.scope,
        "clock": event.clock,
        "tx": [tx["id"], tx["i"], tx["n"]] if tx else None,
        "state": _hash(state_codec.encode(states[event.entity])),
        "actor": row.actor,
        "reason": document.get("reason"),
    }


def _hash(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()
