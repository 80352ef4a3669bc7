"""What every device tells the history of itself: how it began, what it shows, how it stands at rest."""

import hashlib
from collections.abc import Callable
from typing import Any

import orjson

from cairnfield.prove_sync.own import Owned, whether_shown
from cairnfield.prove_sync.part import Part
from cairnfield.prove_sync.sighting import as_told
from sync.device import Device, digest
from sync.envelope import Event, hash_of

Note = Callable[..., None]
"""The pen of a process: `history.Recorder.note`."""


class Testimony:
    """Of one device, in one life of its process."""

    def __init__(self, part: Part, note: Note) -> None:
        self._part, self._note = part, note
        self._at_rest: Any = None

    def opened(self, device: Device) -> None:
        """With what it begins."""
        self._note(
            "ok",
            "open",
            why=self._part.why,
            person=self._part.person,
            cursor=device.cursor,
            epoch=device.epoch or None,
            outbox=list(device.outbox),
            quarantined=list(device.quarantined),
            versions={entity: state.version for entity, state in device.accepted.items()},
        )
        self._part.is_open.touch()

    def read(self, device: Device, own: Owned) -> None:
        """What it shows."""
        self._note("ok", "read", **self._shown(device, own))

    def _shown(self, device: Device, own: Owned) -> dict[str, Any]:
        held = {entity: sorted(state.clock.items()) for entity, state in device.accepted.items()}
        return {
            "epoch": device.epoch or None,
            "applied": hashlib.sha256(orjson.dumps(sorted(held.items()))).hexdigest(),
            "state_hash": digest(device),
            "shown": whether_shown(own, device, sees_all=self._part.person is None),
        }

    def rests(self, device: Device, own: Owned) -> bool:
        """How it stands, whenever that has changed; whether it stands as it did before."""
        stands = (device.cursor, tuple(device.outbox), tuple(device.quarantined))
        if stands == self._at_rest:
            return True
        self._at_rest = stands
        told = {"cursor": device.cursor, "outbox": list(device.outbox), "quarantined": list(device.quarantined)}
        self._note("ok", "rest", **told, **self._shown(device, own))
        return False


def written(event: Event) -> dict[str, Any]:
    """What is told of an event that was written."""
    return {"id": event.id, "hash": hash_of(event.raw), "replica": event.replica, "seq": event.seq}


def named(event: Event) -> list[Any]:
    """What is told of an event that a fork gave another name."""
    return [event.id, event.replica, event.seq, hash_of(event.raw)]


def answered(answer: dict[str, Any]) -> dict[str, Any]:
    """What is told of the answer to a push."""
    verdicts = [as_told(each) for each in answer["verdicts"]]
    told = {"epoch": answer["epoch"], "head": answer["head"], "batch": answer["batch"], "verdicts": verdicts}
    return {**told, "codes": {each["id"]: each.get("code") for each in answer["verdicts"]}}
