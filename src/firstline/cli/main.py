"""The `firstline` command. Each command is a function in a module beside this one, registered here.

Command modules import apps inside their functions, after `common.application()` has set Django up.
"""

import sys

import typer

from . import administration, backup, common, doctor, importing, replay, running, selftest, simulate

app = typer.Typer(
    name="firstline",
    help="Incident management: from a signal to a closed, rated incident.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.command("up")(running.up)
app.command("serve")(running.serve)
app.command("engine")(running.engine)
app.command("worker")(running.worker)
app.command("auditor")(running.auditor)
app.command("doctor")(doctor.doctor)
app.command("selftest")(selftest.selftest)
app.command("migrate")(administration.migrate)
app.command("createadmin")(administration.createadmin)
app.command("backup")(backup.backup)
app.command("restore")(backup.restore)
app.command("simulate")(simulate.simulate)
app.command("replay")(replay.replay)
app.add_typer(importing.app, name="import")
app.command("manage", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(
    administration.manage
)
app.command("version")(administration.version)


def run() -> None:
    """Run the command line. A user sees sentences, never a traceback."""
    try:
        app()
    except Exception as error:  # noqa: BLE001 - the last place where it can become a sentence
        sys.exit(common.explain(error))
    except KeyboardInterrupt as error:
        sys.exit(common.explain(error))


if __name__ == "__main__":
    run()
