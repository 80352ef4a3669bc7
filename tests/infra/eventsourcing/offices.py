"""The library's suites are unittest classes, which take no parameters: here each gets a subclass for every office."""

import sys
from typing import Any, TypeVar

Suite = TypeVar("Suite", bound=type[Any])

MEMORY = "memory"
EMBEDDED = "embedded"
INSTALLED = "installed"
OFFICES = (MEMORY, EMBEDDED, INSTALLED)


def in_every_office(suite: Suite) -> Suite:
    """Replaces a suite by one subclass for each office, told apart by `kind_of_office`; see `conftest.office_env`."""
    module = sys.modules[suite.__module__]
    for office in OFFICES:
        name = f"{suite.__name__}{office.capitalize()}"
        members = {"kind_of_office": office, "__module__": suite.__module__, "__qualname__": name}
        setattr(module, name, type(name, (suite,), members))
    suite.__test__ = False
    for office in OFFICES:
        getattr(module, f"{suite.__name__}{office.capitalize()}").__test__ = True
    return suite
