"""What monitoring asks: is it alive, may it get requests, does the engine turn, what are the figures."""

import hmac
from functools import cache

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, HttpResponseForbidden, JsonResponse
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from . import metrics
from .values import is_loopback

_COMPLETE: set[bool] = set()
"""Not empty once all migrations were seen: new ones come with new code, which is a new process."""

ENGINE_SILENT = 60.0
"""Seconds without a cycle after which the engine counts as standing still."""


@require_safe
def alive(_request: HttpRequest) -> HttpResponse:
    """200 while the process answers; asks nobody else."""
    return HttpResponse("ok\n", content_type="text/plain")


@require_safe
def ready(_request: HttpRequest) -> JsonResponse:
    """200 when the database answers, can be written to and has this version's tables; else 503 with the reason."""
    try:
        pending = pending_migrations()
        read_only = _is_read_only()
    except DatabaseError as error:
        return JsonResponse({"ready": False, "database": str(error).splitlines()[0]}, status=503)
    if read_only:
        return JsonResponse({"ready": False, "database": "read-only"}, status=503)
    if pending:
        return JsonResponse({"ready": False, "database": "ok", "pending_migrations": pending}, status=503)
    return JsonResponse({"ready": True, "database": "ok", "pending_migrations": []})


def pending_migrations() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return [] if _COMPLETE else _not_applied()


def _is_read_only() -> bool:
    """A standby, or a database whose administrator set `default_transaction_read_only`."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::bool")
        return bool(cursor.fetchone()[0])


def _not_applied() -> list[str]:
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    names = [f"{migration.app_label}.{migration.name}" for migration, _ in plan]
    if not names:
        _COMPLETE.add(True)
    return names


@require_safe
def engine(_request: HttpRequest) -> JsonResponse:
    """When the engine last finished a cycle and how far behind it is; 503 when it stands still or the auditor
    found a page late or missing."""
    state = metrics.engine_state()
    turning = state.seconds_since_cycle is not None and state.seconds_since_cycle < ENGINE_SILENT
    body = {
        "turning": turning,
        "seconds_since_cycle": state.seconds_since_cycle,
        "lag_seconds": state.lag_seconds,
        "due": state.due,
        "inbox": state.inbox,
        "pages_late": state.findings,
    }
    return JsonResponse(body, status=200 if turning and not state.findings else 503)


@require_safe
def figures(request: HttpRequest) -> HttpResponse:
    """Prometheus' text format, for this machine, or for whoever has FIRSTLINE_METRICS_TOKEN."""
    if not _may_read_figures(request):
        return HttpResponseForbidden("Set FIRSTLINE_METRICS_TOKEN and send it as a bearer token.\n")
    return HttpResponse(generate_latest(_registry()), content_type=CONTENT_TYPE_LATEST)


def _may_read_figures(request: HttpRequest) -> bool:
    token = settings.ENVIRONMENT.metrics_token
    if token:
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        return hmac.compare_digest(given.encode(), token.encode())
    client = request.headers.get("X-Forwarded-For") or request.META.get("REMOTE_ADDR", "")
    return is_loopback(client)


@cache
def _registry() -> metrics.CollectorRegistry:
    return metrics.registry()
