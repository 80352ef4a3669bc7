"""Every kind of problem that is answered, declared once: pages, reference and OpenAPI are made from this table."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final, NamedTuple

TYPES: Final = "/problems/"
"""What the `type` of a problem begins with: a reference on the server that answered it, where a page explains it."""


class ProblemType(NamedTuple):
    """One kind of problem; its name is the end of its `type`, and with underscores its `code`."""

    status: HTTPStatus
    when: str
    """When it is answered, as the end of a sentence."""
    remedy: str
    """What to do about it."""


_RESEND: Final = "Send the same request again after the seconds of `Retry-After`: everything may be sent twice."
_CORRECT: Final = "Correct what the detail names and send it again."
_LOOK_AGAIN: Final = "Read what is there now, and decide again."

PROBLEM_TYPES: Final[Mapping[str, ProblemType]] = {
    "unauthorized": ProblemType(
        HTTPStatus.UNAUTHORIZED,
        "no bearer token, or one that is unknown, has expired, or whose person has left",
        "Sign in again and send the header `Authorization: Bearer <token>`. What is not handed in stays on the device.",
    ),
    "forbidden": ProblemType(
        HTTPStatus.FORBIDDEN, "the role of whoever speaks does not do this", "Ask somebody whose role does it."
    ),
    "replica-not-yours": ProblemType(
        HTTPStatus.FORBIDDEN,
        "the replica is somebody else's, another device's, or nobody's",
        "Mint one with `POST /v1/sync/replicas`, write unsent events anew under it, and keep their ids.",
    ),
    "device-missing": ProblemType(
        HTTPStatus.FORBIDDEN,
        "a session hands in, or asks for a replica, and speaks for no registered device",
        "Register the device with `POST /v1/devices`, and go on with the access token of that answer.",
    ),
    "not-yours-to-tell": ProblemType(
        HTTPStatus.FORBIDDEN,
        "a case whose event somebody in this role does not tell",
        "Reassign the case to somebody whose role tells it.",
    ),
    "not-found": ProblemType(HTTPStatus.NOT_FOUND, "no such path", "`GET /openapi.json` lists every path."),
    "entity-not-found": ProblemType(
        HTTPStatus.NOT_FOUND,
        "no entity of that type and id, or none that whoever speaks may see",
        "Check the id; what is not handed in yet is only on the device that wrote it.",
    ),
    "as-of-unreadable": ProblemType(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "a moment that is neither a position of the log nor a time of RFC 3339",
        "Send a position such as 880, or a time such as 2026-01-01T12:00:00Z; write the `+` of a zone as %2B.",
    ),
    "as-of-ahead": ProblemType(
        HTTPStatus.CONFLICT,
        "a moment that has not come yet: a position behind the end of the log, or a time that the server's clock has"
        " not reached",
        "Leave the moment out to see what is there now.",
    ),
    "as-of-before-beginning": ProblemType(
        HTTPStatus.CONFLICT,
        "a moment before the first event was recorded",
        "Name a moment at which something was recorded.",
    ),
    "view-unknown": ProblemType(
        HTTPStatus.NOT_FOUND,
        "no table or view of that name, or none that whoever speaks may ask; `allowed` lists those",
        "Name one of `allowed`; `GET /v1/views` says what each means.",
    ),
    "filter-unknown": ProblemType(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "a filter by a column that there is not, or in a way in which that column cannot be compared, or too many",
        "Filter by one of `allowed`.",
    ),
    "value-unreadable": ProblemType(
        HTTPStatus.UNPROCESSABLE_ENTITY, "a value that is not of its column's type", "Correct what the detail names."
    ),
    "sort-unknown": ProblemType(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "an order by a column that there is not or that has no order, or by too many",
        "Sort by columns of `allowed`.",
    ),
    "fields-unknown": ProblemType(
        HTTPStatus.UNPROCESSABLE_ENTITY, "columns that there are not", "Name columns of `allowed`."
    ),
    "cursor-unknown": ProblemType(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "a cursor of another question, another company, another person or from before a restore",
        "Send `next` of the page before with the same filters, order and fields, or begin without it.",
    ),
    "question-too-slow": ProblemType(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "a question that takes longer than five seconds",
        "Narrow it by a filter, or sort by fewer columns.",
    ),
    "past-too-far": ProblemType(
        HTTPStatus.CONFLICT,
        "a moment since which more has changed than one question goes through",
        "Ask one table by its key or its `home_scope`, or `GET /v1/entities/{entity_type}?as_of=` by id; "
        "`cairn replay` has no such limit.",
    ),
    "no-read-model": ProblemType(
        HTTPStatus.NOT_IMPLEMENTED,
        "a server that keeps its log in memory and no read model of it",
        "Run it over PostgreSQL.",
    ),
    "read-model-not-ready": ProblemType(
        HTTPStatus.SERVICE_UNAVAILABLE, "the tables of the read model are not made yet", _RESEND
    ),
    "position-ahead": ProblemType(
        HTTPStatus.CONFLICT,
        "the position in `wait_for` is behind the end of the log, so that nobody knows whether it will ever be written",
        "Wait for a position that an order or a push was answered; after a restore from a backup, read without one.",
    ),
    "not-shown-yet": ProblemType(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "the tables have not come to the position in `wait_for` within two seconds",
        "Ask again after the seconds of `Retry-After`, or without `wait_for`.",
    ),
    "field-unknown": ProblemType(
        HTTPStatus.NOT_FOUND,
        "a field that things of that type do not have; `fields` lists those that they have",
        "Name one of `fields`.",
    ),
    "history-too-long": ProblemType(
        HTTPStatus.CONFLICT,
        "the history of one thing has more events than this question goes through",
        "Ask with an earlier `as_of`, or read the history page by page.",
    ),
    "case-not-found": ProblemType(
        HTTPStatus.NOT_FOUND, "no event was set aside under that name", "`GET /v1/quarantine` lists every case."
    ),
    "method-not-allowed": ProblemType(
        HTTPStatus.METHOD_NOT_ALLOWED,
        "the path has other methods; `Allow` names them",
        "Use one of the methods of the `Allow` header.",
    ),
    "cursor-ahead": ProblemType(
        HTTPStatus.CONFLICT,
        "the cursor is ahead of the log, whose `head` and `epoch` it tells: the server came back from a backup",
        "Do what a new epoch asks for: offer everything that is kept once more, and pull from the beginning.",
    ),
    "other-epoch": ProblemType(
        HTTPStatus.CONFLICT,
        "a page of another epoch of the other hub than the one that `epoch` names",
        "Say hello to the other hub again and go on from where that leads.",
    ),
    "same-hub": ProblemType(
        HTTPStatus.CONFLICT,
        "a relay of this hub's own log, or of a copy of its database",
        "Name two different hubs.",
    ),
    "case-settled": ProblemType(
        HTTPStatus.CONFLICT,
        "somebody has settled the case already; `state` and `settled_by_id` say what and who",
        _LOOK_AGAIN,
    ),
    "not-approvable": ProblemType(
        HTTPStatus.CONFLICT,
        "what was set aside cannot be merged as it is, whoever approves it",
        "Resubmit it with corrected data, or dismiss it with a reason.",
    ),
    "not-retryable": ProblemType(
        HTTPStatus.CONFLICT,
        "what was set aside would be refused again, whenever it is tried",
        "Resubmit it with corrected data, or dismiss it with a reason.",
    ),
    "still-refused": ProblemType(
        HTTPStatus.CONFLICT,
        "what was set aside cannot be taken in as the log stands now",
        "Bring about what the detail asks for first, then try again.",
    ),
    "not-yours-to-order": ProblemType(
        HTTPStatus.FORBIDDEN,
        "an order that somebody in this role does not give, or not in these words; the detail points to the words",
        "Ask somebody whose role does: `docs/reference/authority.md` lists them.",
    ),
    "illegal-move": ProblemType(
        HTTPStatus.CONFLICT,
        "the status does not let that follow; `status_now` tells the status, `legal` what may be ordered instead",
        "Order something in `legal`, or leave it as it is.",
    ),
    "work-settled": ProblemType(
        HTTPStatus.CONFLICT,
        "a technician tells something of a job that is approved already",
        "Ask a supervisor to correct it, or to reopen the job.",
    ),
    "id-taken": ProblemType(
        HTTPStatus.CONFLICT, "something of that id exists", "Leave `id` out, or make a new UUID of version 7."
    ),
    "nothing-to-resolve": ProblemType(
        HTTPStatus.CONFLICT,
        "nothing waits for a decision in that field, or not that value",
        "Read the entity: `conflicts` lists what waits, with the values to choose from.",
    ),
    "version-moved": ProblemType(
        HTTPStatus.PRECONDITION_FAILED,
        "somebody has written since the version in `If-Match`; `version` tells the one that is there now, and `changed`"
        " what each field was and is",
        "Decide again on what is there now, and send its `ETag` as `If-Match`.",
    ),
    "if-match-missing": ProblemType(
        HTTPStatus.PRECONDITION_REQUIRED,
        "an edit that does not say which version it was decided on",
        "Send the `ETag` that you read as `If-Match`; `*` says that any will do.",
    ),
    "idempotency-key-missing": ProblemType(
        HTTPStatus.BAD_REQUEST,
        "an order without an `Idempotency-Key`, or with one that is not 1 to 128 visible ASCII characters",
        "Make up a key for each order, such as a UUID, and send the same one when you send the order again.",
    ),
    "idempotency-key-reused": ProblemType(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "another order was carried out under that key in the last 24 hours",
        "Make up a new key for every order.",
    ),
    "reference-unknown": ProblemType(
        HTTPStatus.CONFLICT,
        "an id in the order names nothing that whoever orders may see, or something of another kind",
        "Correct the id that the detail points to.",
    ),
    "order-refused": ProblemType(HTTPStatus.UNPROCESSABLE_ENTITY, "an order that no event can say", _CORRECT),
    "bad-request": ProblemType(HTTPStatus.BAD_REQUEST, "a request that cannot be read as HTTP or JSON", _CORRECT),
    "not-gzip": ProblemType(
        HTTPStatus.BAD_REQUEST,
        "said to be gzip and is not one whole gzip stream",
        "Send the whole stream, or leave `Content-Encoding` out.",
    ),
    "body-too-large": ProblemType(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "more than 1 MiB in a push, or more than its route takes in any other body",
        "Send less at once: cut a push between two transactions.",
    ),
    "packed-too-tightly": ProblemType(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "the body unpacks to more than 50 times its size",
        "Send it unpacked, or in smaller parts.",
    ),
    "too-many-events": ProblemType(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "more than 500 lines", "Cut the push between two transactions."
    ),
    "unsupported-encoding": ProblemType(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "packed with something other than gzip", "Use gzip, or nothing."
    ),
    "unsupported-media-type": ProblemType(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        "a body of another media type than its route takes",
        "Send the `Content-Type` that the detail names.",
    ),
    "resume-unknown": ProblemType(
        HTTPStatus.CONFLICT,
        "`resume` is not what a checkpoint told, or belongs to another cursor",
        "Leave it out to begin that pull again.",
    ),
    "unreadable-body": ProblemType(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "a line without readable `replica`, `seq` and `prev`, or the events of several replicas; `line` says where",
        _CORRECT,
    ),
    "unreadable-page": ProblemType(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "a relay that is not a whole page of a log",
        "Pull the page again and relay it.",
    ),
    "unreadable-content": ProblemType(
        HTTPStatus.CONFLICT,
        "a resubmission that does not say what cannot be read in what was handed in",
        _CORRECT,
    ),
    "event-refused": ProblemType(HTTPStatus.CONFLICT, "a resubmission that is not acceptable either", _CORRECT),
    "owner-cannot-decide": ProblemType(
        HTTPStatus.CONFLICT,
        "a case can be given only to somebody who settles cases",
        "Name a dispatcher, a supervisor or an admin.",
    ),
    "invalid-request": ProblemType(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "a parameter or member is missing or wrong; `errors` says which",
        "Correct what `errors` names and send it again.",
    ),
    "sign-in-refused": ProblemType(
        HTTPStatus.UNAUTHORIZED,
        "the e-mail, the password or the passkey is not right, or its person has left",
        "Try again with the right ones, or ask an admin to set a new password.",
    ),
    "session-over": ProblemType(
        HTTPStatus.UNAUTHORIZED,
        "the refresh token's session has ended; `reason` says why",
        "Sign in again. A registered device may hand in what it has without: `POST /v1/sync/handin`.",
    ),
    "proof-refused": ProblemType(
        HTTPStatus.UNAUTHORIZED,
        "no DPoP proof (RFC 9449) where there must be one, or one that is not good for this request",
        "Sign a fresh proof with the key that the session or the device is bound to.",
    ),
    "proof-stale": ProblemType(
        HTTPStatus.UNAUTHORIZED,
        "the DPoP proof is not of the last five minutes by the server's clock",
        "Sign another with the `nonce` that the `DPoP-Nonce` header names.",
    ),
    "cross-site": ProblemType(
        HTTPStatus.FORBIDDEN,
        "a page of another site asked for what only our own pages may ask for",
        "Open the page of this server and sign in there.",
    ),
    "person-not-found": ProblemType(HTTPStatus.NOT_FOUND, "no such person", "`GET /v1/people` lists everybody."),
    "device-not-found": ProblemType(
        HTTPStatus.NOT_FOUND, "no such device, or none of yours", "`GET /v1/devices` lists yours."
    ),
    "session-not-found": ProblemType(
        HTTPStatus.NOT_FOUND, "no such session of yours goes on", "`GET /v1/me/sessions` lists them."
    ),
    "passkey-not-found": ProblemType(
        HTTPStatus.NOT_FOUND, "no such passkey of yours", "`GET /v1/me/passkeys` lists them."
    ),
    "service-account-not-found": ProblemType(
        HTTPStatus.NOT_FOUND, "no such service account", "`GET /v1/service-accounts` lists them."
    ),
    "device-closed": ProblemType(
        HTTPStatus.GONE,
        "the device was reported compromised, or was revoked too long ago: nothing is taken from it any more",
        "Sign in on another device. An admin can say what became of this one.",
    ),
    "key-taken": ProblemType(
        HTTPStatus.CONFLICT,
        "the key belongs to a device of another person, or to one that was revoked",
        "Make a new key: one for each person on each device.",
    ),
    "devices-full": ProblemType(
        HTTPStatus.CONFLICT, "somebody has as many devices as one may have", "Revoke one that is not used any more."
    ),
    "late-full": ProblemType(
        HTTPStatus.CONFLICT,
        "the device has handed in as much as it may without a session",
        "Sign in again on that device; what is not handed in stays there.",
    ),
    "email-taken": ProblemType(
        HTTPStatus.CONFLICT, "somebody else signs in by that e-mail", "Choose another, or ask whoever has it."
    ),
    "weak-password": ProblemType(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "the new password is among the first that anybody would guess: it has leaked, or is made of what has",
        "Take a few words that only you would put together.",
    ),
    "tenant-missing": ProblemType(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "several companies are served here, and the request does not say which is meant",
        "Send `tenant` with the company's id.",
    ),
    "passkey-refused": ProblemType(
        HTTPStatus.CONFLICT,
        "the new passkey is not good, or answers no options of the last minutes",
        "Begin again with fresh options.",
    ),
    "scope-unknown": ProblemType(
        HTTPStatus.UNPROCESSABLE_ENTITY, "a scope that there is not, or that the account has not", _CORRECT
    ),
    "sign-in-off": ProblemType(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "this server has no accounts to sign in to, only bearer tokens",
        "Use a bearer token.",
    ),
    "version-unknown": ProblemType(
        HTTPStatus.BAD_REQUEST,
        "the header `Cairnfield-Version` names none of the dated versions that are answered",
        "Leave the header out for the newest, or name one of `versions`.",
    ),
    "client-too-old": ProblemType(
        HTTPStatus.UPGRADE_REQUIRED,
        "reads in a version of `Cairnfield-Version` that was retired; handing in is never refused so",
        "Hand in what was done offline, then update the app.",
    ),
    "request-too-slow": ProblemType(
        HTTPStatus.REQUEST_TIMEOUT,
        "the headers took longer than ten seconds, or the body came by fewer than 250 bytes a second",
        "Send the same request again on a new connection; smaller batches pass where the way is slow.",
    ),
    "headers-too-large": ProblemType(
        HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
        "the headers of a request have more than 32 KiB",
        "Send fewer or shorter headers.",
    ),
    "quota-exceeded": ProblemType(
        HTTPStatus.TOO_MANY_REQUESTS,
        "more was asked than is given at once; `violated-policies` says of what, `RateLimit` how much is left",
        "Send the same request again after the seconds of `Retry-After`; nothing of it was done.",
    ),
    "webhook-not-found": ProblemType(
        HTTPStatus.NOT_FOUND,
        "no webhook of that id, or none that whoever speaks looks after",
        "`GET /v1/webhooks` lists those that you look after.",
    ),
    "not-your-webhook": ProblemType(
        HTTPStatus.FORBIDDEN,
        "somebody else's webhook is to lead elsewhere, or to tell its secret",
        "Pause or delete it, and subscribe in your own name.",
    ),
    "too-many-webhooks": ProblemType(
        HTTPStatus.CONFLICT,
        "the tenant has as many webhooks as it may have",
        "Delete one that is not needed, or let one receiver pass events on.",
    ),
    "too-many-errands": ProblemType(
        HTTPStatus.CONFLICT,
        "as many replays and pings wait at the webhook as may",
        "Wait until some of them are done: `errands` of the webhook lists them.",
    ),
    "webhook-changed": ProblemType(
        HTTPStatus.PRECONDITION_FAILED,
        "somebody has changed the webhook since the version in `If-Match`; `version` tells the one that it has now",
        _LOOK_AGAIN,
    ),
    "url-refused": ProblemType(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "a webhook is to lead to something else than a public host by https on port 443",
        "Give your receiver a public name and a certificate.",
    ),
    "unknown-facts": ProblemType(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "a webhook is to be told facts that there are none of",
        "`docs/reference/event-catalogue.md` has every name; `visit.*` is every fact of visits, `*` everything.",
    ),
    "no-checkpoint": ProblemType(
        HTTPStatus.NOT_FOUND,
        "no checkpoint was signed yet of this log in its epoch",
        "Ask again in a minute. If none comes, the server's own log says why nothing is signed.",
    ),
    "event-not-found": ProblemType(
        HTTPStatus.NOT_FOUND,
        "the log holds no event of that id or at that position",
        "Check it; what is held or set aside is not in the log.",
    ),
    "entry-not-found": ProblemType(
        HTTPStatus.NOT_FOUND,
        "the audit has given no place to an entry of that id or at that position",
        "Check it, and ask again in a minute: an entry gets its place within seconds after it was noted.",
    ),
    "tile-not-found": ProblemType(
        HTTPStatus.NOT_FOUND,
        "a tree of that size has no such tile",
        "Level 0 has a tile for every 256 events, and each level above one for every 256 tiles below.",
    ),
    "not-signed-yet": ProblemType(
        HTTPStatus.CONFLICT,
        "the event is in the log, but came after the newest checkpoint",
        "Ask again in a minute: a checkpoint is signed at least that often.",
    ),
    "evidence-too-large": ProblemType(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "a bundle of evidence is to hold more than 2,000 events, or entries of the audit",
        "Ask for single events, for a smaller scope, or for what is about one person.",
    ),
    "no-proofs": ProblemType(
        HTTPStatus.NOT_IMPLEMENTED,
        "a server that keeps its log in memory and signs no checkpoints",
        "Run it over PostgreSQL.",
    ),
    "range-reversed": ProblemType(
        HTTPStatus.CONFLICT,
        "two moments of which the second comes before the first in this log",
        "Say the earlier moment first.",
    ),
    "no-webhooks": ProblemType(
        HTTPStatus.NOT_IMPLEMENTED,
        "a server that keeps its log in memory and tells nobody of it",
        "Run it over PostgreSQL.",
    ),
    "internal-error": ProblemType(
        HTTPStatus.INTERNAL_SERVER_ERROR, "our fault", "Send it again later, and quote the `request_id` to us."
    ),
    "not-ready": ProblemType(HTTPStatus.SERVICE_UNAVAILABLE, "the database does not answer", _RESEND),
    "log-unavailable": ProblemType(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "the log cannot be reached or cannot store; all of the request or nothing of it is stored",
        _RESEND,
    ),
    "written-meanwhile": ProblemType(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "something that must be unique was written by somebody else meanwhile; nothing of the request was stored",
        _RESEND,
    ),
    "live-full": ProblemType(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "as many devices are connected live as this server takes",
        "Pull every few minutes instead: live is only a hint.",
    ),
    "log-busy": ProblemType(
        HTTPStatus.SERVICE_UNAVAILABLE, "the digest could not be taken because events kept arriving", _RESEND
    ),
}
"""By name, in the order of their statuses where several belong together."""


def title_of(kind: str) -> str:
    """The title of a kind of problem."""
    return kind.replace("-", " ").capitalize()
