"""How far the tables fall behind while phones push as fast as they can, and how long it takes to catch up."""

import threading
import time
from typing import Final

from bench.projections_place import Place
from bench.push import pushed_per_s
from bench.server import served
from infra.postgres.pool import open_pool
from infra.postgres.read_model.reading import ReadModel

EVENTS: Final = 60_000
QUICK_EVENTS: Final = 8_000
LOOK_EVERY_S: Final = 0.1
DRAIN_S_MAX: Final = 300.0


def measured(place: Place) -> dict[str, float]:
    """Events behind at worst, seconds until none is, and how fast was pushed meanwhile."""
    events = QUICK_EVENTS if place.quick else EVENTS
    place.say(f"pushing {events:,} events beside the runner")
    behind: list[int] = []
    is_over = threading.Event()
    with served() as server, open_pool(server.dsn, size=1) as pool:
        reading = ReadModel(pool)

        def watch() -> None:
            while not is_over.wait(LOOK_EVERY_S):
                reached = reading.reached(server.tenant)
                behind.append(reached.head - reached.position)

        watching = threading.Thread(target=watch)
        watching.start()
        pushed = pushed_per_s(server, events=events, batch=500)
        is_over.set()
        watching.join()
        began_s = time.perf_counter()
        head = reading.reached(server.tenant).head
        while reading.wait_for(server.tenant, head).position < head:
            assert time.perf_counter() - began_s < DRAIN_S_MAX, "the tables never caught up"
        drained_s = time.perf_counter() - began_s
    return {
        "pushed_beside_runner_per_s": pushed,
        "lag_events_max": float(max(behind, default=0)),
        "drain_s": drained_s,
    }
