"""Checks a log against its tiles and checkpoints, leaf by leaf, and names the first position that was touched.

The tiles say which leaf differs; the checkpoints, which only the key can make, say whether to believe the tiles. Where
both were written anew, what is left is between which two checkpoints it happened.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from sync.checkpoint import SAID, Stream
from sync.merkle import appended, root_at, root_of
from sync.tiles import WIDTH, TileMissing, Tiles, nodes_over, split

What = Literal["event", "entry", "tile", "checkpoint", "head", "history", "erasure"]


class Finding(NamedTuple):
    """The first that is not as it was: at one position, or somewhere from `first` to `last`."""

    what: What
    first: int
    last: int
    text: str
    """For a person."""


class Signed(NamedTuple):
    """A checkpoint whose signature was found good, or that somebody trusts otherwise."""

    size: int
    root: bytes
    kept_by: str
    """Who has it, for a person."""


class LogCheck:
    """One pass over the leaves of a log, in order and without a gap; ends with the first finding.

    `upto` is where the log's head says that it ends. `size` and `frontier` are where an earlier pass came to.
    """

    def __init__(
        self,
        *,
        upto: int,
        tiles: Tiles,
        signed: Sequence[Signed],
        size: int = 0,
        frontier: Sequence[bytes] = (),
        stream: Stream = "events",
    ) -> None:
        self._said = SAID[stream]
        self._each: What = "event" if stream == "events" else "entry"
        self._upto, self._tiles = upto, tiles
        self._signed = sorted({(each.size, each.root): each for each in signed}.values())
        self.size, self.frontier = size, list(frontier)
        self.finding: Finding | None = None
        self._good = max((each.size for each in self._signed if each.size <= size), default=0)
        """Up to here a checkpoint is known to fit."""
        self._suspect: int | None = None
        """The first position at which the log is not what the tiles say."""
        ends = [each for each in self._signed if each.size > upto]
        if ends:
            self.finding = Finding(
                self._each,
                upto + 1,
                ends[0].size,
                f"The {self._said.whole} ends at {upto}, but {ends[0].kept_by} is over {ends[0].size} "
                f"{self._said.all}: the rest is missing.",
            )

    def take(self, leaves: Sequence[bytes]) -> bool:
        """Go on by these hashes of leaves; returns whether to go on further."""
        for run in self._runs(leaves):
            if self.finding is not None:
                break
            self._compare(run)
            self.frontier = appended(self.size, self.frontier, run)
            self.size += len(run)
            self._at_a_boundary()
        return self.finding is None

    def miss(self, text: str) -> None:
        """The row that should follow is not there, or is another: that is the first position that was touched."""
        if self.finding is None:
            self.finding = Finding(self._each, self._suspect or self.size + 1, self._suspect or self.size + 1, text)

    def cannot_read(self, last: int, why: str) -> None:
        """What follows, up to `last` at most, is not to be had; `why` is a sentence."""
        if self.finding is None:
            text = f"Nothing can be said from position {self.size + 1} on, or from somewhat later. {why}"
            self.finding = Finding(self._each, self.size + 1, last, text)

    def end(self, frontier: Sequence[bytes]) -> None:
        """All leaves were taken; `frontier` is what the head has kept of them."""
        if self.finding is None and (self._suspect is not None or list(frontier) != self.frontier):
            self._judge(root_of(frontier), "the frontier that the appends have kept", "head")

    def _runs(self, leaves: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
        """The leaves in runs that end where a tile ends, or where there is a checkpoint to look at."""
        begin = 0
        while begin < len(leaves):
            at = self.size
            end = (at // WIDTH + 1) * WIDTH
            following = bisect_left(self._signed, at + 1, key=lambda each: each.size)
            if following < len(self._signed):
                end = min(end, self._signed[following].size)
            yield leaves[begin : (begin := begin + end - at)]

    def _compare(self, run: Sequence[bytes]) -> None:
        if self._suspect is not None:
            return
        number, offset = divmod(self.size, WIDTH)
        tile = split(self._tiles(0, number))[offset : offset + len(run)]
        if tile != list(run):
            place = next((place for place, (one, other) in enumerate(zip(run, tile, strict=False)) if one != other), -1)
            if place >= 0:  # else the tile does not reach so far yet
                self._suspect = self.size + place + 1

    def _at_a_boundary(self) -> None:
        at = bisect_left(self._signed, self.size, key=lambda each: each.size)
        while at < len(self._signed) and self._signed[at].size == self.size and self.finding is None:
            signed = self._signed[at]
            if self._suspect is not None or root_of(self.frontier) != signed.root:
                self._judge(signed.root, signed.kept_by, "history")
            else:
                self._good, at = self.size, at + 1
        if self.size % WIDTH == 0 and self._suspect is None and self.finding is None:
            self._check_tiles_above()

    def _check_tiles_above(self) -> None:
        """The smallest subtree that the frontier ends in is made of what tiles of higher levels should hold."""
        level = (self.size & -self.size).bit_length() - 1
        try:
            held = nodes_over(self._tiles)(level, (self.size >> level) - 1)
        except TileMissing:
            return
        if held != self.frontier[-1]:
            first = self.size - (1 << level) + 1
            text = f"A tile above the leaves from {first} to {self.size} was touched; the {self._said.all} were not."
            self.finding = Finding("tile", first, self.size, text)

    def _judge(self, root: bytes, kept_by: str, otherwise: What) -> None:
        """Something differs up to here: by `root`, which can be relied on, it is the log, the tiles, or both."""
        first, each = self._suspect, self._said.each
        if first is not None and root_of(self.frontier) == root:
            text = f"The tile that holds the hash of the {each} at position {first} was touched; the {each} was not."
            self.finding = Finding("tile", first, first, text)
        elif first is not None and self._root_of_tiles() == root:
            text = f"The {each} at position {first} is not what it was, or lies at another position than it did."
            self.finding = Finding(self._each, first, first, text)
        elif first is not None:
            text = (
                f"The {each} at position {first} is not what the tiles say, and neither fits {kept_by}: at the latest "
                "there, history was written anew."
            )
            self.finding = Finding("history", self._good + 1, first, text)
        else:
            text = f"The {self._said.all} from {self._good + 1} to {self.size} do not fit {kept_by}" + (
                ", though they fit the tiles: one of them at least was written anew, and the tiles with it, or none "
                "and the frontier was."
                if otherwise == "head"
                else ": one of them at least was written anew, and the tiles with it."
            )
            self.finding = Finding(otherwise, self._good + 1, self.size, text)

    def _root_of_tiles(self) -> bytes:
        try:
            return root_at(self.size, nodes_over(self._tiles))
        except TileMissing:
            return b""
