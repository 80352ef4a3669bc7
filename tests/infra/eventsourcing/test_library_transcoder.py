"""The library's suite of transcoders, unmodified, over ours; and what ours refuses instead of losing it."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from eventsourcing.persistence import DatetimeAsISO, DecimalAsStr, JSONTranscoder, Transcoder, Transcoding, UUIDAsHex
from eventsourcing.tests import persistence as theirs

from infra.eventsourcing.transcoder import OrjsonTranscoder


class OfMydict(Transcoding):
    type = theirs.Mydict
    name = "mydict"

    def encode(self, obj: theirs.Mydict[Any, Any]) -> dict[Any, Any]:
        return dict(obj)

    def decode(self, data: dict[Any, Any]) -> theirs.Mydict[Any, Any]:
        return theirs.Mydict(data)


class OfMyList(Transcoding):
    type = theirs.MyList
    name = "mylist"

    def encode(self, obj: theirs.MyList[Any]) -> list[Any]:
        return list(obj)

    def decode(self, data: list[Any]) -> theirs.MyList[Any]:
        return theirs.MyList(data)


class OfMyStr(Transcoding):
    type = theirs.MyStr
    name = "mystr"

    def encode(self, obj: theirs.MyStr) -> str:
        return str.__str__(obj)

    def decode(self, data: str) -> theirs.MyStr:
        return theirs.MyStr(data)


class OfMyInt(Transcoding):
    type = theirs.MyInt
    name = "myint"

    def encode(self, obj: theirs.MyInt) -> int:
        return int(obj)

    def decode(self, data: int) -> theirs.MyInt:
        return theirs.MyInt(data)


class TestOrjsonTranscoder(theirs.TranscoderTestCase):
    def construct_transcoder(self) -> Transcoder:
        transcoder = OrjsonTranscoder()
        for transcoding in (
            *(theirs.CustomType1AsDict(), theirs.CustomType2AsDict(), UUIDAsHex()),
            *(OfMydict(), OfMyList(), OfMyStr(), OfMyInt()),
        ):
            transcoder.register(transcoding)
        return transcoder


def registered(transcoder: JSONTranscoder) -> JSONTranscoder:
    for transcoding in (UUIDAsHex(), DecimalAsStr(), DatetimeAsISO()):
        transcoder.register(transcoding)
    return transcoder


STATE = {
    "timestamp": datetime(2026, 5, 4, 3, 2, 1, 7, tzinfo=UTC),
    "owner": uuid4(),
    "amounts": [Decimal("10.00"), 2**53, -1, 0.25, None, True],
    "names": {"first": "Ærøskøbing", "nested": {"_type_": "not wrapped"}},
}


def test_what_the_librarys_transcoder_wrote_is_read_and_the_other_way_round() -> None:
    ours, stock = registered(OrjsonTranscoder()), registered(JSONTranscoder())
    assert ours.encode(STATE) == stock.encode(STATE)
    assert ours.decode(stock.encode(STATE)) == stock.decode(ours.encode(STATE)) == STATE


@pytest.mark.parametrize(
    "lost",
    [
        *(float("nan"), float("inf"), 2**64, -(2**63) - 1, "\ud800", {1: "a"}, {"_type_": "a", "_data_": "b"}),
        *({"deep": [float("-inf")]}, UUID(int=0), datetime(2026, 1, 1, tzinfo=UTC), b"bytes", {"a"}),
    ],
    ids=repr,
)
def test_what_would_come_back_as_something_else_is_refused(lost: Any) -> None:
    with pytest.raises(TypeError):
        OrjsonTranscoder().encode(lost)
