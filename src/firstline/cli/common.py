"""What every command shares: errors as sentences, exit codes that mean something, Django when it is needed."""

import contextlib
import json
import os
import sys
import tempfile
import traceback
from collections.abc import Iterator
from enum import IntEnum
from typing import Any

from rich.console import Console

from firstline.config import env
from firstline.config.env import Environment, WrongSettings
from firstline.config.up import database_for_command, passed_on

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


class Exit(IntEnum):
    """As in sysexits.h where it has a word for it; 2 is a wrong command line."""

    OK = 0
    FINDING = 1
    UNAVAILABLE = 69
    INTERNAL = 70
    SETTINGS = 78
    INTERRUPTED = 130


@contextlib.contextmanager
def application(*, create: bool = False) -> Iterator[Environment]:
    """Settings checked, a database at hand (made only with `create`), Django set up. Import apps inside."""
    environment = env.read()
    with database_for_command(environment, create=create):
        os.environ.update(passed_on(environment))
        import django

        django.setup()
        yield environment


def print_json(value: Any) -> None:
    sys.stdout.write(json.dumps(value, indent=2, default=str, ensure_ascii=False) + "\n")


def complain(sentence: str) -> None:
    err.print(sentence, style="red", markup=False)


def explain(error: BaseException) -> Exit:
    """Say on standard error what went wrong and what to do; the exit status for it."""
    from firstline.config.account import CannotRun

    if isinstance(error, WrongSettings):
        for line in error.lines:
            complain(line)
        return Exit.SETTINGS
    if isinstance(error, CannotRun):
        complain(str(error))
        return Exit.UNAVAILABLE
    if isinstance(error, KeyboardInterrupt):
        return Exit.INTERRUPTED
    return _explain_deeper(error)


def _explain_deeper(error: BaseException) -> Exit:
    """Errors of the database and of the domain; these modules are loaded only when something went wrong."""
    import psycopg
    from django.core.exceptions import ImproperlyConfigured
    from django.db.utils import OperationalError, ProgrammingError

    from firstline.core.errors import DomainError

    if isinstance(error, DomainError):
        complain(str(error))
        return Exit.FINDING
    if isinstance(error, ImproperlyConfigured):
        complain(str(error))
        return Exit.SETTINGS
    if isinstance(error, (OperationalError, psycopg.OperationalError)):
        complain(f"The database does not answer: {str(error).strip().splitlines()[0]}")
        complain(
            "Start Firstline (firstline up), or check FIRSTLINE_DATABASE_URL; firstline doctor tells more."
        )
        return Exit.UNAVAILABLE
    absent = (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedFunction)
    if isinstance(error, ProgrammingError) and isinstance(error.__cause__, absent):
        complain("The database does not have this version's tables yet: run firstline migrate.")
        return Exit.UNAVAILABLE
    with tempfile.NamedTemporaryFile("w", prefix="firstline-error-", suffix=".txt", delete=False) as file:
        traceback.print_exception(error, file=file)
    complain(f"That should not have happened: {type(error).__name__}: {error}")
    complain(f"The details for a report are in {file.name}")
    return Exit.INTERNAL
