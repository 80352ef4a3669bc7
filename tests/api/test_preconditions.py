"""Entity tags as RFC 9110 spells them, and nothing that only looks like them."""

import pytest
from fastapi.exceptions import RequestValidationError

from api.preconditions import versions_in


@pytest.mark.parametrize(
    ("told", "versions"),
    [
        (None, None),
        ("*", None),
        ('"3"', {3}),
        ('"3", "4"', {3, 4}),
        ('"3","4"', {3, 4}),
        ('W/"3"', set[int]()),
        ('W/"3", "4"', {4}),
        ('"three"', set[int]()),
        ('""', set[int]()),
        ('"1234567890123456"', set[int]()),
    ],
)
def test_versions_are_those_of_strong_tags(told: str | None, versions: set[int] | None) -> None:
    assert versions_in(told) == versions


@pytest.mark.parametrize("told", ["", "3", '"3', '3"', '"3" "4"', '"3",', "w/3", '*, "3"', '"é"', '"3"\n'])
def test_what_is_no_list_of_tags_is_no_version(told: str) -> None:
    with pytest.raises(RequestValidationError):
        versions_in(told)
