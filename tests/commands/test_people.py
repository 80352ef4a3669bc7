"""What will do as a password, and what is guessed first."""

import pytest

from commands.people import is_guessed_early

EMAIL, NAME = "imke.janssen@harbour.example", "Imke Janssen"


@pytest.mark.parametrize(
    "guessed",
    [
        *("password password", "Password12345678", "p@ssw0rdp@ssw0rd", "jennifer1234567890", "1234567890123456789"),
        *("qwertyuiopasdfghjkl", "1q2w3e4r5t6y7u8i9o", "abcdefghijklmnopqrst", "a" * 256, "4444444455555555"),
        *("liverpoolfootballclub", "cairnfield cairnfield", "imke janssen imke", "imke.janssen imke.janssen"),
        " " * 15,
    ],
)
def test_d10_what_has_leaked_or_is_guessed_first_is_no_password(guessed: str) -> None:
    assert is_guessed_early(guessed, email=EMAIL, name=NAME)


@pytest.mark.parametrize(
    "fresh",
    [
        *("four oars and a copper lamp", "vier Ruder und eine Lampe", "x8Jm-3kfq-99zP-aLq2"),
        *("шесть весел и фонарь", "a kettle that sings in the fog", "four oars and a copper lamp" * 9),
    ],
)
def test_a_few_words_in_any_language_will_do(fresh: str) -> None:
    assert not is_guessed_early(fresh, email=EMAIL, name=NAME)
