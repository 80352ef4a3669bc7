"""What was written since somebody read an entity, for whoever must decide again."""

from collections.abc import Collection
from typing import Any

from api.services import Services
from commands.authority import Principal
from sync import shown, state_codec
from sync.as_of import stand_at


def changed_since(
    versions: Collection[int], entity: str, speaking: Principal, services: Services
) -> dict[str, dict[str, Any]] | None:
    """By field, what it was at the newest of these versions and what it is now; None where there was none of them."""
    row = services.log.entity(speaking.tenant, entity)
    read = stand_at(services.log.past(speaking.tenant), entity, version=max(versions, default=0))
    if row is None or read is None:
        return None
    before, now = shown.values(read.state), shown.values(state_codec.decode(row.state))
    fields = [name for name in sorted({*before, *now}) if before.get(name) != now.get(name)]
    return {name: {"was": before.get(name), "now": now.get(name)} for name in fields}
