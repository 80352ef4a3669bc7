"""A device that lasts: it edits without a server, and hands in and takes in when there is one.

For scripts and services in Python that write as people do. All that it knows lies in one file (`infra.device_file`),
which is up to date before a call returns: whoever is killed goes on where they were. It speaks the public API only.
"""

import secrets
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Any, Final, Self

import orjson

from domain.values import Position
from infra.backoff import pause_s
from infra.device_file import DeviceFile, DeviceFileUnfit, Owner
from infra.http_client import OfflineError, ServerRefused, SyncClient
from infra.pinned_log import checked
from infra.signed_in import SignedIn
from sync import shown
from sync.author import Author
from sync.checkpoint import Origin
from sync.device import Device, Quarantined, edit, out_of_step, restart
from sync.device import shown as state_of
from sync.envelope import Event, Tx, Unacceptable
from sync.fork import fork
from sync.frames import Page, read_page
from sync.handing_in import ask_again, next_batch, offered, settle
from sync.taking_in import apply_page
from sync.vector_clock import ReplicaId

ROUNDS_MAX: Final = 10_000
"""Steps of one sync: each hands in a batch or takes in a page."""
TRIES_MAX: Final = 8
_UNAUTHORIZED: Final = 401
_REPLICA_NOT_OURS: Final = "replica_not_yours"
_CURSOR_AHEAD: Final = "cursor_ahead"
_RESUME_UNKNOWN: Final = "resume_unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a device stands after a sync."""

    cursor: int
    """The log position that it has come to."""
    unsent: int
    """Events that were not handed in; more than none only when the sync ended early."""
    waiting: int
    """Events that the server holds until others arrive."""
    quarantined: int
    """Events that the server set aside for a person."""


class SyncedDevice:
    """One device with its file and its server; use it as a context manager, from one thread at a time.

    `path` is its file, made when it is not there: then the server must answer once, to name the replica, which people
    know by `name`. Raises DeviceFileUnfit, and for a new file OfflineError and ServerRefused.
    """

    def __init__(
        self,
        path: Path | str,
        client: SyncClient,
        *,
        name: str = "A script",
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client, self._name, self._now_ms, self._sleep = client, name, now_ms, sleep
        self._is_checked = False
        self._dice = Random()  # noqa: S311  # spreads, hides nothing
        self._file = DeviceFile(Path(path))
        try:
            self._device = self._file.load() or self._begun()
        except BaseException:
            self._file.__exit__(None, None, None)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.__exit__(kind, error, trace)
        self._client.__exit__(kind, error, trace)

    def _begun(self) -> Device:
        told = self._client.hello()
        device = Device(author=Author(replica=self._client.mint(self._name)), epoch=told["epoch"])
        self._file.begin(device, Owner(told["tenant"], told["person"]))
        return device

    @property
    def device(self) -> Device:
        """Everything it knows, as a value."""
        return self._device

    @property
    def quarantined(self) -> tuple[Quarantined, ...]:
        """Own events that the server set aside, for whoever decides what becomes of them."""
        return tuple(self._device.quarantined.values())

    def values(self, entity: str) -> dict[str, Any] | None:
        """The shown fields of an entity, own unsent edits included; None where this device knows of none."""
        state = state_of(self._device, entity)
        return shown.values(state) if state else None

    def conflicts(self, entity: str) -> list[shown.Conflict]:
        """What waits for a person in an entity."""
        state = state_of(self._device, entity)
        return shown.conflicts(state) if state else []

    def entities(self, entity_type: str) -> Iterator[str]:
        """The ids of all entities of a type that this device knows of, in their order."""
        known = {**self._device.accepted, **self._device.edited}
        return iter(sorted(entity for entity, state in known.items() if state.type == entity_type))

    def edit(
        self,
        entity_type: str,
        entity: str,
        type: str,  # noqa: A002  # its name on the wire
        data: dict[str, Any],
        *,
        id: str | None = None,  # noqa: A002  # its name on the wire
        tx: Tx | None = None,
        reason: str | None = None,
        geo: Position | None = None,
    ) -> Event:
        """Write one event; it is in the file when this returns, and is handed in by the next sync.

        `id`, a UUID of version 7, is for those who must know it before, and may have to say the same twice because they
        were killed and do not know whether they had said it: where this device has it already, that event is returned
        as it was written. No server accepts two events under one id, so from another file it is not doubled either.

        Raises envelope.Unacceptable for data that no server would take, KeyError for an event type that nobody
        declared, and ValueError for the id of an event that said something else: then nothing was written.
        """
        now_ms = self._now_ms()
        before = self._own(id) if id else None
        if before is not None:
            said = (before.entity_type, before.entity, before.type)
            if said != (entity_type, entity, type) or orjson.loads(before.raw)["data"] != data:
                raise ValueError(f"{id} is the id of another event of this device; give each its own, see new_id().")
            return before
        device, event = edit(
            self._device,
            id=id or new_id(now_ms),
            entity_type=entity_type,
            entity=entity,
            type=type,
            data=data,
            now_ms=now_ms,
            tx=tx,
            reason=reason,
            geo=geo,
        )
        self._become(device)
        return event

    def _own(self, event: str) -> Event | None:
        """An own event that this device still has."""
        device = self._device
        for found in (device.outbox.get(event), device.quarantined.get(event), device.kept.get(event)):
            if found is not None:
                return found.event
        return None

    def _become(self, device: Device) -> None:
        self._file.save(self._device, device)
        self._device = device

    def sync(self) -> Standing:
        """Hand in everything and take in everything, until both are done.

        Raises OfflineError and ServerRefused where it could not go on; what was done until then stays done, and the
        same call goes on from there. What cannot be handed in keeps nothing from being taken in. Raises
        DeviceFileUnfit for somebody else's token, envelope.Unacceptable where the server tells what only a newer
        version of this program can read, and trust.HistoryRewritten where its log is not the one that was seen before.
        """
        self._greet()
        waits = [each.event for each in self._device.outbox.values()]
        waits += [each.event for each in self._device.quarantined.values()]
        if any(event.replica != self._replica for event in waits):
            self._become(ask_again(self._device))  # while a fork was mended, no pull told of later verdicts
        for _ in range(ROUNDS_MAX):
            try:
                self._hand_in()
            except ServerRefused:
                self._take_in()
                raise
            self._take_in()
            if self._device.forked_at is not None:
                self._mend()
            elif not next_batch(self._device):
                if not self._is_checked:
                    self.check()
                return self.standing
        raise AssertionError("a sync ends")

    @property
    def standing(self) -> Standing:
        """Where the device stands."""
        verdicts = [pending.verdict for pending in self._device.outbox.values()]
        return Standing(
            cursor=self._device.cursor,
            unsent=verdicts.count(""),
            waiting=verdicts.count("held"),
            quarantined=len(self._device.quarantined),
        )

    def sync_patiently(self, *, tries_max: int = TRIES_MAX) -> Standing:
        """Sync, and try again after pauses that grow and are spread, while nobody of ours answers or they are busy.

        Raises the last OfflineError or ServerRefused; at once where the server said no for good.
        """
        for failures in range(1, tries_max + 1):
            try:
                return self.sync()
            except OfflineError:
                retry_after_s = None
                if failures == tries_max:
                    raise
            except ServerRefused as refused:
                retry_after_s = refused.retry_after_s
                if failures == tries_max or not _may_pass_later(refused):
                    raise
            self._sleep(pause_s(failures, self._dice, retry_after_s=retry_after_s))
        raise AssertionError("the last try returns or raises")

    def check(self) -> list[str]:
        """Compare what it shows with the server's digests, fetch again the scopes that differ, and return their names.

        The first sync after opening does so by itself. To be called after a sync; none differ where nothing went wrong.
        Raises OfflineError and ServerRefused.
        """
        page = _read(self._client.page(self._device.cursor, replica=self._replica, digests=True))
        device = self._device
        is_here = (page.epoch, page.view, page.cursor) == (device.epoch, device.view, device.cursor)
        if page.digests is None or page.frames or not is_here:
            return []  # something came in between: another sync is due first
        differing = out_of_step(self._device, page.digests)
        for scope in differing:
            self._take_in(refetch=scope)
        self._is_checked = True
        return differing

    def _greet(self) -> None:
        """Hear of a new epoch, of a replica that the server does not know any longer, and of a file that is too old."""
        try:
            told = self._client.hello(self._replica)
        except ServerRefused as refused:
            if refused.problem.get("code") != _REPLICA_NOT_OURS:
                raise
            told = self._client.hello()
        owner = Owner(told["tenant"], told["person"])
        if owner != self._file.owner():
            raise DeviceFileUnfit("This file is of somebody else's device: use their token, or a file of your own.")
        if told["replica"] is None and self._is_registered_again(self._replica):
            told = self._client.hello(self._replica)
        self._check_history(Origin(told["tenant"], told["epoch"]))
        device = self._device
        if told["epoch"] != device.epoch:
            device = restart(device, epoch=told["epoch"])
        row, seq = told["replica"], device.author.seq
        if row is None or row["seq"] > seq or (row["seq"] == seq and row["hash"] != device.author.prev):
            device = _under_another_name(device)
        if device is not self._device:
            self._become(device)

    def _check_history(self, origin: Origin) -> None:
        """Before anything is handed in or taken: the log still begins with what was seen of it."""
        before = self._file.pinned()
        pinned = checked(before, self._client.consistency, origin)
        if pinned != before:
            self._file.pin(pinned)

    def trust_anew(self) -> None:
        """Forget the keys and the checkpoint of before: the next sync pins what it is shown, as at first contact.

        For when the office has said that it may: its key was revoked, or a backup was lost that devices relied on.
        """
        self._file.pin(None)

    @property
    def _replica(self) -> str:
        return self._device.author.replica

    def _is_registered_again(self, replica: ReplicaId) -> bool:
        """Whether a server that has forgotten a replica of ours knows it again, as before its first event."""
        try:
            self._client.register(replica, self._name)
        except ServerRefused as refused:
            if refused.problem.get("code") != _REPLICA_NOT_OURS:
                raise
            return False
        return True

    def _hand_in(self) -> None:
        while body := next_batch(self._device):
            answer = self._pushed(body)
            self._become(_under_another_name(self._device) if answer is None else settle(self._device, answer))

    def _pushed(self, body: bytes) -> dict[str, Any] | None:
        """The answer to a push; None where the server has forgotten whose it is, and will not hear of it again."""
        try:
            return self._client.push(body)
        except ServerRefused as refused:
            if refused.problem.get("code") != _REPLICA_NOT_OURS:
                raise
        return self._client.push(body) if self._is_registered_again(offered(self._device)) else None

    def _take_in(self, *, refetch: str = "") -> None:
        while True:
            page = self._page(refetch)
            self._become(apply_page(self._device, page, now_ms=self._now_ms()))
            refetch = refetch if self._device.resume else ""
            if page.cursor >= page.head and not self._device.resume and self._device.cursor == page.cursor:
                return

    def _page(self, refetch: str) -> Page:
        device = self._device
        replica = self._replica if device.forked_at is None else None  # else the server may not even know it
        try:
            return _read(self._client.page(device.cursor, resume=device.resume, replica=replica, refetch=refetch))
        except ServerRefused as refused:
            match refused.problem.get("code"):
                case code if code == _CURSOR_AHEAD:
                    self._become(restart(device, epoch=refused.problem["epoch"]))
                case code if code == _RESUME_UNKNOWN and device.resume:
                    self._become(replace(device, resume=""))
                case _:
                    raise
        return self._page(refetch)

    def _mend(self) -> None:
        """Go on under a new name; whatever a clone of ours handed in was taken in just now."""
        self._become(fork(self._device, replica=self._client.mint(self._name)))


def open_device(path: Path | str, url: str, token: str, *, name: str = "A script") -> SyncedDevice:
    """The device in a file, speaking to the server at `url` with a bearer token; see SyncedDevice."""
    client = SyncClient(url, token)
    try:
        return SyncedDevice(path, client, name=name)
    except BaseException:
        client.__exit__(None, None, None)
        raise


def open_signed_in(
    path: Path | str, url: str, *, email: str, password: str, name: str = "A script", tenant: str | None = None
) -> SyncedDevice:
    """The device in a file, as a registered device of somebody who signs in by password; see SyncedDevice.

    Its key and its session are kept beside it, in `<path>-session`. The password is used when there is no session that
    goes on: at first, and when nobody has synced for a month.
    """
    client = signed_in(f"{path}-session", url, email=email, password=password, name=name, tenant=tenant)
    try:
        return SyncedDevice(path, client, name=name)
    except BaseException:
        client.__exit__(None, None, None)
        raise


def signed_in(
    path: Path | str, url: str, *, email: str, password: str, name: str, tenant: str | None = None
) -> SyncClient:
    """The routes for somebody who signs in by password, as the registered device whose key and session `path` keeps.

    Raises OfflineError and ServerRefused.
    """
    session = SignedIn(path)
    client = SyncClient(url, auth=session)
    try:
        if not (session.is_signed_in and _goes_on(client)):
            session.sign_in(client.http, email=email, password=password, tenant=tenant)
        if session.device is None:
            session.register(client.http, name)
    except BaseException:
        client.__exit__(None, None, None)
        raise
    return client


def _goes_on(client: SyncClient) -> bool:
    """Whether the session does; where nobody answers, it may."""
    try:
        client.hello()
    except OfflineError:
        return True
    except ServerRefused as refused:
        return refused.status != _UNAUTHORIZED
    return True


def new_id(now_ms: int | None = None) -> str:
    """A new UUID of version 7, for an event or for a new entity."""
    ms = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    return str(uuid.UUID(int=ms << 80 | 7 << 76 | secrets.randbits(12) << 64 | 2 << 62 | secrets.randbits(62)))


def _read(lines: bytes) -> Page:
    """A page; raises OfflineError for one that was cut off on the way, Unacceptable for what only a newer program of
    ours can read."""
    try:
        return read_page(lines)
    except Unacceptable:
        raise
    except ValueError as cut:
        raise OfflineError(f"the page was not whole: {cut}") from cut


def _under_another_name(device: Device) -> Device:
    """The device that must fork, because the server has other events under its name, or will not know it."""
    return replace(device, forked_at=device.author.seq + 1)


def _may_pass_later(refused: ServerRefused) -> bool:
    """Whether the same may be answered otherwise later; somebody on the way who says no is not the server."""
    return not refused.is_ours or refused.status in (408, 429) or refused.status >= 500
