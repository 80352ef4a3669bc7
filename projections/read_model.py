"""The read model: every projection that is shipped, fed by one scan of the log."""

import hashlib
import json
from typing import Any, Final

from domain.catalogue import ENTITIES
from domain.lifecycle import LIFECYCLES, Lifecycle
from projections.audit_trail import AUDIT_TRAIL
from projections.conflicts import OPEN_CONFLICT
from projections.entities import ENTITY_TABLES
from projections.folding import Group
from projections.links import VISIT_PERSON, WORK_ORDER_ASSET
from projections.projection import Projection
from projections.sync_health import REPLICA

FINGERPRINT_CHARACTERS: Final = 16
LOGIC: Final = 5
"""Raised whenever the same log makes other rows than before, or what the runner keeps beside them is another thing,
so that the tables are built anew. What a declaration
says is in the fingerprint by itself; `tests/projections/test_read_model.py` notices what else changes."""

PROJECTIONS: Final[tuple[Projection, ...]] = (
    *ENTITY_TABLES,
    OPEN_CONFLICT,
    WORK_ORDER_ASSET,
    VISIT_PERSON,
    AUDIT_TRAIL,
    REPLICA,
)

GROUP: Final = Group.of(PROJECTIONS)

BY_NAME: Final = {each.name: each for each in PROJECTIONS}


def fingerprint() -> str:
    """What the rows depend on: tables with the same fingerprint hold the same rows of the same log."""
    told = {
        "logic": LOGIC,
        "policies": {
            name: {field: str(each.policy) for field, each in declared.fields.items()}
            for name, declared in ENTITIES.items()
        },
        "lifecycles": {name: _moves(each) for name, each in LIFECYCLES.items()},
        "tables": [_shape(each) for each in PROJECTIONS],
    }
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:FINGERPRINT_CHARACTERS]


def _moves(lifecycle: Lifecycle) -> list[Any]:
    moves = [[name, each.leads_to, each.rank, each.contested_by_any] for name, each in lifecycle.moves.items()]
    return [moves, sorted(sorted(pair) for pair in lifecycle.asks)]


def _shape(table: Projection) -> list[Any]:
    columns = [[each.name, each.type, each.nullable] for each in table.columns]
    return [table.name, table.key, table.indexes, columns]
