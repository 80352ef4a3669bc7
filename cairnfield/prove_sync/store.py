"""What a device of a run keeps on its disk: one file that is replaced as a whole, so that a kill leaves the last."""

import pickle
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple, cast

from sync.device import Device

OWN_REMEMBERED: Final = 12


class Own(NamedTuple):
    """An own event, and where it is found in its entity's clock."""

    entity: str
    replica: str
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A device, and the last events that its user wrote and expects to see."""

    device: Device
    own: Mapping[str, Own] = field(default_factory=dict[str, Own])

    def with_own(self, event: str, own: Own) -> Mapping[str, Own]:
        """The last own events and one more."""
        return dict([*self.own.items(), (event, own)][-OWN_REMEMBERED:])


def load(path: Path) -> Kept | None:
    """What was saved last; None on a new device."""
    if not path.exists():
        return None
    return cast("Kept", pickle.loads(path.read_bytes()))  # noqa: S301  # we wrote it


def save(path: Path, kept: Kept) -> None:
    """Replace what is there; a kill at any moment leaves the one or the other."""
    fresh = path.with_suffix(".new")
    fresh.write_bytes(pickle.dumps(kept, pickle.HIGHEST_PROTOCOL))
    fresh.replace(path)
