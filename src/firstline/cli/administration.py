"""Commands of an administrator at a terminal."""

import sys
from typing import Annotated

import typer

import firstline

from .common import application, out


def migrate() -> None:
    """Bring the database to this version. Safe to run from several machines at once."""
    with application(create=True):
        from firstline.config.prepare import migrate_and_collect

        migrate_and_collect()
        out.print("The database is at this version.")


def createadmin(
    email: Annotated[
        str, typer.Option(prompt="E-mail address", help="What the administrator signs in with.")
    ],
    name: Annotated[str, typer.Option(prompt="Name")],
    password: Annotated[
        str,
        typer.Option(
            prompt="Password", hide_input=True, confirmation_prompt=True, envvar="FIRSTLINE_PASSWORD"
        ),
    ],
) -> None:
    """Create an administrator, also when there are some already."""
    with application(create=True):
        from firstline.accounts import actions
        from firstline.core import clock

        person = actions.create_administrator(email=email, name=name, password=password, now=clock.now())
        out.print(f"{person.name} can sign in with {person.email}.", markup=False)


def manage(context: typer.Context) -> None:
    """Run one of Django's management commands: firstline manage check --deploy."""
    with application():
        from django.core.management import execute_from_command_line

        execute_from_command_line(["firstline manage", *context.args])


def version() -> None:
    """Print the version."""
    sys.stdout.write(firstline.__version__ + "\n")
