"""`cairn simulate`: a day of many devices, and whether it can be proven that nothing was lost."""

import json
import os
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from cairnfield.failure import CannotGoOn

if TYPE_CHECKING:
    from rich.console import Console

    from cairnfield.simulate.plan import Plan, Role
    from cairnfield.simulate.proof import Proof
    from cairnfield.simulate.run import Run
    from cairnfield.simulate.server import Server
    from infra.http_client import SyncClient

ROLES: Final[tuple["Role", ...]] = ("dispatcher", "supervisor", "technician")


def simulate(  # noqa: PLR0917  # typer reads them by name
    devices: Annotated[int, typer.Option(min=2, max=200, help="How many devices, a dispatcher's among them.")] = 20,
    hours: Annotated[int, typer.Option(min=1, max=72, help="How long the day is.")] = 8,
    seed: Annotated[int, typer.Option(help="The same seed on the same records gives the same history.")] = 7,
    url: Annotated[str | None, typer.Option(help="A server elsewhere; needs --sign-in or --token.")] = None,
    token: Annotated[
        list[str] | None, typer.Option(help="role=token, once for dispatcher, supervisor and technician.")
    ] = None,
    sign_in: Annotated[
        list[str] | None,
        typer.Option(help="role=e-mail, once for each of these roles; their password is in CAIRN_PASSWORD."),
    ] = None,
    data: Annotated[Path | None, typer.Option(help="The data folder of `cairn up`. [default: .cairn]")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the counts as JSON, and nothing else.")] = False,
    tamper: Annotated[bool, typer.Option("--tamper", help="Spoil one device first, to see the proof fail.")] = False,
) -> None:
    """Let many devices work a day, offline and online, and prove that nothing was lost. Exit status 1 if it was."""
    from rich.console import Console

    from cairnfield.database import settings_with
    from cairnfield.simulate.plan import plan
    from cairnfield.wiring import now_ms

    console = Console(highlight=False, soft_wrap=True, quiet=as_json)
    kept = settings_with(data=data).data
    with _signed_in(url, sign_in, kept) if sign_in else _by_tokens(url, token or (), kept) as clients:
        day = plan(seed=seed, devices=devices, hours=hours)
        run, proof = play(day, clients, now_ms=now_ms(), console=console, tamper=tamper)
    told = summary(run, proof)
    if as_json:
        print(json.dumps(told))
    else:
        _tell(console, told, run, proof)
    if not proof.holds:
        sys.exit(1)


def play(
    day: "Plan", clients: "Mapping[Role, SyncClient]", *, now_ms: int, console: "Console", tamper: bool = False
) -> "tuple[Run, Proof]":
    """Let a planned day end at `now_ms`, and prove it; `tamper` spoils what one device has accepted before."""
    from cairnfield.simulate.proof import prove
    from cairnfield.simulate.run import Run, start_of
    from cairnfield.simulate.view import LiveView, NoView

    run = Run(day, clients, start_ms=start_of(day, now_ms=now_ms))
    if console.is_terminal and not console.quiet:
        with LiveView(console, day) as view:
            run.live(view)
    else:
        run.live(NoView())
    if tamper:
        _spoil(run)
    return run, prove(clients["dispatcher"], run.devices, run.authored, run.told)


def _spoil(run: "Run") -> None:
    """Let the last device believe in one event more than there was."""
    device = run.devices[-1]
    entity, state = next(iter(device.accepted.items()))
    spoilt = state._replace(version=state.version + 1)
    run.devices[-1] = replace(device, accepted={**device.accepted, entity: spoilt})


def summary(run: "Run", proof: "Proof") -> dict[str, Any]:
    """What `--json` prints."""
    counted = asdict(proof)
    faults = counted.pop("faults")
    return {
        "devices": len(run.devices),
        "hours": run.plan.hours,
        "seed": run.plan.seed,
        **counted,
        "lost_answers": run.lost_answers,
        "forks": run.forks,
        "proofs": run.proofs,
        "history": run.world.history,
        "equal": proof.holds,
        "faults": list(faults),
    }


def _tell(console: "Console", told: Mapping[str, Any], run: "Run", proof: "Proof") -> None:
    console.print(
        f"{told['devices']} devices, {told['hours']} hours, seed {told['seed']}; "
        f"answers lost on the way: {told['lost_answers']}, phones restored from a backup: {told['forks']}"
    )
    console.print(
        f"authored {told['authored']} = accepted {told['accepted']} + quarantined {told['quarantined']} "
        f"+ still on a device {told['on_device']} (held {told['held']})"
    )
    console.print(f"{told['positions']} positions in the log; {told['conflicts_open']} conflicts wait for a person")
    console.print(f"at {told['proofs']} pulls the log was shown to begin with what the device had seen of it before")
    console.print(f"history: sha256:{told['history']}")
    if proof.holds:
        console.print(f"[green]no position is missing, and all {len(run.devices)} replicas equal the server:[/green]")
        console.print(f"state: sha256:{told['state_hash']}")
    for fault in proof.faults:
        console.print(f"[red]not proven:[/red] {fault}", markup=True)


@contextmanager
def _signed_in(url: str | None, sign_in: Sequence[str], data: Path) -> "Generator[Mapping[Role, SyncClient]]":
    """As people whom everybody there knows: each is a registered device, which is the same one the next time."""
    from infra.http_client import OfflineError, ServerRefused
    from infra.sync_client import signed_in

    emails = {role: email for role, _, email in (each.partition("=") for each in sign_in)}
    password = os.environ.get("CAIRN_PASSWORD", "")
    if url is None or not password or emails.keys() != set(ROLES):
        raise CannotGoOn(
            "Say --url, --sign-in dispatcher=… --sign-in supervisor=… --sign-in technician=… with their e-mails, and "
            "their password in CAIRN_PASSWORD."
        )
    as_device = partial(signed_in, url=url, password=password, name="A simulation")
    with ExitStack() as stack:
        try:
            yield {
                role: stack.enter_context(as_device(data / f"simulate-{role}.session", email=emails[role]))
                for role in ROLES
            }
        except (OfflineError, ServerRefused) as failure:
            raise CannotGoOn(f"{url}: {failure}") from failure


@contextmanager
def _by_tokens(url: str | None, tokens: Sequence[str], data: Path) -> "Generator[Mapping[Role, SyncClient]]":
    with _server(url, tokens, data) as server, _clients(server) as clients:
        yield clients


@contextmanager
def _server(url: str | None, tokens: Sequence[str], data: Path) -> "Generator[Server]":
    from cairnfield.simulate.server import Server, reach

    if url is None:
        with reach(data) as found:
            yield found
        return
    told = {
        role: value for role, _, value in (each.rpartition("=") if "=" in each else ("", "", each) for each in tokens)
    }
    if not told:
        raise CannotGoOn(
            "A server elsewhere needs tokens: --token dispatcher=… --token supervisor=… --token technician=…"
        )
    yield Server(url, {role: told.get(role) or told.get("") or next(iter(told.values())) for role in ROLES})


@contextmanager
def _clients(server: "Server") -> "Generator[Mapping[Role, SyncClient]]":
    from infra.http_client import OfflineError, ServerRefused, SyncClient

    missing = [role for role in ROLES if role not in server.tokens]
    if missing:
        raise CannotGoOn(f"There is no token for a {missing[0]}; `cairn up` writes one for each role.")
    with ExitStack() as stack:
        try:
            yield {role: stack.enter_context(SyncClient(server.url, server.tokens[role])) for role in ROLES}
        except (OfflineError, ServerRefused) as failure:
            raise CannotGoOn(f"{server.url}: {failure}") from failure
