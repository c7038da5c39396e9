"""What writes share: once per Idempotency-Key, and only on the version that If-Match names."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.db import transaction
from ninja import Schema, Status

from firstline.api.auth import ApiRequest
from firstline.api.problems import PreconditionFailed
from firstline.core import clock, idempotency
from firstline.core.idempotency import Answer
from firstline.incidents import queries
from firstline.incidents.actions.writing import locked
from firstline.incidents.models import Incident

P = ParamSpec("P")
Operation = Callable[Concatenate[ApiRequest, P], Status[Schema]]


def once(operation: Operation[P]) -> Operation[P]:
    """Do a POST in one transaction; with an Idempotency-Key, do it once and repeat its first answer."""

    @wraps(operation)
    def run(request: ApiRequest, /, *args: P.args, **kwargs: P.kwargs) -> Status[Schema]:
        key = request.headers.get("Idempotency-Key", "")
        with transaction.atomic():
            if not key:
                return operation(request, *args, **kwargs)
            print_ = idempotency.fingerprint(
                str(request.method).encode(), request.get_full_path().encode(), request.body
            )
            known = idempotency.begin(request.auth.scope, key, print_, now=clock.now())
            if known is not None:
                return Status(known.status, known.body)
            answer = operation(request, *args, **kwargs)
            kept = answer.value.model_dump(mode="json")
            idempotency.finish(request.auth.scope, key, Answer(answer.status_code, kept))
            return answer

    return run


def etag(incident: Incident) -> str:
    return f'"{incident.version}"'


def matched(request: ApiRequest, incident_id: int) -> None:
    """Lock the incident and check If-Match; `PreconditionFailed` when it is another version. Inside a transaction."""
    wanted = request.headers.get("If-Match", "").strip()
    if not wanted or wanted == "*":
        return
    queries.incident(request.auth.viewer, incident_id)
    row = locked([incident_id])[0]
    if etag(row) not in [part.strip().removeprefix("W/") for part in wanted.split(",")]:
        raise PreconditionFailed(f"It is version {row.version} now; read it again and decide.")
