"""An event that was accepted before: read, and not judged again.

What may be said is decided once, when an event is accepted, and the log keeps its bytes. Whoever folds a whole log need
not check a second time what can no longer be refused: that is five sixths of what `sync.envelope.parse` takes.
"""

import orjson

from domain.catalogue import FACTS
from sync.envelope import Event
from sync.merge import made
from sync.upcast import upcast


class NewerThanUs(ValueError):
    """The log holds what a newer program accepted; that one reads it."""


def read(raw: bytes) -> Event:
    """The event that these bytes of a log spell, its data in the words of today's version.

    Raises NewerThanUs for a fact, or a version of one, that this program does not know.
    """
    document = orjson.loads(raw)
    entity, event_type, version = document["entity"], document["type"], document["v"]
    fact = FACTS.get(entity["type"], {}).get(event_type)
    if fact is None:
        raise NewerThanUs(f"{event_type} of {entity['type']} is not an event we know")
    data = document["data"]
    if version != fact.version:
        if version > fact.version:
            raise NewerThanUs(f"{event_type} is known up to version {fact.version}, and this is {version}")
        data = upcast(data, fact.steps_from(version))
    event: Event = made(
        Event,
        (
            document["id"],
            document["replica"],
            document["seq"],
            document["prev"],
            entity["id"],
            entity["type"],
            event_type,
            version,
            document["clock"],
            document["at"],
            document["seen"],
            data,
            document.get("tx"),
            raw,
            fact,
        ),
    )
    return event
