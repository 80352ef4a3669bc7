"""What the office says is stored where it belongs; the first time that it says something, its replica is minted."""

from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

from api.services import Services
from sync.log import ReplicaTaken, TenantId
from sync.office import OFFICE, OfficeUnknown, office_of

Answer = TypeVar("Answer")


def with_office(tenant: TenantId, services: Services, append: Callable[[], Answer]) -> Answer:
    """The answer of an append in which the office may have to say something."""
    try:
        return append()
    except OfficeUnknown:
        office = office_of(tenant)
        services.accounts.add_person(tenant, person=office.person, name=OFFICE, role="integration")
        with suppress(ReplicaTaken):  # by another push, meanwhile
            services.log.mint(
                tenant, replica=office.replica, person=office.person, name=OFFICE, now_ms=services.now_ms()
            )
        return append()
