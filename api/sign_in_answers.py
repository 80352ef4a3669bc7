"""What the routes answer by which people, devices and other systems sign in and are looked after."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any, Final, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from api.answer import JWK_SET, Answer, Hash, ReplicaId, Uuid
from domain.people import Role

Ms = Annotated[int, Field(ge=0, description="Milliseconds since 1970.")]
Count = Annotated[int, Field(ge=0)]
Verdict = Literal["accepted", "duplicate", "held", "quarantined"]


class PersonSignedIn(TypedDict):
    """For whom a token speaks."""

    id: Uuid
    name: str
    role: Role


class TokensTold(TypedDict):
    """An access token; with a session also what it goes on by, unless that is kept in a cookie."""

    access_token: str
    token_type: Literal["DPoP", "Bearer"]
    expires_in: Annotated[int, Field(ge=1, description="Seconds.")]
    refresh_token: str | None
    tenant: Uuid
    session: Uuid | None
    device: Uuid | None
    replicas: list[ReplicaId]
    person: PersonSignedIn
    late: NotRequired[Annotated[dict[str, Count], Field(description="How much that was handed in late was taken in.")]]


class Ended(TypedDict):
    """How many sessions have ended."""

    ended: Count


class Options(TypedDict):
    """What a browser is told to ask an authenticator for (WebAuthn, in its JSON form)."""

    challenge: str


class PasskeyTold(TypedDict):
    """By what its owner signs in."""

    credential: str
    name: str
    added_at_ms: Ms
    used_at_ms: Ms | None


class PasskeyList(TypedDict):
    """All of somebody's passkeys."""

    items: list[PasskeyTold]


class KeySet(TypedDict):
    """A JWK set (RFC 7517)."""

    keys: list[dict[str, Any]]


class Myself(TypedDict):
    """Whoever speaks, as the server knows them."""

    tenant: Uuid
    person: Uuid
    name: str
    role: Role
    device: Uuid | None
    session: Uuid | None
    scopes: list[str] | None


class SessionTold(TypedDict):
    """Where somebody is signed in."""

    session: Uuid
    device: Uuid | None
    way: str
    signed_in_at_ms: Ms
    refreshed_at_ms: Ms
    is_this_one: bool


class SessionList(TypedDict):
    """All of somebody's sessions that go on."""

    items: list[SessionTold]


class DeviceTold(TypedDict):
    """A registered device."""

    device: Uuid
    person: Uuid
    name: str
    platform: str | None
    state: Literal["active", "lost", "compromised"]
    replicas: list[ReplicaId]
    registered_at_ms: Ms
    seen_at_ms: Ms
    revoked_at_ms: Ms | None
    late_events: Count


class DeviceAndToken(DeviceTold):
    """A device that was registered just now, and a token that speaks for it."""

    access_token: str


class DeviceList(TypedDict):
    """Devices, the newest first."""

    items: list[DeviceTold]


class LateVerdict(TypedDict):
    """What became of an event that was handed in late."""

    seq: Annotated[int, Field(ge=1)]
    id: str | None
    verdict: Verdict


class LateTold(TypedDict):
    """That a late batch arrived, or where it does not follow what is known of its replica."""

    batch: Literal["taken", "gap", "forked"]
    verdicts: list[LateVerdict]
    expected: NotRequired[int]
    seq: NotRequired[int]
    hash: NotRequired[Hash | None]


class PersonTold(TypedDict):
    """Somebody who works here, or did."""

    person: Uuid
    name: str
    role: Role
    active: bool


class PersonList(TypedDict):
    """Everybody, by name."""

    items: list[PersonTold]


class ServiceAccountTold(TypedDict):
    """Another system that signs in."""

    client_id: Uuid
    person: Uuid
    name: str
    scopes: list[str]
    created_at_ms: Ms
    revoked_at_ms: Ms | None


class ServiceAccountAndSecret(ServiceAccountTold):
    """A new service account, and the only time that its secret is told."""

    client_secret: str


class ServiceAccountList(TypedDict):
    """Service accounts, the oldest first."""

    items: list[ServiceAccountTold]


class ServiceToken(TypedDict):
    """An access token of another system (RFC 6749, 5.1)."""

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: Annotated[int, Field(ge=1, description="Seconds.")]
    scope: str


class AuditTold(TypedDict):
    """Something that happened to somebody's access."""

    entry: Uuid
    at_ms: Ms
    kind: str
    person: Uuid | None
    actor: Uuid | None
    device: Uuid | None
    session: Uuid | None
    address: str | None
    detail: str


class AuditPage(TypedDict):
    """Entries, the newest first, and where the next page begins."""

    items: list[AuditTold]
    next: Uuid | None


_OK, _CREATED, _DONE = (HTTPStatus.OK,), (HTTPStatus.CREATED,), (HTTPStatus.NO_CONTENT,)
_OFF: Final = "sign-in-off"
_PROVEN: Final = ("proof-refused", "proof-stale", _OFF)
_SIGNING_IN: Final = ("sign-in-refused", "key-taken", "tenant-missing", *_PROVEN)
_OF_DEVICE: Final = ("device-not-found", _OFF)
_OF_PERSON: Final = ("person-not-found", "weak-password", "email-taken", _OFF)

SIGN_IN_ANSWERS: Final[Mapping[str, Answer]] = {
    "sign_in_by_password": Answer(shape=TokensTold, problems=_SIGNING_IN),
    "refresh_session": Answer(shape=TokensTold, problems=("session-over", "cross-site", *_PROVEN)),
    "sign_out": Answer(shape=Ended, problems=("cross-site", _OFF)),
    "sign_in_options": Answer(shape=Options, problems=("tenant-missing", _OFF)),
    "sign_in_by_passkey": Answer(shape=TokensTold, problems=("passkey-refused", *_SIGNING_IN)),
    "passkey_options": Answer(shape=Options, problems=(_OFF,)),
    "add_passkey": Answer(shape=PasskeyTold, statuses=_CREATED, problems=("passkey-refused", "proof-refused", _OFF)),
    "list_passkeys": Answer(shape=PasskeyList, problems=(_OFF,)),
    "drop_passkey": Answer(shape=None, statuses=_DONE, problems=("passkey-not-found", _OFF)),
    "jwks": Answer(shape=KeySet, media=JWK_SET, problems=(_OFF,)),
    "me": Answer(shape=Myself),
    "list_sessions": Answer(shape=SessionList, problems=(_OFF,)),
    "end_session": Answer(shape=None, statuses=_DONE, problems=("session-not-found", _OFF)),
    "set_password": Answer(shape=None, statuses=_DONE, problems=("sign-in-refused", "weak-password", _OFF)),
    "register_device": Answer(
        shape=DeviceAndToken,
        statuses=(*_OK, *_CREATED),
        problems=("devices-full", "key-taken", "written-meanwhile", *_PROVEN),
    ),
    "list_devices": Answer(shape=DeviceList, problems=(_OFF,)),
    "rename_device": Answer(shape=DeviceTold, problems=_OF_DEVICE),
    "revoke_device": Answer(shape=DeviceTold, problems=_OF_DEVICE),
    "hand_in_late": Answer(
        shape=LateTold,
        problems=(
            *("device-closed", "replica-not-yours", "late-full", "unreadable-body", "too-many-events"),
            *("written-meanwhile", *_PROVEN),
        ),
    ),
    "list_people": Answer(shape=PersonList, problems=(_OFF,)),
    "add_person": Answer(shape=PersonTold, statuses=_CREATED, problems=_OF_PERSON),
    "change_person": Answer(shape=PersonTold, problems=_OF_PERSON),
    "create_service_account": Answer(
        shape=ServiceAccountAndSecret, statuses=_CREATED, problems=("scope-unknown", _OFF)
    ),
    "service_accounts": Answer(shape=ServiceAccountList, problems=(_OFF,)),
    "revoke_service_account": Answer(shape=ServiceAccountTold, problems=("service-account-not-found", _OFF)),
    "service_token": Answer(shape=ServiceToken, problems=("sign-in-refused", "scope-unknown", "tenant-missing", _OFF)),
    "audit": Answer(shape=AuditPage, problems=(_OFF,)),
}
"""By the name of the operation."""
