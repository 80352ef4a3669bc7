"""From SQLite's loose values to ours: each conversion returns a value, None for nothing said, or raises `SetAside`.

Nothing here guesses in silence: what cannot be read is set aside with a reason, and what is read with a doubt is set
aside with the value that stands in its place.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final, get_args

from commands.legacy.reading import Conversion, Reading, SetAside, Undecodable, Value, key_of
from domain.work_order import Kind

LINE_MAX: Final = 200
TEXT_MAX: Final = 8_000
WORD_MAX: Final = 64
_GROUP_OF_THREE: Final = re.compile(r"\d{1,3}([.,]\d{3})+\Z")


def text(value: Value, reading: Reading) -> str | None:
    """Free text as it is; a blank is nothing."""
    del reading
    return _at_most(TEXT_MAX, _readable(value))


def line(value: Value, reading: Reading) -> str | None:
    """One line: without the spaces around it, and spaces for line breaks within it."""
    del reading
    found = _readable(value)
    return _at_most(LINE_MAX, " ".join(found.split()) if found and "\n" in found else found and found.strip())


def word(value: Value, reading: Reading) -> str | None:
    """Something short that is compared, without the spaces around it."""
    del reading
    found = _readable(value)
    return _at_most(WORD_MAX, found and found.strip())


def words(value: Value, reading: Reading) -> list[str] | None:
    """Words between commas, each once."""
    del reading
    found = sorted({part.strip() for part in (_readable(value) or "").split(",")} - {""})
    kept = [each for each in found if len(each) <= WORD_MAX]
    if len(kept) < len(found):
        raise SetAside(f"a tag is longer than {WORD_MAX} characters", kept or None)
    return kept or None


def email(value: Value, reading: Reading) -> str | None:
    """An e-mail address by its shape."""
    found = line(value, reading)
    if found is None or re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", found):
        return found
    raise SetAside("is not an e-mail address")


def phone(value: Value, reading: Reading) -> str | None:
    """A telephone number in E.164 form; a national one gets the country of `--phone-country`."""
    found = line(value, reading)
    if found is None:
        return None
    if not re.fullmatch(r"[+(]?[0-9][0-9 ()./-]*", found):
        raise SetAside("is not a telephone number")
    digits = re.sub(r"[^0-9]", "", found)
    national = digits.removeprefix("00")
    if found.startswith("+") or national != digits:
        number = national
    elif reading.phone_country == "1":
        number = digits if len(digits) == 11 and digits.startswith("1") else f"1{digits}"
    else:
        number = reading.phone_country + digits.removeprefix("0")
    is_whole = len(number) == 11 if number.startswith("1") else 8 <= len(number) <= 15
    if not is_whole:
        raise SetAside("has not the digits of a telephone number")
    return f"+{number}"


def language(value: Value, reading: Reading) -> str | None:
    """A language tag in lower case, the region in upper case."""
    found = word(value, reading)
    if found is None:
        return None
    tongue, _, region = found.replace("_", "-").partition("-")
    tag = f"{tongue.lower()}-{region.upper()}" if region else tongue.lower()
    if re.fullmatch(r"[a-z]{2,3}(-[A-Z]{2})?", tag):
        return tag
    raise SetAside("is not a language tag")


def postcode(value: Value, reading: Reading) -> str | None:
    """A postcode as text; five digits in North America, where a numeric column has lost the zeros in front."""
    found = word(value, reading)
    if isinstance(value, int | float) and reading.phone_country == "1" and found is not None:
        found = found.removesuffix(".0").zfill(5)
    if found is not None and len(found) > 20:
        raise SetAside("is longer than a postcode")
    return found


def currency(value: Value, reading: Reading) -> str | None:
    """The three letters of a currency."""
    found = (word(value, reading) or "").upper()
    if re.fullmatch(r"[A-Z]{3}", found):
        return found
    raise SetAside("is not a currency of three letters")


def yes_or_no(value: Value, reading: Reading) -> bool | None:
    """0 and 1, also as text."""
    found = (word(value, reading) or "").lower()
    if found in ("", "null"):
        return None
    if found in ("1", "1.0", "true", "yes", "y", "t"):
        return True
    if found in ("0", "0.0", "false", "no", "n", "f"):
        return False
    raise SetAside("is neither yes nor no")


def no_sms(value: Value, reading: Reading) -> list[str] | None:
    """The channel that a customer does not want."""
    return ["sms"] if yes_or_no(value, reading) else None


def amount(value: Value, reading: Reading) -> str | None:
    """A decimal: a number, or a text with a point or a comma before the fraction."""
    found = word(value, reading)
    if found is None:
        return None
    if isinstance(value, str) and _GROUP_OF_THREE.match(found.lstrip("+-")):
        raise SetAside("may mean thousands or a fraction")
    try:
        exact = Decimal(found.replace(",", "."))
    except InvalidOperation:
        raise SetAside("is not a number") from None
    if not exact.is_finite() or abs(exact) >= 10**9:
        raise SetAside("is too large a number")
    rounded = round(exact, 6)
    if rounded != exact:
        raise SetAside("has more than six decimals", _decimal(rounded))
    return _decimal(exact)


def latitude(value: Value, reading: Reading) -> int | None:
    """Degrees north as whole units of 1e-7, about a centimetre."""
    return _degrees(value, reading, 90)


def longitude(value: Value, reading: Reading) -> int | None:
    """Degrees east as whole units of 1e-7."""
    return _degrees(value, reading, 180)


def _degrees(value: Value, reading: Reading, most: int) -> int | None:
    found = word(value, reading)
    if found is None:
        return None
    try:
        exact = Decimal(found.replace(",", "."))
    except InvalidOperation:
        raise SetAside("is not a number of degrees") from None
    if not exact.is_finite() or abs(exact) > most:
        raise SetAside(f"is no place on earth: degrees go to {most}")
    return round(exact * 10**7)


def number_as_text(value: Value, reading: Reading) -> str | None:
    """A number as the text it was; nothing for anything else."""
    found = word(value, reading)
    return found if found and re.fullmatch(r"-?[0-9]+", found) else None


def blob(value: Value, reading: Reading) -> bytes | None:
    """The bytes of a file, which must be a blob."""
    del reading
    if isinstance(value, bytes):
        if value:
            return value
        raise SetAside("is empty")
    if value is None:
        return None
    raise SetAside("is text where a blob belongs")


def sha256(value: Value, reading: Reading) -> str | None:
    """The hash that names the bytes in the blob store."""
    found = blob(value, reading)
    return hashlib.sha256(found).hexdigest() if found else None


def size(value: Value, reading: Reading) -> int | None:
    """How many bytes."""
    found = blob(value, reading)
    return len(found) if found else None


def media_type(value: Value, reading: Reading) -> str:
    """A media type in lower case."""
    found = word(value, reading)
    if found is None:
        raise SetAside("says no media type", "application/octet-stream")
    if re.fullmatch(r"[a-z]+/[a-z0-9.+-]{1,100}", found.lower()):
        return found.lower()
    raise SetAside("is not a media type", "application/octet-stream")


def kind_of_work(value: Value, reading: Reading) -> str:
    """One of our kinds where the word is one, otherwise `other`; the old application's own word is the title."""
    found = (word_or_none(value, reading) or "").lower()
    return found if found in get_args(Kind) else "other"


def word_or_none(value: Value, reading: Reading) -> str | None:
    """A word, or nothing where there is none to read."""
    try:
        return word(value, reading)
    except SetAside:
        return None


def one_of(
    words_of: Mapping[str, str], *, otherwise: str | None = None, doubt: str = "is not a word we know"
) -> Conversion:
    """A conversion by a table of words, whatever their case; `otherwise` stands in for a word that is not in it."""

    def convert(value: Value, reading: Reading) -> str | None:
        found = word(value, reading)
        if found is None:
            return None
        known = words_of.get(" ".join(found.lower().replace("_", " ").split()).removesuffix(".0"))
        if known is None:
            raise SetAside(doubt, otherwise)
        return known

    return convert


def refers_to(table: str, name: str) -> Conversion:
    """A conversion of another row's key into the id of the entity that it became."""

    def convert(value: Value, reading: Reading) -> str | None:
        key = key_of(value)
        if key is None:
            return None
        if (table, key) not in reading.rows:
            raise SetAside(f"{name} {key} is not in {table}")
        known = reading.rows[table, key]
        if known is None:
            raise SetAside(f"{name} {key} was set aside")
        return known.entity

    return convert


def about(convert: Conversion, become: Callable[[Any], Any], said: str) -> Conversion:
    """A conversion with something made of its result; `said` describes it in the mapping."""

    def converted(value: Value, reading: Reading) -> Any:
        found = convert(value, reading)
        return None if found is None else become(found)

    converted.__doc__ = said
    return converted


def _readable(value: Value) -> str | None:
    match value:
        case None:
            return None
        case Undecodable():
            raise SetAside("is not UTF-8")
        case bytes():
            raise SetAside("is a blob where text belongs")
        case int() | float():
            return str(value)
        case str() if "\x00" in value:
            raise SetAside("holds a NUL character; kept with ␀ in its place", value.replace("\x00", "␀"))
        case str():
            return value if value.strip() else None


def _at_most(length: int, found: str | None) -> str | None:
    if found and len(found) > length:
        raise SetAside(f"is longer than {length} characters; cut there", found[:length])
    return found or None


def _decimal(exact: Decimal) -> str:
    told = f"{exact:f}"
    told = told.rstrip("0").rstrip(".") if "." in told else told
    return "0" if told in ("-0", "") else told
