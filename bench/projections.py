"""How fast what people look at follows from the log, beside the library's own runner, and how fast it is looked at.

Each part is a module with a function `measured`, given the place that all share; a new part is one line in PARTS.
"""

from collections.abc import Callable
from typing import Final

from bench import projections_beside, projections_lag, projections_past, projections_rebuild, projections_views
from bench.projections_place import Place, place

Part = Callable[[Place], dict[str, float]]

PARTS: Final[tuple[Part, ...]] = (
    projections_rebuild.measured,
    projections_beside.measured,
    projections_views.measured,
    projections_lag.measured,
    projections_past.measured,
)
"""In this order; what comes later may use what was measured before (`Place.figures`)."""


def figures(*, quick: bool, say: Callable[[str], None]) -> dict[str, float]:
    """The figures of this bench."""
    with place(quick=quick, say=say) as shared:
        for part in PARTS:
            shared.figures.update(part(shared))
        return shared.figures
