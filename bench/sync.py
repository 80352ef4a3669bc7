"""Sync with many at once: hints to a thousand devices; single edits of many devices, in one tenant or in several."""

from collections.abc import Callable

from bench.fanout import fanout
from bench.server import served
from bench.singles import pushes_per_s


def figures(*, quick: bool, say: Callable[[str], None]) -> dict[str, float]:
    """The figures of this bench: milliseconds, kB of memory, pushes per second, and ratios within this run."""
    measured: dict[str, float] = {}
    with served() as server:
        say("a thousand devices listen")
        measured["fanout_p99_ms"], measured["fanout_kb_each"] = fanout(server, edits=12 if quick else 50)
        say("single events, into one tenant")
        pushes = 1_600 if quick else 9_600
        pushes_per_s(server, tenants=1, pushes=640)
        measured["push_1_pushes_per_s"] = pushes_per_s(server, tenants=1, pushes=pushes)
        for tenants in (2, 8):
            say(f"single events, into {tenants} tenants")
            into_several = pushes_per_s(server, tenants=tenants, pushes=pushes)
            measured[f"push_1_ratio_{tenants}_tenants"] = into_several / measured["push_1_pushes_per_s"]
    return measured
