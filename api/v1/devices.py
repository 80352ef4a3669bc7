"""Devices: each registered once, online, by the key that it made itself; listed, renamed, and revoked from afar."""

from http import HTTPStatus
from typing import Annotated, Any, Final, Literal

import orjson
from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from api import proof as proofs
from api.auth import forbidden, identity_of, proven_key
from api.body import small, told_in_openapi
from api.given import Ports, Speaking
from api.identity import Identity
from api.problem import Problem
from api.proof import Proven
from api.services import Services
from api.signing_in import SignedIn, access, key_taken, note, standing_of
from api.v1.sync import fresh_replica
from commands.authority import Principal, may_hand_in
from commands.lanes import DeviceRow
from domain.values import UUID_PATTERN
from sync.log import Conflicting

DEVICES_PER_PERSON_MAX: Final = 10

router = APIRouter(prefix="/v1/devices", tags=["devices"])
DeviceId = Annotated[str, Path(pattern=UUID_PATTERN, description="Which device.")]
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$", examples=["Ada's phone"])]


class NewDevice(BaseModel):
    """What a device tells of itself; its key is the one that signs the proof."""

    model_config = ConfigDict(extra="forbid", strict=True)
    name: Name
    platform: Annotated[str | None, Field(max_length=200, pattern=r"^[^\x00]*$")] = None


class Renamed(BaseModel):
    """Another name."""

    model_config = ConfigDict(extra="forbid", strict=True)
    name: Name


class Revoked(BaseModel):
    """What became of it. Of a lost one a person decides about late work; of a copied one nothing is taken any more."""

    model_config = ConfigDict(extra="forbid", strict=True)
    state: Literal["lost", "compromised"]


@router.post(
    "", status_code=HTTPStatus.CREATED, summary="Register this device", openapi_extra=told_in_openapi(NewDevice)
)
def register_device(
    request: Request, speaking: Speaking, said: Annotated[NewDevice, Depends(small(NewDevice))], services: Ports
) -> Response:
    """Its replica is minted with it. Asked again by the same key, the answer is the same device.

    Needs a session, and a DPoP proof by its key. From here on the session speaks for the device: the answer has an
    access token that says so.
    """
    identity = identity_of(services)
    proven = proven_key(request)
    if proven is None or speaking.session is None:
        raise proofs.missing()
    if not may_hand_in(speaking.role):
        raise forbidden(f"Whoever is {speaking.role} hands nothing in, and so registers no device.", "Just sign in.")
    known = identity.devices.by_key(speaking.tenant, proven.thumbprint)
    device = _theirs(known, speaking) if known else _registered(said, proven, request, speaking, services)
    identity.sessions.set_device(speaking.tenant, speaking.session, device.device)
    status = HTTPStatus.OK if known else HTTPStatus.CREATED
    return _json({**document_of(device), "access_token": _token(speaking, device, identity, services)}, status)


def _registered(
    said: NewDevice, proven: Proven, request: Request, speaking: Principal, services: Services
) -> DeviceRow:
    identity, now_ms = identity_of(services), services.now_ms()
    _check_room(speaking, identity)
    replica = fresh_replica(said.name, speaking, services)
    row = DeviceRow(
        device=identity.new_id(),
        person=speaking.person,
        name=said.name,
        platform=said.platform,
        thumbprint=proven.thumbprint,
        state="active",
        registered_at_ms=now_ms,
        seen_at_ms=now_ms,
        revoked_at_ms=None,
        late_events=0,
        late_bytes=0,
        replicas=[replica],
    )
    try:
        identity.devices.register(speaking.tenant, row, public_key=proven.public_key)
    except Conflicting:  # by another tab of the same browser, meanwhile
        known = identity.devices.by_key(speaking.tenant, proven.thumbprint)
        assert known is not None, "its key is taken"
        return _theirs(known, speaking)
    about = {"person": speaking.person, "actor": speaking.person, "device": row.device, "session": speaking.session}
    note(request, identity, speaking.tenant, "device_registered", **about, detail=said.name)
    return row


def _theirs(known: DeviceRow, speaking: Principal) -> DeviceRow:
    if known.person != speaking.person or known.revoked_at_ms is not None:
        raise key_taken()
    return known


def _check_room(speaking: Principal, identity: Identity) -> None:
    theirs = identity.devices.devices(speaking.tenant, person=speaking.person)
    if sum(device.revoked_at_ms is None for device in theirs) >= DEVICES_PER_PERSON_MAX:
        raise Problem(
            HTTPStatus.CONFLICT,
            "devices-full",
            f"{speaking.name} has {DEVICES_PER_PERSON_MAX} devices.",
            hint="GET /v1/devices lists them; revoke one that is not used any more as lost.",
        )


def _token(speaking: Principal, device: DeviceRow, identity: Identity, services: Services) -> str:
    standing = standing_of(identity, speaking.tenant, speaking.person)
    assert standing is not None, "they speak"
    signed_in = SignedIn(tenant=speaking.tenant, person=speaking.person, standing=standing, way="", proven=None)
    session = next(
        row for row in identity.sessions.of_person(speaking.tenant, speaking.person) if row.session == speaking.session
    )
    return access(signed_in, session, device, identity, services.now_ms())


@router.get("", summary="My devices")
def list_devices(
    speaking: Speaking,
    services: Ports,
    person: Annotated[str | None, Query(pattern=UUID_PATTERN, description="Whose, for an admin.")] = None,
    *,
    everybody: Annotated[bool, Query(description="All devices, for an admin.")] = False,
) -> Response:
    """Newest first, also those that were revoked."""
    is_admins = everybody or person not in (None, speaking.person)
    if is_admins and speaking.role != "admin":
        raise forbidden("Only an admin looks at others' devices.", "Leave `person` and `everybody` out.")
    whose = None if everybody else person or speaking.person
    found = identity_of(services).devices.devices(speaking.tenant, person=whose)
    return _json({"items": [document_of(each) for each in found]})


@router.patch("/{device}", summary="Call a device otherwise", openapi_extra=told_in_openapi(Renamed))
def rename_device(
    device: DeviceId, speaking: Speaking, said: Annotated[Renamed, Depends(small(Renamed))], services: Ports
) -> Response:
    """One of yours; an admin anybody's."""
    row, identity = _found(device, speaking, services), identity_of(services)
    identity.devices.rename(speaking.tenant, row.device, said.name)
    return _json(document_of(_found(device, speaking, services)))


@router.post("/{device}/revoke", summary="Report a device lost or compromised", openapi_extra=told_in_openapi(Revoked))
def revoke_device(
    request: Request,
    device: DeviceId,
    speaking: Speaking,
    said: Annotated[Revoked, Depends(small(Revoked))],
    services: Ports,
) -> Response:
    """One of yours; an admin anybody's. Its sessions end, and its access tokens count for seconds more.

    It cannot be undone: a device that is found again registers anew, with a new key.
    """
    row, identity, now_ms = _found(device, speaking, services), identity_of(services), services.now_ms()
    if identity.devices.revoke(speaking.tenant, row.device, said.state, now_ms=now_ms):
        identity.sessions.end(speaking.tenant, device=row.device, reason=said.state, now_ms=now_ms)
        about = {"person": row.person, "actor": speaking.person, "device": row.device}
        note(request, identity, speaking.tenant, "device_revoked", **about, detail=said.state)
    return _json(document_of(_found(device, speaking, services)))


def _found(device: str, speaking: Principal, services: Services) -> DeviceRow:
    row = identity_of(services).devices.device(speaking.tenant, device)
    if row is None or (row.person != speaking.person and speaking.role != "admin"):
        raise Problem(
            HTTPStatus.NOT_FOUND,
            "device-not-found",
            f"You have no device {device}.",
            hint="GET /v1/devices lists yours.",
        )
    return row


def document_of(row: DeviceRow) -> dict[str, Any]:
    """A device as it is told."""
    return {
        "device": row.device,
        "person": row.person,
        "name": row.name,
        "platform": row.platform,
        "state": row.state,
        "replicas": list(row.replicas),
        "registered_at_ms": row.registered_at_ms,
        "seen_at_ms": row.seen_at_ms,
        "revoked_at_ms": row.revoked_at_ms,
        "late_events": row.late_events,
    }


def _json(document: Any, status: HTTPStatus = HTTPStatus.OK) -> Response:
    return Response(orjson.dumps(document), status, media_type="application/json")
