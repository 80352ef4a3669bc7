"""The same histories folded by the TypeScript core, in one Node process that is asked again and again."""

import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, cast

import orjson

from cairnfield.failure import CannotGoOn
from cairnfield.node import node
from cairnfield.prove.convergence import Agreed, Difference, first_difference
from sync import canonical, state_codec
from sync.canonical import Json
from sync.envelope import hash_of
from sync.explain import explain

FOLD: Final = Path(__file__).parents[2] / "pwa" / "sdk" / "proof" / "fold.ts"


class TypeScript:
    """A Node process that folds; questions may run ahead of answers by a few."""

    def __init__(self) -> None:
        if not FOLD.exists():
            raise CannotGoOn("The TypeScript is not here: this Cairnfield is installed, not a checkout.")
        self._process = subprocess.Popen([node(), FOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate()  # closes its stdin, and that is the end of it

    def ask(self, agreed: Agreed, order: Sequence[int], *, kind: str = "hash") -> None:
        """Send a history in the order in which it was told, and another causal order of it."""
        assert self._process.stdin is not None
        told, (entity, fields) = agreed.told, to_explain(agreed)
        header = f"{kind} {len(told)} {entity} {','.join(fields)}"
        lines = [header.encode(), *(each.effective.encode() + b" " + each.event.raw for each in told)]
        self._process.stdin.write(b"\n".join([*lines, orjson.dumps(list(order)), b""]))
        self._process.stdin.flush()

    def answered(self) -> dict[str, Any]:
        """The answer to the first question that has none yet."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise CannotGoOn(f"Node ended with status {self._process.wait()}; what it said is above.")
        answer: dict[str, Any] = orjson.loads(line)
        return answer

    def differing(self, agreed: Agreed, order: Sequence[int]) -> Difference | None:
        """Where TypeScript comes to something else than Python; no question may be open."""
        self.ask(agreed, order)
        answer = self.answered()
        if "error" in answer:
            return Difference("typescript error", "", "", "an answer", answer["error"])
        if answer == expected(agreed, order):
            return None
        self.ask(agreed, order, kind="details")
        return _first(agreed, order, self.answered()) or Difference(
            "typescript hash", "", "", expected(agreed, order), answer
        )


def to_explain(agreed: Agreed) -> tuple[str, list[str]]:
    """The entity that most was told of, and three of its fields, other ones for other histories."""
    entity = max(agreed.states, key=lambda each: (agreed.states[each].version, each))
    names = sorted(agreed.states[entity].cells)
    return entity, [names[(len(agreed.told) + each) % len(names)] for each in range(3)]


def explained(agreed: Agreed, order: Sequence[int]) -> list[dict[str, Any]]:
    """Why those fields show what they show, read in another order than Node reads them in."""
    entity, fields = to_explain(agreed)
    pairs = [(agreed.told[place].event, agreed.told[place].effective) for place in order]
    return [explain([pair for pair in pairs if pair[0].entity == entity], field) for field in fields]


def expected(agreed: Agreed, order: Sequence[int]) -> dict[str, str]:
    """What Node must answer: the hashes of all states, of what people see of them, and of some explanations."""
    return {
        "hash": state_codec.state_hash(agreed.encoded.items()),
        "shown": state_codec.state_hash((name, canonical.dumps(seen)) for name, seen in agreed.documents.items()),
        "explained": hash_of(canonical.dumps(cast("Json", explained(agreed, order)))),
    }


def _first(agreed: Agreed, order: Sequence[int], details: dict[str, Any]) -> Difference | None:
    for entity, ours in agreed.encoded.items():
        theirs = details["entities"].get(entity, {"state": "null", "seen": None})
        if theirs["state"].encode() != ours:
            return first_difference("typescript state", entity, orjson.loads(ours), orjson.loads(theirs["state"]))
        if theirs["seen"] != agreed.documents[entity]:
            return first_difference("typescript shown", entity, agreed.documents[entity], theirs["seen"])
    why = explained(agreed, order)
    if why != details["explained"]:
        return first_difference("typescript explained", to_explain(agreed)[0], why, details["explained"])
    return None
