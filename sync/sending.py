"""A page of a pull while it fills up: snapshots scope by scope, as many as there is room for."""

from collections.abc import Mapping, Sequence
from typing import Final

from sync.frames import line
from sync.moment import Moment
from sync.resume import GREATEST_ID, LEAST_ID, Place

SCOPES_PER_PAGE_MAX: Final = 500


class Sending:
    """What is on the page so far, and what it still has room for."""

    def __init__(self, moment: Moment, *, limit: int, room: int) -> None:
        self._moment = moment
        self.limit, self.room = limit, room
        """How many more events and snapshots, and how many more bytes."""
        self.lines = bytearray()

    def add(self, lines: bytes) -> None:
        """Put these lines on the page."""
        self.lines += lines
        self.room -= len(lines)

    def send(self, scopes: Sequence[str], since: Mapping[str, int], place: Place) -> Place:
        """Send what is in these scopes, in the first from the place on; from the place returned the next page goes on.

        `since` says for each when it opened. Every scope is entered before its snapshots, also an empty one.
        """
        some = scopes[:SCOPES_PER_PAGE_MAX]
        is_within = some[0] == place.scope
        enters = {scope: line("enter", scope=scope, position=since[scope]) for scope in some[is_within:]}
        found = self._moment.snapshots(
            some,
            before=place.entity if is_within else GREATEST_ID,
            limit=max(1, self.limit),
            bytes_max=self.room - sum(map(len, enters.values())),
        )
        self.limit -= len(found.rows)
        frames: dict[str, list[bytes]] = {}
        for scope, _, frame in found.rows:
            frames.setdefault(scope, []).append(frame)
        last, entity = (some[-1], LEAST_ID) if found.is_whole else found.rows[-1][:2]
        for scope in some[: some.index(last) + 1]:
            self.add(enters.get(scope, b"") + b"".join(frames.get(scope, ())))
        if found.is_whole and len(some) == len(scopes):
            return place._replace(scope="", entity=GREATEST_ID)
        return place._replace(scope=last, entity=entity)
