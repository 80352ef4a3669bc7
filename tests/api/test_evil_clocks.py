"""Whatever stands where a clock belongs: it is set aside or refused whole, never believed, and blocks nobody."""

from collections.abc import Callable
from typing import Final

import pytest

from tests.api.conftest import MakeOffice
from tests.api.office import Office, problem
from tests.devices import CREATED, Device, new_id, replica_named

TOO_LARGE: Final = (2**53, 2**53 + 1, 2**62, 2**63 - 1, 2**63, 2**64 - 1, 2**64, 2**64 + 1, 2**70, 2**128, 10**400)
EVIL: Final = (
    *(str(number).encode() for number in (-1, *TOO_LARGE, *(-each for each in TOO_LARGE))),
    *(b"-0", b"0.0", b"-0.0", b"1.0", b"1.5", b"0.1", b"1e0", b"1e2", b"1E2", b"1e+2", b"1e-2", b"1e308", b"4.9e-324"),
    *(b"1e400", b"-1e400", b"1e99999999999", b"9007199254740991.0", b"9007199254740992.0", b"1.7976931348623157e308"),
    *(b"NaN", b"-NaN", b"nan", b"Infinity", b"-Infinity", b"inf", b"undefined", b"None"),
    *(b"00", b"01", b"+1", b"0x10", b"0b1", b"0o7", b"1_000", b".5", b"1.", b"1e", b"1 000", b"1,5", b"1n", b"--1"),
    *("٣".encode(), "１".encode(), "²".encode(), b"\xff", b"\x00"),  # digits, to somebody
    *(b'"1"', b'""', b'" 1"', b'"-1"', b'"9007199254740992"', b'"NaN"', b'"\\u0031"', '"１"'.encode()),
    *(b"null", b"true", b"false", b"[]", b"[1]", b"[[1]]", b"{}", b'{"a":1}', b""),
)
"""What a number may be said as that is none, or none that counts."""
OTHER: Final = replica_named("ben")
SLOTS: Final[dict[str, Callable[[Device], tuple[bytes, bytes]]]] = {
    "what another replica has told": lambda _: (b'"clock":{}', b'"clock":{"%b":%%b}' % OTHER.encode()),
    "what nobody has told": lambda _: (b'"clock":{}', b'"clock":{"%b":%%b}' % replica_named("nobody").encode()),
    "what it has told itself": lambda device: (b'"clock":{}', b'"clock":{"%b":%%b}' % device.replica.encode()),
    "one entry of several": lambda device: (
        b'"clock":{}',
        b'"clock":{%b}' % b",".join(sorted((b'"%b":1' % device.replica.encode(), b'"%b":%%b' % OTHER.encode()))),
    ),
    "the clock itself": lambda _: (b'"clock":{}', b'"clock":%b'),
    "when it was written": lambda device: (b'"at":"%b"' % device.author.at.encode(), b'"at":%b'),
    "what it had pulled": lambda _: (b'"seen":0', b'"seen":%b'),
}
GOOD_ENOUGH: Final = {("the clock itself", b"{}"), ("when it was written", b'"9007199254740992"')}
"""Nobody was seen; and sixteen hexadecimal digits."""


def spoilt(device: Device, slot: str, evil: bytes) -> bytes:
    raw = device.create("customer", new_id())
    before, after = SLOTS[slot](device)
    assert raw.count(before) == 1, (raw, before)
    return device.respelled(raw.replace(before, after.replace(b"%b", evil)))


@pytest.mark.parametrize("slot", SLOTS)
def test_a7_no_evil_number_in_any_slot_of_a_clock_is_believed(office: Office, slot: str) -> None:
    assert len(set(EVIL)) > 70
    device, _ = office.device("ada"), office.device("ben", "supervisor")
    for evil in EVIL:
        if (slot, evil) in GOOD_ENOUGH:
            continue
        standing, author = office.standing(device), device.author
        answer = office.push(spoilt(device, slot, evil))
        if answer.status_code == 200:
            (verdict,) = answer.json()["verdicts"]
            assert verdict["verdict"] == "quarantined", (evil, verdict)
            assert verdict["code"] in {"bad_clock", "bad_number", "bad_key", "not_canonical", "not_json"}, verdict
        else:  # JSON to no reader, so that nobody knows whose it is
            problem(answer, 422, "unreadable-body")
            assert office.standing(device) == standing
            device.author = author
        office.still_works(device)


@pytest.mark.parametrize("evil", EVIL, ids=repr)
def test_a7_an_evil_number_of_its_own_has_no_verdict_and_nothing_is_stored(office: Office, evil: bytes) -> None:
    device = office.device("ada")
    standing, author = office.standing(device), device.author
    raw = device.create("customer", new_id()).replace(b'"seq":1', b'"seq":%b' % evil)
    problem(office.push(raw), 422, "unreadable-body")
    assert office.standing(device) == standing
    device.author = author
    office.still_works(device)


def spelled(number: int) -> str:
    """A number in three letters."""
    return "".join(chr(97 + number // 26**place % 26) for place in range(3))


def test_a9_a_thousand_clocks_that_name_what_another_company_has_are_answered_like_those_that_name_nothing(
    offices: MakeOffice,
) -> None:
    """Byte for byte, but for the name that was asked for."""
    ours, theirs = offices(), offices()
    names = [f"their{spelled(number)}" for number in range(1_000)]
    for number, name in enumerate(names[::2]):
        device = theirs.device(name)
        if number % 10 == 0:  # the others are known and have told nothing
            assert theirs.verdicts(device.create("site", new_id()))[0]["verdict"] == "accepted"
    answers = set[str]()
    for number, name in enumerate(names):
        device, named = ours.device(f"our{spelled(number)}"), replica_named(name)
        response = ours.push(device.tell("site", new_id(), "Created", CREATED["site"], clock={named: 1}))
        (verdict,) = response.json()["verdicts"]
        assert (verdict["verdict"], verdict["missing"]) == ("held", [[named, 1]])
        answers.add(response.text.replace(named, "NAME").replace(verdict["id"], "ID"))
    assert len(answers) == 1
