"""What the past costs and what proves it, each in a log of its own: `bench.as_of` and `bench.proof`."""

from bench.as_of import as_of_figures
from bench.projections_place import Place
from bench.proof import figures_of
from bench.server import served


def measured(place: Place) -> dict[str, float]:
    """Milliseconds of an entity as it was, events per second of a check of a whole log, bytes of a proof."""
    with served({"CAIRN_BACKGROUND": "none"}) as server:
        figures = as_of_figures(server, quick=place.quick, say=place.say)
        return figures | figures_of(server, quick=place.quick, say=place.say)
