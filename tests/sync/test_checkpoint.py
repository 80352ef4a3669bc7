"""Checkpoints and keys are written and read as C2SP says, and nothing else is."""

from typing import Final

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from infra.ed25519 import verify
from sync.checkpoint import Checkpoint, NoteUnreadable, Origin, VerifierKey, read_key, read_note, signed

ORIGIN: Final = Origin("00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002")
KEY: Final = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER: Final = Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
PUBLIC: Final = KEY.public_key().public_bytes_raw()
OTHERS: Final = OTHER.public_key().public_bytes_raw()
CHECKPOINT: Final = Checkpoint(ORIGIN, 1234, bytes(range(32)))
NOTE: Final = """\
cairnfield/t/00000000-0000-4000-8000-000000000001/e/00000000-0000-4000-8000-000000000002
1234
AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=

— cairnfield/t/00000000-0000-4000-8000-000000000001/e/00000000-0000-4000-8000-000000000002 """


def note_of(checkpoint: Checkpoint = CHECKPOINT, *keys: Ed25519PrivateKey) -> bytes:
    return signed(
        checkpoint,
        [(key.public_key().public_bytes_raw(), key.sign(checkpoint.body())) for key in keys or (KEY,)],
    )


def test_a_note_is_spelled_as_the_specification_says() -> None:
    raw = note_of()
    assert raw.decode().startswith(NOTE)
    assert raw.endswith(b"\n")
    note = read_note(raw)
    assert note.checkpoint == CHECKPOINT
    assert note.signed_by([PUBLIC, OTHERS], verify) == [PUBLIC]


def test_a_note_may_bear_several_signatures_and_those_of_others() -> None:
    both = note_of(CHECKPOINT, OTHER, KEY)
    assert read_note(both).signed_by([PUBLIC, OTHERS], verify) == [PUBLIC, OTHERS]
    cosigned = both + "— witness.example/w1 AAAAAAAAAAA=\n".encode()
    assert read_note(cosigned).signed_by([PUBLIC], verify) == [PUBLIC]


def test_nothing_of_a_note_can_be_changed_under_its_signature() -> None:
    raw = note_of()
    end = raw.index(b"\n\n")
    for place in range(len(raw)):
        for bit in range(8):
            spoiled = bytes([*raw[:place], raw[place] ^ 1 << bit, *raw[place + 1 :]])
            try:
                note = read_note(spoiled)
            except NoteUnreadable:
                continue
            assert note.signed_by([PUBLIC], verify) == [], (place, bit, place < end)


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_what_is_no_note_is_refused_and_nothing_else_happens(raw: bytes) -> None:
    with pytest.raises(NoteUnreadable):
        read_note(raw)


@pytest.mark.parametrize(
    "spoiled",
    [
        NOTE.replace("1234", "01234") + "AAAA",
        NOTE.replace("1234", "-1") + "AAAA",
        NOTE.replace("1234", "9" * 17) + "AAAA",
        NOTE.replace("/t/", "/x/") + "AAAA",
        NOTE.replace("HR4=", "") + "AAAA",
        NOTE.partition("\n\n")[0],
        NOTE.partition("\n\n")[0] + "\n\n",
        note_of().decode().removesuffix("\n"),
        note_of().decode() + "\n",
        note_of().decode() * 2,
        note_of().decode() + "x" * 20_000,
        note_of().decode() + "— a AAAAAAA=\n" * 40,
    ],
)
def test_notes_that_are_nearly_right_are_refused(spoiled: str) -> None:
    with pytest.raises(NoteUnreadable):
        read_note(spoiled.encode())


def test_a_key_is_named_by_its_origin_and_read_back() -> None:
    key = VerifierKey(ORIGIN, PUBLIC)
    assert read_key(str(key)) == key
    assert str(key).split("+")[0] == str(ORIGIN)
    assert VerifierKey(ORIGIN._replace(epoch=ORIGIN.tenant), PUBLIC).id != key.id
    for spoiled in (str(key)[:-1], str(key).replace("+", "-"), str(key).replace("cairnfield", "x"), "", "+", "a+b+c"):
        with pytest.raises(NoteUnreadable):
            read_key(spoiled)
    name, _, raw = str(key).split("+", 2)
    with pytest.raises(NoteUnreadable):
        read_key(f"{name}+00000000+{raw}")


def test_a_note_or_a_key_of_the_audit_is_never_taken_for_one_of_the_log() -> None:
    of_audit = CHECKPOINT._replace(origin=ORIGIN._replace(stream="audit"))
    raw = note_of(of_audit)
    assert raw.decode().partition("\n")[0] == f"{ORIGIN}/audit"
    with pytest.raises(NoteUnreadable, match="of the audit, and not of the events"):
        read_note(raw)
    with pytest.raises(NoteUnreadable, match="of the events, and not of the audit"):
        read_note(note_of(), "audit")
    assert read_note(raw, "audit") == read_note(raw, None)
    assert read_note(raw, "audit").checkpoint == of_audit
    key = VerifierKey(of_audit.origin, PUBLIC)
    assert read_key(str(key)) == key
    assert key.id != VerifierKey(ORIGIN, PUBLIC).id
    forged = raw.replace(b"/audit", b"")
    assert read_note(forged).signed_by([PUBLIC], verify) == [], "no signature for the one is one for the other"
    with pytest.raises(NoteUnreadable):
        read_note(raw.replace(b"/audit", b"/audits"), None)
