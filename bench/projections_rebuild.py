"""Every table from every event, by one process per core."""

import time

from bench.projections_place import TENANTS, Place
from cairnfield.wiring import now_ms
from infra.postgres.read_model.rebuild import rebuild


def measured(place: Place) -> dict[str, float]:
    """Events per second through all projections, from the empty tables until people see them."""
    place.say(f"building all tables from {place.events:,} events")
    began_s = time.perf_counter()
    rebuild(
        place.dsn,
        now_ms=now_ms,
        processes=TENANTS,
        progress=lambda done, total: place.say(f"building all tables: {done:,} of {total:,} events"),
    )
    return {"rebuild_events_per_s": place.events / (time.perf_counter() - began_s)}
