"""Every bound of the protocol, in one place, each with its unit; a device is told them by hello."""

from typing import Final

EVENTS_PER_PUSH_MAX: Final = 500
PUSH_BYTES_MAX: Final = 1_048_576
EVENT_BYTES_MAX: Final = 65_536
DECOMPRESSION_RATIO_MAX: Final = 50
DEPTH_MAX: Final = 16
CLOCK_ENTRIES_MAX: Final = 64
PAGE_EVENTS_MAX: Final = 1_000
PAGE_BYTES_MAX: Final = 1_048_576
LIVE_CONNECTIONS_PER_DEVICE_MAX: Final = 1
LIVE_CONNECTIONS_MAX: Final = 10_000
"""Live connections of one worker, of all tenants together."""
LIVE_CONNECTIONS_PER_TENANT_MAX: Final = 5_000
"""Of these, those of one tenant."""
LIVE_CONNECTIONS_PER_PERSON_MAX: Final = 16
"""Of these, those of one person: somebody who registers devices without end keeps nobody else from listening."""
KEPT_DAYS_MAX: Final = 14
"""How many days a device keeps its accepted events, unless the durable mark has passed them before."""
SET_ELEMENTS_PER_EVENT_MAX: Final = 200
HELD_PER_ENTITY_MAX: Final = 1_000
DAY_MS: Final = 24 * 60 * 60 * 1_000
LATE_DAYS_MAX: Final = 30
"""For how many days after somebody was let out of a scope their work there is late on their own word; the server keeps
no record of what a device has pulled."""
ANSWER_KEPT_MS: Final = DAY_MS
"""For how long an order over HTTP that is sent again is answered as it was the first time."""
CLOCK_DRIFT_MS_MAX: Final = 5 * 60 * 1_000
"""How far ahead of its own wall clock a replica lets another's stamps pull it, in milliseconds."""


def told_to_clients() -> dict[str, int]:
    """The limits a client must keep, by the names it knows them under."""
    return {
        "events_per_push_max": EVENTS_PER_PUSH_MAX,
        "push_bytes_max": PUSH_BYTES_MAX,
        "event_bytes_max": EVENT_BYTES_MAX,
        "decompression_ratio_max": DECOMPRESSION_RATIO_MAX,
        "depth_max": DEPTH_MAX,
        "clock_entries_max": CLOCK_ENTRIES_MAX,
        "page_events_max": PAGE_EVENTS_MAX,
        "page_bytes_max": PAGE_BYTES_MAX,
        "live_connections_per_device_max": LIVE_CONNECTIONS_PER_DEVICE_MAX,
        "kept_days_max": KEPT_DAYS_MAX,
        "set_elements_per_event_max": SET_ELEMENTS_PER_EVENT_MAX,
    }
