"""A case as it is told over HTTP: in a list, alone, and with what its author saw."""

from typing import Any, cast

import orjson

from api.services import Services
from commands.authority import Principal
from commands.cases import entity_of
from commands.quarantine import APPROVABLE
from commands.what_was_seen import seen_by
from domain.catalogue import ON_DEVICES
from sync import shown, state_codec
from sync.envelope import Unacceptable, parse
from sync.rows import CaseRow, EntityRow
from sync.verdict import case_of


def summary(row: CaseRow) -> dict[str, Any]:
    aside = row.aside
    return {
        "case": case_of(aside.replica, aside.seq),
        "state": row.state,
        "code": aside.code,
        "text": aside.detail,
        "retryable": aside.retryable,
        "approvable": aside.code in APPROVABLE,
        "replica": aside.replica,
        "seq": aside.seq,
        "event_id": aside.id,
        "entity_id": aside.entity,
        "author_id": aside.actor,
        "owner_id": row.owner,
        "recorded_at_ms": row.recorded_at_ms,
    }


def document_of(row: CaseRow, speaking: Principal, services: Services) -> dict[str, Any]:
    entity = services.log.entity(speaking.tenant, entity_of(row.aside.replica, row.aside.seq))
    told = shown.values(state_codec.decode(entity.state)) if entity else {}
    settled = {name: told.get(name) for name in ("settled_by_id", "resubmitted_as", "dismiss_reason")}
    return {**summary(row), **settled}


def content_of(body: bytes) -> dict[str, Any]:
    return {"content": _read(body), "raw": body.decode(errors="replace")}


def entity_of_case(row: CaseRow, speaking: Principal, services: Services) -> dict[str, Any]:
    """What the case is about: as its author saw it, where that can be worked out, and as it is now."""
    entity = services.log.entity(speaking.tenant, row.aside.entity) if row.aside.entity else None
    if entity is None or entity.type not in ON_DEVICES:
        return {"entity": None}
    now = shown.values(state_codec.decode(entity.state))
    seen = _seen(row, entity, speaking, services)
    return {"entity": {"id": entity.entity, "type": entity.type, "seen": seen, "now": now}}


def _seen(row: CaseRow, now: EntityRow, speaking: Principal, services: Services) -> dict[str, Any] | None:
    try:
        event = parse(row.aside.body)
    except Unacceptable:
        return None
    return seen_by(event, services.log.past(speaking.tenant), now.version) if now.type == event.entity_type else None


def authored(body: bytes) -> tuple[str, str, dict[str, Any]]:
    """(entity type, event type, data) of what was handed in, each empty where it cannot be read."""
    document = _read(body) or {}
    entity_type, kind = _members(document.get("entity")).get("type"), document.get("type")
    return _text(entity_type), _text(kind), _members(document.get("data"))


def _members(value: object) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _read(body: bytes) -> dict[str, Any] | None:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return cast("dict[str, Any]", document) if isinstance(document, dict) else None
