"""The state of the library's events as JSON, written and read by orjson.

What JSON has no word for is wrapped as the library wraps it, {"_type_": name, "_data_": value}, so that what the
library's own `JSONTranscoder` wrote can be read and the other way round.
"""

import math
from typing import Any, Final, cast

import orjson
from eventsourcing.persistence import JSONTranscoder, Transcoding, TranscodingNotRegisteredError

_TYPE: Final = "_type_"
_DATA: Final = "_data_"
_WRAPPED: Final = b'"_type_"'
_AS_THEY_ARE: Final = frozenset({str, int, bool, type(None)})


class TupleAsList(Transcoding):
    """A tuple, which JSON would turn into a list for good."""

    type = tuple
    name = "tuple_as_list"

    def encode(self, obj: tuple[Any, ...]) -> list[Any]:
        """The elements."""
        return list(obj)

    def decode(self, data: list[Any]) -> tuple[Any, ...]:
        """The tuple of these elements."""
        return tuple(data)


class OrjsonTranscoder(JSONTranscoder):
    """Turns plain values, and those that a registered `Transcoding` makes plain, into bytes and back.

    Exact types count: a subclass of `dict` or `str` is what it is only by a transcoding of its own.
    Raises TypeError (the library's TranscodingNotRegisteredError) for a type that nobody registered, and for what JSON
    cannot keep: NaN and infinities, integers beyond 64 bits, lone surrogates, keys that are not text.
    """

    def __init__(self) -> None:
        super().__init__()
        self.register(TupleAsList())

    def encode(self, obj: Any) -> bytes:
        """The value as UTF-8 JSON without white space."""
        return orjson.dumps(self._plain(obj), option=orjson.OPT_PASSTHROUGH_SUBCLASS)

    def decode(self, data: bytes) -> Any:
        """The value that `encode` was given."""
        value = orjson.loads(data)
        # Nobody escapes a letter or an underscore, so these bytes are there if anything is wrapped.
        return self._unwrapped(value) if _WRAPPED in data else value

    def _plain(self, value: Any) -> Any:
        # Walked here, because orjson writes tuples, UUIDs and times in its own way and calls no hook for them.
        kind = cast(type[object], type(value))
        if kind in _AS_THEY_ARE:
            return value
        if kind is dict:
            if len(value) == 2 and _TYPE in value and _DATA in value:
                raise TypeError(f"{value!r} would be read back as something wrapped; name its keys otherwise")
            return {key: self._plain(each) for key, each in value.items()}
        if kind is list:
            return [self._plain(each) for each in value]
        if kind is float:
            if not math.isfinite(value):
                raise TypeError(f"{value!r} has no spelling in JSON, which would keep it as null")
            return value
        wrapped = self._encode_obj(value)
        return {_TYPE: wrapped[_TYPE], _DATA: self._plain(wrapped[_DATA])}

    def _unwrapped(self, value: Any) -> Any:
        kind = cast(type[object], type(value))
        if kind is dict:
            return self._decode_obj({key: self._unwrapped(each) for key, each in value.items()})
        if kind is list:
            return [self._unwrapped(each) for each in value]
        return value


__all__ = ["OrjsonTranscoder", "TranscodingNotRegisteredError", "TupleAsList"]
