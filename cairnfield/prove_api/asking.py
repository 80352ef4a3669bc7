"""One of those who ask: schemathesis in all its phases, with all its checks, as one principal."""

import hashlib
import json
import re
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Final, cast

import schemathesis
from schemathesis.core.parameters import ParameterLocation
from schemathesis.engine import events, from_schema

from api.body import NDJSON
from cairnfield.prove_api.good_words import GoodWords
from cairnfield.prove_api.plan import Share

_library: Final[Any] = schemathesis  # half of its types are unknown
STEPS: Final = 5
"""How many operations a chain has at most."""
ANSWER_S_MAX: Final = 30
_FOLLOWING: Final = 5
"""About how many are kept for one at the beginning, of a hundred cases that are rarer and rarer."""
_KEY: Final = re.compile(r"[\x21-\x7e]{1,128}\Z")
_ACCEPTED: Final = ["2xx", "3xx", "401", "403", "404", "409", "412", "429", "5xx"]
"""What whoever sends good data may be answered: as usual, and that a precondition (If-Match) does not hold."""
_REFUSED: Final = ["400", "401", "403", "406", "415", "422", "428"]
"""What whoever leaves out a header may be answered: as usual, and that a precondition is required (RFC 6585)."""
_NOT_TAKEN: Final = ["400", "401", "403", "404", "405", "406", "409", "413", "415", "422", "428", "429", "5xx"]
"""What whoever sends bad data may be answered: as usual, and that it is too much at once (RFC 9110, 15.5.14)."""


def _lines(context: Any, value: Any) -> bytes:
    """A list as one document per line; whatever else was made of it as one line."""
    del context
    lines = cast("Any", value) if isinstance(value, list) else [value]
    return b"\n".join(json.dumps(each, separators=(",", ":")).encode() for each in lines)


def _items(context: Any, response: Any) -> Any:
    del context
    return [json.loads(line) for line in response.content.splitlines()]


def ask(
    url: str, document: dict[str, Any], share: Share, words: GoodWords, *, token: str | None, seed: int
) -> Iterator[events.EngineEvent]:
    """Everything that happens while somebody asks."""
    told = _config(url, share, token, seed)
    whole = _library.openapi.from_dict(document, config=_library.Config.from_dict(told))
    schema = whole.include(operation_id=list(share.operations))
    schema.hook("filter_case")(_thinned(share, seed))
    _speaking.words = words
    yield from from_schema(schema).execute()


class _Speaking:
    """Whose good words are used now: hooks of calls are set once for all."""

    words: GoodWords | None = None


_speaking: Final = _Speaking()


def _config(url: str, share: Share, token: str | None, seed: int) -> dict[str, Any]:
    return {
        "base-url": url,
        "seed": seed,
        "headers": {"Authorization": f"Bearer {token}"} if token else {},
        "request-timeout": ANSWER_S_MAX,
        "continue-on-failure": True,
        "max-stream-events": 1,
        "generation": {"mode": "all", "max-examples": share.drawn, "database": "none"},
        "phases": {"stateful": {"max-steps": STEPS, "generation": {"max-examples": share.chains}}},
        "checks": {
            "positive_data_acceptance": {"expected-statuses": _ACCEPTED},
            "negative_data_rejection": {"expected-statuses": _NOT_TAKEN},
            "missing_required_header": {"expected-statuses": _REFUSED},
        },
    }


def _thinned(share: Share, seed: int) -> Callable[[Any, Any], bool]:
    """Of the hundreds of cases along the limits of one operation, some: always the first, and fewer the longer it goes
    on, other ones for every seed."""
    seen: Counter[str] = Counter()
    first = share.covered / _FOLLOWING

    def keep(context: Any, case: Any) -> bool:
        if case.meta is None or case.meta.phase.name.value != "coverage":
            return True
        label = context.operation.label
        place, seen[label] = seen[label], seen[label] + 1
        drawn = hashlib.sha256(f"{seed} {share.who} {label} {place}".encode()).digest()
        return int.from_bytes(drawn[:4]) * (place + first) < first * 2**32

    return keep


def _put_right(context: Any, case: Any, sending: Any) -> None:
    """A good Idempotency-Key is made up for each order, or only the first of an operation would be looked at; and what
    is good as far as a schema can say is made good as far as words can be."""
    del context, sending
    if case.meta is not None and case.meta.is_negative_at(ParameterLocation.HEADER):
        return  # what is wrong there must stay wrong
    headers: Any = case.headers or {}
    for name, value in headers.items():
        if name.lower() == "idempotency-key" and isinstance(value, str) and _KEY.match(value):
            case.headers[name] = str(uuid.uuid4())
    if _speaking.words is not None:
        _speaking.words.spare_those_who_ask(case)
        if case.meta is not None and case.meta.generation.mode.is_positive:
            _speaking.words.put_right(case)


_library.serializer(NDJSON)(_lines)
_library.deserializer(NDJSON)(_items)
_library.hook("before_call")(_put_right)
