"""What the framework gives to a route that names it: who speaks, and the ports of the application."""

from typing import Annotated

from fastapi import Depends

from api.auth import principal_of, services_of
from api.services import Services
from commands.authority import Principal

Speaking = Annotated[Principal, Depends(principal_of)]
Ports = Annotated[Services, Depends(services_of)]
