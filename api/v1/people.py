"""Who works here and in which role: told by admins, and counting within seconds."""

import threading
from http import HTTPStatus
from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter, Depends, Path, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from api.auth import identity_of
from api.body import small, told_in_openapi
from api.given import Ports, Speaking
from api.identity import Identity
from api.problem import Problem
from api.services import Services
from api.signing_in import note
from api.v1.sign_in import ChosenPassword, Email
from commands.authority import Principal
from commands.people import PersonRow, SignInRow, email_spelled, is_guessed_early
from domain.people import Role
from domain.values import UUID_PATTERN
from sync.log import Conflicting

router = APIRouter(prefix="/v1/people", tags=["people"])
PersonId = Annotated[str, Path(pattern=UUID_PATTERN, description="Whom it is about.")]
_JUDGING: Final = threading.Lock()
"""One password at a time: zxcvbn keeps the names that it judges by where every thread finds them."""
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$", examples=["Ada Miller"])]


class NewPerson(BaseModel):
    """Somebody who starts here; with a password they can sign in at once, and should then choose their own."""

    model_config = ConfigDict(extra="forbid", strict=True)
    name: Name
    role: Role
    email: Email
    password: ChosenPassword | None = None


class Changed(BaseModel):
    """What is to be otherwise; what is left out stays."""

    model_config = ConfigDict(extra="forbid", strict=True)
    name: Name | None = None
    role: Role | None = None
    active: bool | None = None
    password: ChosenPassword | None = None


@router.get("", summary="Who works here, and who did")
def list_people(speaking: Speaking, services: Ports) -> Response:
    """Everybody who may sign in or could once, by name."""
    return _json({"items": [_document(each) for each in identity_of(services).people.people(speaking.tenant)]})


@router.post(
    "", status_code=HTTPStatus.CREATED, summary="Let somebody work here", openapi_extra=told_in_openapi(NewPerson)
)
def add_person(
    request: Request, speaking: Speaking, said: Annotated[NewPerson, Depends(small(NewPerson))], services: Ports
) -> Response:
    """They sign in by their e-mail."""
    identity, person = identity_of(services), identity_of(services).new_id()
    email = email_spelled(said.email)
    if identity.sign_ins.by_email(speaking.tenant, email) is not None:
        raise email_taken(email)
    hashed = None
    if said.password is not None:
        hashed = hashed_if_strong(said.password, email, said.name, identity)
    services.accounts.add_person(speaking.tenant, person=person, name=said.name, role=said.role)
    keep(identity, speaking.tenant, SignInRow(person, email, hashed), services.now_ms())
    note(request, identity, speaking.tenant, "person_added", person=person, actor=speaking.person, detail=said.role)
    return _json(_document(_found(person, speaking, identity)), HTTPStatus.CREATED)


@router.patch("/{person}", summary="Another role, name or password, or leaving", openapi_extra=told_in_openapi(Changed))
def change_person(
    request: Request,
    person: PersonId,
    speaking: Speaking,
    said: Annotated[Changed, Depends(small(Changed))],
    services: Ports,
) -> Response:
    """Who has another role, has left or has a new password is signed out at once, on every device.

    What a device of somebody who has left still holds can be handed in late; somebody in the office decides about it.
    """
    identity, now_ms = identity_of(services), services.now_ms()
    before = _found(person, speaking, identity)
    if said.password is not None:
        _set_password(said.password, before, speaking, services)
    identity.people.change(
        speaking.tenant, person, name=said.name, role=said.role, is_active=said.active, now_ms=now_ms
    )
    after = _found(person, speaking, identity)
    told = [name for name in Changed.model_fields if getattr(said, name) is not None]
    detail = f"{', '.join(told)}: {before.role} -> {after.role}, {'here' if after.is_active else 'left'}"
    note(request, identity, speaking.tenant, "person_changed", person=person, actor=speaking.person, detail=detail)
    return _json(_document(after))


def _set_password(password: str, before: PersonRow, speaking: Principal, services: Services) -> None:
    identity, now_ms = identity_of(services), services.now_ms()
    row = identity.sign_ins.of_person(speaking.tenant, before.person)
    if row is None:
        raise Problem(
            HTTPStatus.NOT_FOUND,
            "person-not-found",
            f"{before.name} does not sign in here.",
            hint="Only somebody with an e-mail has a password; systems have service accounts.",
        )
    hashed = hashed_if_strong(password, row.email, before.name, identity)
    keep(identity, speaking.tenant, row._replace(password_hash=hashed), now_ms)
    identity.sessions.end(speaking.tenant, person=before.person, reason="password_changed", now_ms=now_ms)


def hashed_if_strong(password: str, email: str, name: str, identity: Identity) -> str:
    """What is kept of a new password; raises Problem 422 for one that anybody would guess."""
    with _JUDGING:
        is_weak = is_guessed_early(password, email=email, name=name)
    if is_weak:
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "weak-password",
            "It is among the first that anybody would guess: it has leaked, or is made of words and rows that have.",
            hint="Take a few words that only you would put together; spaces are welcome.",
        )
    return identity.passwords.hash(password)


def keep(identity: Identity, tenant: str, row: SignInRow, now_ms: int) -> None:
    """Let somebody sign in by this; raises Problem 409 where the e-mail is somebody else's."""
    try:
        identity.sign_ins.keep(tenant, row, now_ms=now_ms)
    except Conflicting:
        raise email_taken(row.email) from None


def email_taken(email: str) -> Problem:
    """One e-mail signs in one person."""
    return Problem(
        HTTPStatus.CONFLICT, "email-taken", f"Somebody signs in by {email} already.", hint="Choose another e-mail."
    )


def _found(person: str, speaking: Principal, identity: Identity) -> PersonRow:
    row = identity.people.person(speaking.tenant, person)
    if row is None:
        raise Problem(
            HTTPStatus.NOT_FOUND,
            "person-not-found",
            f"Nobody here is {person}.",
            hint="GET /v1/people lists everybody.",
        )
    return row


def _document(row: PersonRow) -> dict[str, Any]:
    return {"person": row.person, "name": row.name, "role": row.role, "active": row.is_active}


def _json(document: Any, status: HTTPStatus = HTTPStatus.OK) -> Response:
    return Response(orjson.dumps(document), status, media_type="application/json")
