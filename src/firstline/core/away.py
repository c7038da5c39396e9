"""Which failures of the database concern the database, and which the thing that was tried.

A database that is gone, read-only, full or busy is waited for; nothing is wrong with what was tried. Anything else
would fail again, so whoever tried must set it aside. The driver calls both OperationalError.
"""

import psycopg
from django.db import InterfaceError, OperationalError

# https://www.postgresql.org/docs/current/errcodes-appendix.html
# connection, resources, system, deadlock and serialization, shutdown
CLASSES = ("08", "53", "58", "40", "57P")
STATES = frozenset({"25006", "55P03"})  # read-only, lock not available


def is_away(error: BaseException) -> bool:
    """Whether the same will work once the database is well: it is no fault of the statement or its data."""
    driver = error if isinstance(error, psycopg.Error) else error.__cause__
    if not isinstance(driver, psycopg.Error):
        return isinstance(error, OperationalError | InterfaceError)
    if driver.sqlstate is None:  # it never reached the server, or the connection broke
        return isinstance(driver, psycopg.OperationalError | psycopg.InterfaceError)
    return driver.sqlstate.startswith(CLASSES) or driver.sqlstate in STATES
