"""Every conversion, with what it takes, what it leaves and what it sets aside."""

from collections.abc import Callable
from datetime import UTC
from typing import Any

import pytest
from pydantic import TypeAdapter

from commands.legacy import conversions as to
from commands.legacy.reading import Conversion, Known, Reading, SetAside, Undecodable, Value, key_of
from domain.values import Decimal
from sync.payload import checked

READING = Reading(zone=UTC, zone_name="UTC", now_ms=1_700_000_000_000)
CUT = "is longer than"


def reason(convert: Conversion, value: Value, reading: Reading = READING) -> tuple[str, Any]:
    with pytest.raises(SetAside) as why:
        convert(value, reading)
    return why.value.reason, why.value.instead


@pytest.mark.parametrize(
    "value", ["二楼 no access", "Łukasz", "✔", "Schlüssel beim Nachbarn", "  two  spaces ", "a\u0080b"]
)
def test_text_survives_exactly(value: str) -> None:
    assert to.text(value, READING) == value


@pytest.mark.parametrize("convert", [to.text, to.line, to.word])
@pytest.mark.parametrize("value", [None, "", "   ", "\n"])
def test_a_blank_says_nothing(convert: Conversion, value: Value) -> None:
    assert convert(value, READING) is None


def test_a_name_loses_the_spaces_around_it_and_keeps_those_within() -> None:
    assert to.line("  Ada  Díaz ", READING) == "Ada  Díaz"
    assert to.line("two\r\nlines", READING) == "two lines"


def test_a_nul_is_shown_in_its_place() -> None:
    assert reason(to.text, "text with a\x00NUL byte") == (
        "holds a NUL character; kept with ␀ in its place",
        "text with a␀NUL byte",
    )


@pytest.mark.parametrize(
    ("value", "why"), [(Undecodable(b"\xc3(\xff"), "is not UTF-8"), (b"text", "is a blob where text belongs")]
)
def test_bytes_are_not_guessed_to_be_text(value: Value, why: str) -> None:
    assert reason(to.text, value) == (why, None)


@pytest.mark.parametrize(("convert", "most"), [(to.text, 8_000), (to.line, 200), (to.word, 64)])
def test_what_is_too_long_is_cut_and_reported(convert: Conversion, most: int) -> None:
    assert convert("x" * most, READING) == "x" * most
    why, instead = reason(convert, "x" * (most + 1))
    assert why.startswith(CUT)
    assert instead == "x" * most


@pytest.mark.parametrize(
    ("value", "found"), [("NYPD,QUEENS", ["NYPD", "QUEENS"]), (" b , a,,b", ["a", "b"]), (",", None), (None, None)]
)
def test_tags_stand_between_commas_each_once(value: Value, found: list[str] | None) -> None:
    assert to.words(value, READING) == found


def test_a_tag_that_is_too_long_leaves_the_others() -> None:
    assert reason(to.words, "short," + "x" * 65) == ("a tag is longer than 64 characters", ["short"])


@pytest.mark.parametrize(
    ("value", "country", "found"),
    [
        ("(212) 555-0142", "1", "+12125550142"),
        ("1-212-555-0142", "1", "+12125550142"),
        ("212.555.0142", "1", "+12125550142"),
        (2125550142, "1", "+12125550142"),
        ("+44 20 7946 0018", "1", "+442079460018"),
        ("0044 20 7946 0018", "1", "+442079460018"),
        ("030 1234567", "49", "+49301234567"),
        ("", "1", None),
        (None, "1", None),
    ],
)
def test_a_telephone_number_becomes_e164(value: Value, country: str, found: str | None) -> None:
    reading = Reading(zone=UTC, zone_name="UTC", now_ms=0, phone_country=country)
    assert to.phone(value, reading) == found


@pytest.mark.parametrize(
    "value", ["call me", "555-0142", "(212) 555-0142 ext. 7", "+1 212", "١٢٣٤٥٦٧٨٩٠", "+" + "1" * 20]
)
def test_what_is_no_telephone_number_is_set_aside(value: str) -> None:
    assert reason(to.phone, value)[1] is None


def test_an_address_of_mail_is_known_by_its_shape() -> None:
    assert to.email(" c1@example.org ", READING) == "c1@example.org"
    assert reason(to.email, "not an address") == ("is not an e-mail address", None)


@pytest.mark.parametrize(("value", "found"), [("EN", "en"), ("en", "en"), ("pt_br", "pt-BR"), (None, None)])
def test_a_language_is_a_tag(value: Value, found: str | None) -> None:
    assert to.language(value, READING) == found


def test_a_language_by_its_name_is_set_aside() -> None:
    assert reason(to.language, "English") == ("is not a language tag", None)


@pytest.mark.parametrize(
    ("value", "country", "found"),
    [(10031, "1", "10031"), (7302, "1", "07302"), ("10031-1234", "1", "10031-1234"), (7302, "49", "7302")],
)
def test_a_postcode_gets_back_the_zeros_that_a_number_lost(value: Value, country: str, found: str) -> None:
    assert to.postcode(value, Reading(zone=UTC, zone_name="UTC", now_ms=0, phone_country=country)) == found


@pytest.mark.parametrize(
    ("value", "found"), [(0, False), (1, True), ("1", True), ("no", False), (None, None), ("", None)]
)
def test_switches_are_0_and_1(value: Value, found: bool | None) -> None:
    assert to.yes_or_no(value, READING) is found


def test_a_switch_between_yes_and_no_is_set_aside() -> None:
    assert reason(to.yes_or_no, 2) == ("is neither yes nor no", None)


@pytest.mark.parametrize(("value", "found"), [(1, ["sms"]), (0, None), (None, None)])
def test_who_wants_no_sms_has_opted_out_of_it(value: Value, found: list[str] | None) -> None:
    assert to.no_sms(value, READING) == found


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("14,90", "14.9"),
        ("38.50", "38.5"),
        (38.5, "38.5"),
        (1.2, "1.2"),
        (0.1 + 0.7, "0.8"),
        (11, "11"),
        ("3", "3"),
        (-1, "-1"),
        (0.5, "0.5"),
        (0, "0"),
        ("-0", "0"),
        ("0,50", "0.5"),
        (1e-6, "0.000001"),
        ("1e3", "1000"),
        (None, None),
    ],
)
def test_an_amount_is_a_decimal_of_ours(value: Value, found: str | None) -> None:
    try:
        told = to.amount(value, READING)
    except SetAside as why:
        told = why.instead
    assert told == found
    if told is not None:
        is_a(Decimal)(told)


@pytest.mark.parametrize("value", ["1.234", "1,234", "12.345.678"])
def test_a_number_that_may_mean_thousands_is_not_guessed(value: str) -> None:
    assert reason(to.amount, value) == ("may mean thousands or a fraction", None)


@pytest.mark.parametrize("value", ["a dozen", "1,2,3", "NaN", "Infinity", 1e300, 10**9, float("inf")])
def test_what_is_no_amount_is_set_aside(value: Value) -> None:
    assert reason(to.amount, value)[1] is None


def test_degrees_are_whole_units_of_a_centimetre() -> None:
    assert to.latitude(40.690092327843345, READING) == 406_900_923
    assert to.longitude("-73,84642755940943", READING) == -738_464_276
    assert to.longitude(-180.0, READING) == -1_800_000_000


@pytest.mark.parametrize(
    ("convert", "value"), [(to.latitude, 412.5), (to.latitude, 90.1), (to.longitude, -181), (to.latitude, "N 40")]
)
def test_a_place_that_is_not_on_earth_is_set_aside(convert: Conversion, value: Value) -> None:
    assert reason(convert, value)[1] is None


def test_words_are_looked_up_whatever_their_case() -> None:
    convert = to.one_of({"in progress": "in_progress"}, otherwise="open")
    assert convert(" In_Progress ", READING) == "in_progress"
    assert reason(convert, "7") == ("is not a word we know", "open")


def test_a_reference_is_the_entity_that_the_row_became() -> None:
    reading = Reading(
        zone=UTC, zone_name="UTC", now_ms=0, rows={("jobs", 7): Known(entity="e7", ms=0), ("jobs", 8): None}
    )
    convert = to.refers_to("jobs", "job")
    assert [convert(value, reading) for value in (7, "7", 7.0, None)] == ["e7", "e7", "e7", None]
    assert reason(convert, 8, reading) == ("job 8 was set aside", None)
    assert reason(convert, 9, reading) == ("job 9 is not in jobs", None)


@pytest.mark.parametrize(
    ("value", "key"),
    [(7, 7), ("7", 7), (7.0, 7), (" LMP-70 ", "LMP-70"), ("007", "007"), ("", None), (None, None), (b"\x01", "x'01'")],
)
def test_a_key_is_the_same_however_it_is_written(value: Value, key: int | str | None) -> None:
    assert key_of(value) == key


def test_bytes_are_named_by_their_hash() -> None:
    assert reason(to.sha256, b"") == ("is empty", None)
    assert to.size(b"\xff\xd8\xff", READING) == 3
    assert reason(to.sha256, "IMG_0001") == ("is text where a blob belongs", None)


def test_a_media_type_that_is_none_is_bytes() -> None:
    assert to.media_type("IMAGE/JPEG", READING) == "image/jpeg"
    assert reason(to.media_type, "jpg")[1] == reason(to.media_type, None)[1] == "application/octet-stream"


def is_a(declared: Any) -> Callable[[Any], Any]:
    return TypeAdapter(checked(declared)).validate_python
