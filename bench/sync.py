"""Sync with many at once: batches and single edits in, a log and what lives out, hints to a thousand, and a herd."""

from collections.abc import Callable

from bench import pull, push
from bench.bootstrap import bootstrap_s, pull_s
from bench.fanout import fanout
from bench.herd import herd
from bench.largest import largest_mib
from bench.server import served
from bench.singles import pushes_per_s


def figures(*, quick: bool, say: Callable[[str], None]) -> dict[str, float]:
    """The figures of this bench: seconds, milliseconds, kB of memory, pushes per second, and ratios within this run."""
    measured: dict[str, float] = {}
    with served() as server:
        say("batches of 500")
        measured["push_500_events_per_s"] = push.warm_pushed_per_s(server.another_tenant(), quick=quick)
        say("pulling a log")
        measured["pull_events_per_s"] = pull.warm_pulled_per_s(server.another_tenant(), quick=quick)
        histories = (50_000, 200_000 if quick else 1_000_000)
        after_few, after_many = bootstrap_s(server.another_tenant(), histories=histories, say=say)
        measured["bootstrap_s"], measured["bootstrap_history_ratio"] = after_many, after_many / after_few
        say("one device, and ten or a thousand others that write")
        beside_few, beside_many = (pull_s(server.another_tenant(), others=others) for others in (10, 1_000))
        measured["pull_other_devices_ratio"] = beside_many / beside_few
        say("a thousand devices listen")
        measured["fanout_p99_ms"], measured["fanout_kb_each"] = fanout(server, edits=12 if quick else 50)
        say("single events, into one tenant")
        pushes = 1_600 if quick else 9_600
        pushes_per_s(server, tenants=1, pushes=640)
        measured["push_1_pushes_per_s"] = pushes_per_s(server, tenants=1, pushes=pushes)
        for tenants in (2, 8):
            say(f"single events, into {tenants} tenants")
            into_several = pushes_per_s(server, tenants=tenants, pushes=pushes)
            measured[f"push_1_pushes_per_s_{tenants}_tenants"] = into_several
            measured[f"push_1_ratio_{tenants}_tenants"] = into_several / measured["push_1_pushes_per_s"]
        say("a thousand devices come back with a day's work")
        measured |= herd(server.another_tenant())
        say("the largest bodies")
        measured["largest_body_growth_mib"] = largest_mib(server.another_tenant())
    return measured
