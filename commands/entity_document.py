"""An entity as it is told over HTTP: its shown values, its version and what waits for somebody to decide."""

from typing import Any

from commands.authority import masked_from
from domain.people import Role
from sync import shown, state_codec
from sync.rows import EntityRow


def document_of(row: EntityRow, role: Role) -> dict[str, Any]:
    """The document, with what is masked from this role told as null and named in `masked`."""
    state = state_codec.decode(row.state)
    values = shown.values(state)
    hidden = masked_from(role, row.type) & values.keys()
    told: dict[str, Any] = {
        "id": row.entity,
        "type": row.type,
        "version": row.version,
        "scope": row.scope,
        **{name: None if name in hidden else value for name, value in values.items()},
        "conflicts": [
            {"field": each.field, "reason": each.reason, "values": each.values, "dots": each.dots, "shown": each.shown}
            for each in shown.conflicts(state)
            if each.field not in hidden
        ],
    }
    return told | ({"masked": sorted(hidden)} if masked_from(role, row.type) else {})
