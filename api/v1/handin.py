"""Late hand-in: a registered device without a session gives what it has, and is told nothing but that it arrived."""

import hashlib
from http import HTTPStatus
from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool

from api import base64url
from api import proof as proofs
from api.auth import identity_of, proven_by
from api.body import check_ndjson, read_body
from api.given import Ports
from api.ndjson import EVENTS, PUSHED, lines_in_openapi
from api.office import with_office
from api.pacing import spend_events_in_thread
from api.problem import Problem
from api.proof import Proven
from api.services import Services
from api.v1.push import received
from commands.cases import with_cases
from commands.lanes import LATE_BYTES_MAX, LATE_EVENTS_MAX, DeviceRow, has_room, judge_of, lane_of, set_aside_alike
from domain.values import UUID_PATTERN
from sync import push as pushing
from sync.log import Changes, Known
from sync.office import office_of
from sync.rows import ReplicaRow
from sync.verdict import Received

TOLD: Final = ("batch", "verdicts", "expected", "seq", "hash")

router = APIRouter(prefix="/v1/sync", tags=["sync"])
Tenant = Annotated[str, Query(pattern=UUID_PATTERN, description="The company that the device works for.")]
Device = Annotated[str, Query(pattern=UUID_PATTERN, description="Which device hands in.")]


@router.post(
    "/handin",
    summary="Hand in late, without a session",
    openapi_extra=lines_in_openapi(EVENTS, PUSHED),
)
async def hand_in_late(request: Request, tenant: Tenant, device: Device, services: Ports) -> Response:
    """A push, signed by the device's key: a DPoP proof whose `bh` is base64url of the SHA-256 of the unpacked body.

    Each event is set aside: it is taken in when the same person signs in on that device again, or when somebody in
    the office lets it. Of a device that was revoked only the office decides, and not for longer than 14 days.
    """
    check_ndjson(request)
    body = await read_body(request)
    return await run_in_threadpool(_hand_in, request, body, tenant, device, services)


def _hand_in(request: Request, body: bytes, tenant: str, named: str, services: Services) -> Response:
    identity, now_ms = identity_of(services), services.now_ms()
    proven = proven_by(request, with_token=False)
    device = identity.devices.device(tenant, named)
    if proven is None or device is None or device.thumbprint != proven.thumbprint:
        raise proofs.missing()  # the same answer for a device that there is not
    _check_body(body, proven)
    if lane_of(device, now_ms=now_ms) == "closed":
        raise Problem(
            HTTPStatus.GONE,
            "device-closed",
            "Nothing is taken from this device any more.",
            hint="Sign in on another device, and ask an admin what became of this one.",
        )
    batch = received(body)
    row = services.log.replica(tenant, batch[0].link.replica)
    if row is None or row.replica not in device.replicas:
        raise Problem(
            HTTPStatus.FORBIDDEN,
            "replica-not-yours",
            f"{batch[0].link.replica} is not a replica of this device.",
            hint="Hand in under a replica that was minted for this device; a new one needs a sign-in.",
        )
    room = _Room(batch, row)
    room.check(device)
    spend_events_in_thread(request, tenant, len(batch))
    answer = _stored(batch, device, tenant, services)
    if answer.batch == "taken":
        room.count(device, tenant, services)
    told = {name: getattr(answer, name) for name in TOLD}
    return _json({name: value for name, value in told.items() if value is not None})


def _check_body(body: bytes, proven: Proven) -> None:
    if proven.body_hash != base64url.spelled(hashlib.sha256(body).digest()):
        raise proofs.refused("The proof's `bh` is not the SHA-256 of the body, so the device did not sign it.")


class _Room:
    """What of a batch is new: only that counts, so that the same batch may be sent again.

    It is counted when it is stored, so that what was not costs nothing; those that come at the very same time may
    exceed the limit by as much as they hold.
    """

    def __init__(self, batch: list[Received], row: ReplicaRow) -> None:
        new = [len(each.raw) for each in batch if each.link.seq > row.last_seq]
        self._events, self._size = len(new), sum(new)

    def check(self, device: DeviceRow) -> None:
        """Raises Problem 409 where it is more than the device has room for."""
        if not has_room(device, events=self._events, size=self._size):
            raise Problem(
                HTTPStatus.CONFLICT,
                "late-full",
                f"A device hands in at most {LATE_EVENTS_MAX} events and {LATE_BYTES_MAX} bytes without a session.",
                hint="Sign in again on this device; what is not handed in yet stays on it.",
            )

    def count(self, device: DeviceRow, tenant: str, services: Services) -> None:
        """It has been stored."""
        devices, now_ms = identity_of(services).devices, services.now_ms()
        devices.handed_in_late(tenant, device.device, events=self._events, size=self._size, now_ms=now_ms)


def _stored(batch: list[Received], device: DeviceRow, tenant: str, services: Services) -> pushing.Answer:
    office, now_ms = office_of(tenant), services.now_ms()
    judge = judge_of(lane_of(device, now_ms=now_ms))

    def decide(known: Known) -> tuple[Changes, pushing.Answer]:
        changes, answer = pushing.decide(batch, known, judge=judge, actor=device.person, now_ms=now_ms)
        changes, answer = set_aside_alike(changes, answer, judge)
        return with_cases(changes, known, office=office, now_ms=now_ms), answer

    wanted = pushing.wanted(batch)
    wanted = wanted._replace(replicas=wanted.replicas | {office.replica})
    return with_office(tenant, services, lambda: services.log.append(tenant, wanted, decide, now_ms=now_ms))


def _json(document: Any) -> Response:
    return Response(orjson.dumps(document), media_type="application/json")
