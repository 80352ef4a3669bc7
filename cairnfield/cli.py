"""The `cairn` command: which subcommands there are, and how it ends when something goes wrong."""

import sys

import typer

from cairnfield import (
    audit,
    backup,
    bench,
    develop,
    durable,
    epoch,
    generate,
    import_legacy,
    keys,
    looking_back,
    projections,
    replay,
    replicate,
    up,
)
from cairnfield.archive import archive
from cairnfield.evidence import evidence
from cairnfield.failure import told
from cairnfield.prove import command as prove
from cairnfield.prove import kill_list
from cairnfield.prove_api.command import api
from cairnfield.prove_sync.command import sync
from cairnfield.query import query
from cairnfield.simulate.command import simulate
from cairnfield.verify import verify
from cairnfield.what_if import what_if

app = typer.Typer(
    name="cairn",
    help="Cairnfield keeps the records of field-service work: immutable events, made offline, merged without loss.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

# One line each. A command's module imports what is heavy inside its functions: `cairn --help` reads all of them.
app.command()(up.up)
app.command()(simulate)
app.command()(replicate.replicate)
app.command()(verify)
app.command()(replay.replay)
app.command()(evidence)
app.command()(archive)
app.command()(query)
for _looks_back in (looking_back.history, looking_back.why, looking_back.diff, looking_back.graph):
    app.command()(_looks_back)
app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(develop.test)
app.command()(develop.check)
app.command()(generate.generate)
app.command()(bench.bench)
prove.app.command()(kill_list.mutants)
prove.app.command()(sync)
prove.app.command()(api)
app.add_typer(prove.app, name="prove", help="Prove what is promised of the merge, of sync and of the API.")
app.add_typer(epoch.app, name="epoch", help="Tell devices that the server came back older than they knew it.")
app.add_typer(backup.app, name="backup", help="Take backups, and show that they can be restored.")
app.add_typer(durable.app, name="durable", help="Tell devices what they need not keep any longer.")
projections.app.command("what-if")(what_if)
app.add_typer(projections.app, name="projections", help="Look at what follows from the log, build it anew, compare.")
app.add_typer(keys.app, name="keys", help="Look at the server's own keys, let others follow, revoke one.")
app.add_typer(audit.app, name="audit", help="Erase what the audit says of a person; every proof stays.")
app.add_typer(import_legacy.app, name="import", help="Bring in what another application kept.")


def main() -> None:
    """Run `cairn`: exit status 0 when done, 1 when it could not be done, 2 when it was asked wrongly."""
    try:
        app(prog_name="cairn")
    except Exception as failure:
        explained = told(failure)
        if explained is None:
            raise
        sentence, status = explained
        print(f"cairn: {sentence}", file=sys.stderr)
        sys.exit(status)
