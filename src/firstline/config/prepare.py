"""Before anything is served: migrations applied, static files collected. Skipped when nothing has changed."""

from django.conf import settings
from django.core.management import call_command
from django.db import connection

from firstline.core import clock
from firstline.workflow.seed import ensure_defaults

from .fingerprint import mark_collected, mark_prepared

_LOCK = 4_711_002
"""The advisory lock under which one process at a time migrates, however many machines start together."""


def migrate_and_collect() -> None:
    migrate()
    collect()
    mark_prepared(settings.ENVIRONMENT.data)


def migrate() -> None:
    """Migrations, then what every installation has from the start (a catch-all group, a matrix, calendars)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        try:
            call_command("migrate", verbosity=0, interactive=False)
            ensure_defaults(now=clock.now())
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])


def collect() -> None:
    """Every static file, hashed and compressed, in one folder; each machine that serves pages has its own."""
    settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)
    call_command("collectstatic", verbosity=0, interactive=False, clear=True)
    mark_collected(settings.STATIC_ROOT)
