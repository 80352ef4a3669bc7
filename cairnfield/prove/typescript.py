"""The same histories folded by the TypeScript core, in one Node process that is asked again and again."""

import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import orjson

from cairnfield.failure import CannotGoOn
from cairnfield.node import node
from cairnfield.prove.convergence import Agreed, Difference, first_difference
from cairnfield.prove.history import Told
from sync import canonical, state_codec

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

    def ask(self, told: Sequence[Told], order: Sequence[int], *, kind: str = "hash") -> None:
        """Send a history in the order in which it was told, and another causal order of it."""
        assert self._process.stdin is not None
        lines = [f"{kind} {len(told)}".encode(), *(each.effective.encode() + b" " + each.event.raw for each in told)]
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
        self.ask(agreed.told, order)
        answer = self.answered()
        if "error" in answer:
            return Difference("typescript error", "", "", "an answer", answer["error"])
        if answer == expected(agreed):
            return None
        self.ask(agreed.told, order, kind="details")
        return _first(agreed, self.answered()) or Difference("typescript hash", "", "", expected(agreed), answer)


def expected(agreed: Agreed) -> dict[str, str]:
    """What Node must answer: the hash of all states, and that of what people see of them."""
    return {
        "hash": state_codec.state_hash(agreed.encoded.items()),
        "shown": state_codec.state_hash((name, canonical.dumps(seen)) for name, seen in agreed.documents.items()),
    }


def _first(agreed: Agreed, details: dict[str, Any]) -> Difference | None:
    for entity, ours in agreed.encoded.items():
        theirs = details.get(entity, {"state": "null", "seen": None})
        if theirs["state"].encode() != ours:
            return first_difference("typescript state", entity, orjson.loads(ours), orjson.loads(theirs["state"]))
        if theirs["seen"] != agreed.documents[entity]:
            return first_difference("typescript shown", entity, agreed.documents[entity], theirs["seen"])
    return None
