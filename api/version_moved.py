"""What was written since somebody read an entity, for whoever must decide again."""

from collections.abc import Collection
from typing import Any

from api.services import Services
from commands.authority import Principal
from commands.what_was_seen import HISTORY_MAX
from sync import merge, shown
from sync.envelope import parse


def changed_since(
    versions: Collection[int], entity: str, speaking: Principal, services: Services
) -> dict[str, dict[str, Any]] | None:
    """By field, what it was at the newest of these versions and what it is now; None where that is not worked out."""
    history = services.log.history(speaking.tenant, entity, limit=HISTORY_MAX + 1)
    known = [row for row in history if row.version <= max(versions, default=0)]
    if not known or len(history) > HISTORY_MAX:
        return None
    state = merge.empty(history[0].entity_type)
    before: dict[str, Any] = {}
    for row in history:
        state = merge.apply(state, parse(row.body), row.effective)
        if row.version == known[-1].version:
            before = shown.values(state)
    now = shown.values(state)
    fields = [name for name in sorted({*before, *now}) if before.get(name) != now.get(name)]
    return {name: {"was": before.get(name), "now": now.get(name)} for name in fields}
