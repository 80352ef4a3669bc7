"""Who the work is for."""

from dataclasses import dataclass
from typing import Annotated, Literal

from domain.entity import Record, entity
from domain.merge_policy import AddWins, Ask, Latest, Ref
from domain.values import Address, Email, EntityId, Language, Line, Phone, Text, Word

Channel = Literal["email", "sms", "phone", "push"]


@entity("customer", home="own")
@dataclass(frozen=True, slots=True, kw_only=True)
class Customer(Record):
    """A person or company that owns sites and pays for work."""

    name: Annotated[Line, Ask()]
    legal_id: Annotated[Word | None, Ask()] = None
    contacts: Annotated[frozenset[EntityId], AddWins()] = frozenset()
    billing_address: Annotated[Address | None, Ask()] = None
    language: Annotated[Language | None, Latest()] = None
    comms_opt_out: Annotated[frozenset[Channel], AddWins()] = frozenset()
    note: Annotated[Text | None, Latest()] = None


@entity("contact", home="customer:customer_id")
@dataclass(frozen=True, slots=True, kw_only=True)
class Contact(Record):
    """Somebody to call or write to at a customer's."""

    customer_id: Annotated[EntityId, Ref()]
    name: Annotated[Line, Ask()]
    phone: Annotated[Phone | None, Ask()] = None
    email: Annotated[Email | None, Ask()] = None
    role: Annotated[Line | None, Latest()] = None
