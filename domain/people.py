"""Who works here, and with what."""

from dataclasses import dataclass
from typing import Annotated, Literal

from domain.entity import Record, entity
from domain.merge_policy import AddWins, Advance, Ask, Latest, Once, Ref, Server
from domain.values import Count, Email, EntityId, Instant, Line, Text, Word

Role = Literal["technician", "dispatcher", "supervisor", "analyst", "auditor", "admin", "integration"]


@entity("person", home="catalog")
@dataclass(frozen=True, slots=True, kw_only=True)
class Person(Record):
    """Somebody who works for the tenant, as others see them; what they may do is decided by their account."""

    name: Annotated[Line, Ask()]
    email: Annotated[Email | None, Ask()] = None
    role: Annotated[Role, Ask()]
    skills: Annotated[frozenset[Word], AddWins()] = frozenset()
    active: Annotated[bool, Latest()] = True


@entity("device", home="own")
@dataclass(frozen=True, slots=True, kw_only=True)
class Device(Record):
    """A phone, tablet or browser that holds a replica."""

    owner_id: Annotated[EntityId, Ref()]
    name: Annotated[Line, Latest()]
    public_key: Annotated[Text | None, Once()] = None
    status: Annotated[str, Advance("device")] = "active"
    platform: Annotated[Line | None, Server()] = None
    app_version: Annotated[Word | None, Server()] = None
    last_seen: Annotated[Instant | None, Server()] = None
    skew_ms: Annotated[int | None, Server()] = None
    outbox_depth: Annotated[Count | None, Server()] = None
