"""Which tenants a command is about: the one that is named, or all of them."""

from collections.abc import Sequence

from cairnfield.failure import CannotGoOn
from sync.log import TenantId

Named = tuple[TenantId, str]
"""A tenant's id and its name."""


def tenants_named(named: str | None, there: Sequence[Named]) -> Sequence[Named]:
    """The tenant of that id or name, all where none is named; raises CannotGoOn where it is not clear which."""
    if not there:
        raise CannotGoOn("There is no tenant in this database. Name another with DATABASE_URL or --data.")
    matching = [each for each in there if named is None or named in each]
    names = ", ".join(f"{name} ({tenant})" for tenant, name in there)
    if not matching:
        raise CannotGoOn(f"There is no tenant {named!r} here. There is: {names}.")
    if named is not None and len(matching) > 1:
        raise CannotGoOn(f"Several tenants are called {named!r}: say the id of one. There are: {names}.")
    return matching
