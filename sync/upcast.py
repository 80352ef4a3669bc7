"""What an old event said, in today's words: pure, and total on every JSON object.

Nothing is judged here. What the steps cannot place stays where it is, and the check of today's version, which comes
after them, refuses it by name.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, assert_never, cast

from domain.upcasts import Drop, Fill, Rename, Step, Translate
from sync.canonical import Json

_Object = dict[str, Json]


def upcast(data: dict[str, Any], steps: Iterable[Step]) -> dict[str, Any]:
    """The data of an older version as the version after `steps` would say it; `data` itself is not touched."""
    for step in steps:
        data = _stepped(data, step)
    return data


def _stepped(data: _Object, step: Step) -> _Object:
    *way, last = step.path.split(".")
    return cast("_Object", _changed(data, way, lambda held: _member_changed(held, last, step)))


def _changed(value: Json, way: Sequence[str], change: Callable[[_Object], _Object]) -> Json:
    """The value with every object at the end of the way changed."""
    match value:
        case list():
            return [_changed(each, way, change) for each in value]
        case dict() if not way:
            return change(value)
        case dict() if way[0] in value:
            return {**value, way[0]: _changed(value[way[0]], way[1:], change)}
        case _:
            return value


def _member_changed(held: _Object, name: str, step: Step) -> _Object:
    match step:
        case Rename(name=now):
            # Where both are said there is no telling which was meant: both stay, and the check will refuse the old one.
            clear = name in held and now not in held
            return {now if each == name else each: value for each, value in held.items()} if clear else held
        case Fill(value=value):
            return held if name in held else {**held, name: value}
        case Drop():
            return {each: value for each, value in held.items() if each != name}
        case Translate(words=words):
            said = held.get(name)
            return {**held, name: words[said]} if isinstance(said, str) and said in words else held
    assert_never(step)
