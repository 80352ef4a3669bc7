"""What becomes of concurrent writes to a field: data here, carried out by `sync.merge` and its TypeScript twin.

A causally later write always replaces an earlier one, whatever the policy; a policy speaks only of writes whose
authors did not know of each other.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Latest:
    """The write with the newest effective time is shown; the others stay in history and nobody is asked."""

    each_key: bool = False
    """The field is a map with free keys, and every key merges on its own."""


@dataclass(frozen=True, slots=True)
class Ask:
    """All values are kept, the newest is shown provisionally, and a person is asked when the values differ."""


@dataclass(frozen=True, slots=True)
class AddWins:
    """An observed-remove set: a removal takes away only the additions its author had seen."""


@dataclass(frozen=True, slots=True)
class Sum:
    """Signed decimal deltas, added up; every delta counts once."""


@dataclass(frozen=True, slots=True)
class Advance:
    """A status, written as moves; the lifecycle's table of concurrent moves decides what is shown and who is asked."""

    lifecycle: str


@dataclass(frozen=True, slots=True)
class Once:
    """Written once: the earliest effective write stands, others are kept as witnesses; asks when they differ."""


@dataclass(frozen=True, slots=True)
class Log:
    """Part of an immutable entry, written at creation; a correction is another entry that refers to this one."""


@dataclass(frozen=True, slots=True)
class Ref:
    """A reference that is fixed at creation."""


@dataclass(frozen=True, slots=True)
class Server:
    """Written by the server alone; a device that writes it is refused."""


MergePolicy = Latest | Ask | AddWins | Sum | Advance | Once | Log | Ref | Server
"""Every policy there is; code that decides by policy matches on this union and ends with `assert_never`."""
