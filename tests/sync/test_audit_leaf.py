"""The leaf of an entry of the audit: canonical, with every column in it, and the same once what is personal is gone."""

from typing import Any, Final

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync.audit_leaf import SALT_BYTES, PlacedEntry, audit_leaf_of, said_of, seal

TENANT: Final = "00000000-0000-4000-8000-000000000001"
SALT: Final = bytes(range(SALT_BYTES))
ENTRY: Final = PlacedEntry(
    position=7,
    entry="01900000-0000-7000-8000-000000000002",
    at_us=1_767_261_600_000_000,
    kind="signed_in",
    person="00000000-0000-4000-8000-000000000003",
    actor=None,
    device="00000000-0000-4000-8000-000000000004",
    session=None,
    address="192.0.2.7",
    detail="by password",
    salt=SALT,
    sealed=None,
)


def erased(placed: PlacedEntry) -> PlacedEntry:
    return placed._replace(address=None, detail="", salt=None, sealed=said_of(placed))


@pytest.mark.parametrize("column", PlacedEntry._fields)
def test_every_column_is_in_the_leaf(column: str) -> None:
    value = getattr(ENTRY, column)
    other: Any = {int: 8, str: "x", bytes: bytes(SALT_BYTES), type(None): "x"}[type(value)]
    if column == "sealed":
        other = bytes(32)
    assert audit_leaf_of(TENANT, ENTRY._replace(**{column: other})) != audit_leaf_of(TENANT, ENTRY)
    assert audit_leaf_of(TENANT[:-1] + "2", ENTRY) != audit_leaf_of(TENANT, ENTRY)


@given(address=st.none() | st.text(), detail=st.text(), salt=st.binary(min_size=16, max_size=16))
def test_law_a_leaf_stays_what_it_was_when_what_is_personal_is_erased(
    address: str | None, detail: str, salt: bytes
) -> None:
    try:
        entry = ENTRY._replace(address=address, detail=detail, salt=salt)
        leaf = audit_leaf_of(TENANT, entry)
    except TypeError:
        return  # half of a surrogate pair, which no column can hold
    assert audit_leaf_of(TENANT, erased(entry)) == leaf
    assert orjson.dumps(orjson.loads(leaf), option=orjson.OPT_SORT_KEYS) == leaf


def test_whatever_stands_beside_a_hash_in_an_erased_entrys_stead_is_no_leaf_of_it() -> None:
    leaf = audit_leaf_of(TENANT, ENTRY)
    for change in ({"address": "192.0.2.7"}, {"detail": "x"}, {"salt": SALT}):
        assert audit_leaf_of(TENANT, erased(ENTRY)._replace(**change)) != leaf
    assert audit_leaf_of(TENANT, ENTRY._replace(salt=None)) != leaf
    assert seal(SALT, None, "null") != seal(SALT, "null", "null")
