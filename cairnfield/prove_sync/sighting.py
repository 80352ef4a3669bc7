"""A page of a pull as a witness reads it: by the protocol reference, and without the code that is on trial."""

import hashlib
from collections.abc import Mapping
from typing import Any, NamedTuple, Self

import orjson

from cairnfield.prove_sync.own import Own


class Sighting(NamedTuple):
    """What a page says."""

    epoch: str | None
    cursor: int
    head: int
    events: list[list[Any]]
    """[position, id, leaf, entity, version]."""
    snapshots: list[list[Any]]
    """[entity, version, hash of its state]."""
    verdicts: list[list[Any]]
    """As `as_told` spells them."""
    entities: list[tuple[str, str]]
    """(type, id) of what is spoken of."""
    dots: dict[str, Own]
    """By event, where it stands."""
    reasons: dict[str, str]
    """By event, why it was told, where its author says so."""
    resume: bool = False
    """Whether it is not the last page of this pull."""

    @classmethod
    def of(cls, lines: bytes) -> Self:
        """Read a whole page."""
        *frames, last = lines.removesuffix(b"\n").split(b"\n")
        end = orjson.loads(last)
        seen = cls(end.get("epoch"), end["cursor"], end["head"], [], [], [], [], {}, {}, "resume" in end)
        for frame in frames:
            seen.add(frame)
        return seen

    def told(self) -> dict[str, Any]:
        """What the history is told of it."""
        return {name: value for name, value in self._asdict().items() if name not in {"entities", "dots"}}

    def add(self, frame: bytes) -> None:
        """Take in one frame."""
        told = orjson.loads(frame)
        match told["frame"]:
            case "event":
                event, leaf = told["event"], hashlib.sha256(frame).hexdigest()[:24]
                entity = event["entity"]
                self.events.append([told["position"], event["id"], leaf, entity["id"], told["version"]])
                self.entities.append((entity["type"], entity["id"]))
                self.dots[event["id"]] = Own(entity["id"], event["replica"], event["seq"])
                if "reason" in event:
                    self.reasons[event["id"]] = event["reason"]
            case "snapshot":
                state = frame.partition(b',"state":')[2][:-1]
                self.snapshots.append([told["entity"], told["version"], hashlib.sha256(state).hexdigest()])
                self.entities.append((told["type"], told["entity"]))
            case "verdict":
                self.verdicts.append(as_told(told))
            case _:
                pass  # what enters and leaves is known from the grants


def as_told(verdict: Mapping[str, Any]) -> list[Any]:
    """[id, verdict, position, what was told instead or why it was left out]; null where that says nothing."""
    named = verdict.get("resubmitted_as") or verdict.get("reason")
    return [verdict["id"], verdict["verdict"], verdict.get("position"), named]
