"""Canonical JSON: one document, one spelling, in Python and TypeScript byte for byte.

A subset of RFC 8785 in which every writer agrees by construction: UTF-8, sorted ASCII keys, integers within ±(2^53−1),
no floats, no duplicate keys, no NUL, no lone surrogates, depth at most 16. Canonical or refused: nothing is repaired.
"""

import re
from typing import Any, Final, cast

import orjson

from domain.values import INTEGER_MAX
from sync.limits import DEPTH_MAX

Json = None | bool | int | str | list["Json"] | dict[str, "Json"]
"""A document of the profile; floats are not in it."""

_KEY: Final = re.compile(r"[a-z][a-z0-9_]{0,63}\Z")
_ESCAPED_NUL: Final = b"\\u0000"
_NO_TEXT: Final = re.compile("[\x00\ud800-\udfff]")
"""NUL, which PostgreSQL keeps in no text, and halves of surrogate pairs, which UTF-8 has no bytes for."""


class NotCanonical(ValueError):  # the code is the name people see
    """The bytes are not a document of the profile.

    `code` is one of not_json, not_canonical, bad_number, bad_key, bad_text, too_deep; `detail` says where and what.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


def dumps(document: Json) -> bytes:
    """The canonical bytes of a document of the profile; the caller answers for keys, numbers and depth.

    Raises NotCanonical for a text that has no bytes or that nobody would take: one with NUL or half a surrogate pair.
    """
    try:
        raw = orjson.dumps(document, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:
        check_values(document)
        raise
    if _ESCAPED_NUL in raw:
        check_values(document)
    return raw


def loads(raw: bytes) -> Json:
    """The document that these bytes spell canonically; raises NotCanonical and says why."""
    document: Json = loads_if_spelled_canonically(raw)
    check_values(document)
    return document


def loads_if_spelled_canonically(raw: bytes) -> Any:
    """Parse, and refuse every spelling but the canonical one; raises NotCanonical.

    What is left to the caller is what spelling cannot show: floats, large integers, key names and depth. A closed
    schema rules those out in passing, which is why the hot path uses this and `loads` is for everything else.
    """
    try:
        document = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise NotCanonical("not_json", f"{error.msg} at byte {error.pos}") from None
    try:
        spelled = orjson.dumps(document, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError as error:  # nested deeper than the writer goes
        raise NotCanonical("too_deep", str(error)) from None
    if spelled != raw:
        raise _why(raw, document, spelled)
    if _ESCAPED_NUL in raw:
        check_values(document)
    return document


def _why(raw: bytes, document: Any, spelled: bytes) -> NotCanonical:
    try:
        check_values(document)
    except NotCanonical as more_telling:
        return more_telling
    shorter = min(len(raw), len(spelled))
    at = next((i for i in range(shorter) if raw[i] != spelled[i]), shorter)
    return NotCanonical(
        "not_canonical",
        f"differs from the canonical spelling at byte {at}: keys must be sorted and unique, without white space",
    )


def check_values(document: Any) -> None:
    """Refuse what spelling alone does not show: floats, large integers, keys, depth, NUL; raises NotCanonical."""
    waiting: list[tuple[Any, int, str]] = [(document, 1, "")]
    while waiting:
        value, depth, where = waiting.pop()
        match value:
            case None | bool():
                pass
            case str():
                if _NO_TEXT.search(value):
                    raise NotCanonical("bad_text", f"{where or '/'} holds a NUL character or half a surrogate pair")
            case int():
                if not -INTEGER_MAX <= value <= INTEGER_MAX:
                    raise NotCanonical("bad_number", f"{where or '/'} is outside ±(2^53−1)")
            case list() | dict():
                branch = cast("list[Any] | dict[str, Any]", value)
                if depth > DEPTH_MAX:
                    raise NotCanonical("too_deep", f"nested deeper than {DEPTH_MAX} levels")
                waiting += _children(branch, depth, where)
            case _:
                raise NotCanonical("bad_number", f"{where or '/'} is not an integer; write decimals as text")


def _children(value: list[Any] | dict[str, Any], depth: int, where: str) -> list[tuple[Any, int, str]]:
    if isinstance(value, list):
        return [(each, depth + 1, f"{where}/{i}") for i, each in enumerate(value)]
    for key in value:
        if not _KEY.match(key):
            raise NotCanonical("bad_key", f"{where}/{key[:64]!r} is not a key: they match [a-z][a-z0-9_]{{0,63}}")
    return [(each, depth + 1, f"{where}/{key}") for key, each in value.items()]
