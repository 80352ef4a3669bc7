"""How bytes stand in a vector: as text, as base64 where they are no text, as parts where they repeat themselves."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

Case = dict[str, Any]
"""One vector: its `name`, its `why`, what is given and what must come of it."""

Parts = Sequence[str | tuple[str, int]]
"""Texts, some of them so many times over."""


def bytes_of(given: Mapping[str, Any]) -> bytes:
    """The bytes that a case gives as `raw`, `base64` or `parts`."""
    if "base64" in given:
        return base64.b64decode(given["base64"])
    if "parts" in given:
        return "".join(part if isinstance(part, str) else part[0] * part[1] for part in given["parts"]).encode()
    return str(given["raw"]).encode()


def spelled(raw: bytes | str | Parts) -> dict[str, Any]:
    """The other way round, in the plainest form that holds them."""
    if isinstance(raw, str):
        return {"raw": raw}
    if not isinstance(raw, bytes):
        return {"parts": [part if isinstance(part, str) else list(part) for part in raw]}
    try:
        return {"raw": raw.decode()}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(raw).decode()}


def shortened(raw: bytes, *repeated: str) -> dict[str, Any]:
    """Bytes in parts, so that a text of thousands of the same is written once with its number.

    Texts of `repeated` are looked for one after the other, the longest run of each.
    """
    parts: list[str | tuple[str, int]] = [raw.decode()]
    for text in repeated:
        parts = [piece for part in parts for piece in (_split(part, text) if isinstance(part, str) else [part])]
    return spelled(parts) if len(parts) > 1 else spelled(raw)


def _split(whole: str, text: str) -> list[str | tuple[str, int]]:
    times = 0
    while text * (times + 1) in whole:
        times += 1
    if times < 20:
        return [whole]
    before, after = whole.split(text * times, 1)
    return [before, (text, times), after]
