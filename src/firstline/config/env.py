"""The settings an administrator may change: `FIRSTLINE_*` in the environment, parsed and checked in one place."""

import os
from pathlib import Path
from typing import Any

from psycopg.conninfo import conninfo_to_dict

from .embedded import default_data_directory, url_of


def database_url() -> str:
    """The address of the database: the administrator's, or the embedded one of the data directory."""
    return os.environ.get("FIRSTLINE_DATABASE_URL") or url_of(
        Path(os.environ.get("FIRSTLINE_DATA") or default_data_directory())
    )


def django_database(url: str) -> dict[str, Any]:
    """The Django form of a PostgreSQL address; what Django has no name for goes to the driver as it is."""
    parts: dict[str, Any] = dict(conninfo_to_dict(url))
    names = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
    known = {django: str(parts.pop(libpq, "")) for libpq, django in names.items()}
    return {"ENGINE": "django.db.backends.postgresql", **known, "OPTIONS": parts}
