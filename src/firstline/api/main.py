"""The API: one object with its routers, its errors, its limits in the headers and its description."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError
from ninja.openapi.schema import OpenAPISchema

from firstline.api import problems
from firstline.api.alerts import router as alerts
from firstline.api.auth import Bearer, Session
from firstline.api.comments import router as comments
from firstline.api.correlation import router as correlation
from firstline.api.incidents import router as incidents
from firstline.api.noise import rules as suppression_rules
from firstline.api.noise import windows as maintenance_windows
from firstline.api.services import router as services
from firstline.api.sources import router as sources
from firstline.api.verbs import router as verbs
from firstline.core.errors import DomainError
from firstline.core.rate import Allowance

DESCRIPTION = """
Everything that the console does with incidents can be done here.

* **Who asks**: `Authorization: Bearer <token>`; a token has scopes (`incident:read`, `incident:write`, `alert:read`,
  `service:read`, `source:read`, `source:write`, `correlation:read`, `correlation:write`), belongs to support groups and
  sees what their members see. The browser's session works too, with `X-CSRFToken` on writes.
* **Lists** are paged by cursor: follow `next` until it is null.
* **Two writers at once**: `GET` answers an `ETag`; send it back as `If-Match` and a write on another version is
  refused with 412. Without it, fields that don't conflict merge; send the `version` you saw, and a field that was
  changed since is refused with 409 and what the other wrote.
* **Sent twice, done once**: an `Idempotency-Key` on a POST makes a repetition get the first answer (for a day).
* **Errors** are RFC 9457 problem details; `type` is stable.
* **Limits**: `RateLimit` and `RateLimit-Policy` on every answer, 429 with `Retry-After` beyond.
"""


class Api(NinjaAPI):
    """NinjaAPI that says what is left of the rate limit, and documents its errors as what they are."""

    def create_response(self, request: HttpRequest, data: Any, **options: Any) -> HttpResponse:
        return with_limits(request, super().create_response(request, data, **options))

    def on_exception(self, request: HttpRequest, exc: Any) -> HttpResponse:
        return with_limits(request, super().on_exception(request, exc))

    def get_openapi_operation_id(self, operation: Any) -> str:
        return str(operation.view_func.__name__)

    def get_openapi_schema(self, **options: Any) -> OpenAPISchema:
        found = super().get_openapi_schema(**options)
        for operations in found["paths"].values():
            for operation in operations.values():
                _describe(operation)
        return found


ERRORS = {
    400: "The body is not JSON",
    401: "Who asks is not known",
    403: "The role or the token's scopes don't include this",
    404: "No such thing, or none that you may know of",
    409: "Somebody changed it meanwhile, or its state doesn't allow it; `theirs` says what they wrote",
    412: "If-Match names another version",
    422: "Something in the request is not acceptable; `errors` names the fields",
    429: "Too many requests; try again after `Retry-After` seconds",
}
_REF = {"schema": {"$ref": "#/components/schemas/ProblemOut"}}


def _describe(operation: dict[str, Any]) -> None:
    """Every error of an operation with its media type."""
    answers = operation["responses"]
    for status, text in ERRORS.items():
        needed = (
            status in (401, 403, 422, 429)
            or status in answers
            or (status == 400 and "requestBody" in operation)
        )
        if needed:
            answers.pop(status, None)
            answers[str(status)] = {"description": text, "content": {problems.MEDIA_TYPE: _REF}}


def with_limits(request: HttpRequest, answer: HttpResponse) -> HttpResponse:
    """`RateLimit` headers as in the IETF draft (draft-ietf-httpapi-ratelimit-headers-10)."""
    left: Allowance | None = getattr(request, "allowance", None)
    if left is not None:
        answer["RateLimit-Policy"] = f'"requests";q={left.limit};w=60'
        answer["RateLimit"] = f'"requests";r={left.remaining};t={left.seconds}'
    answer["Cache-Control"] = "private, no-store"
    return answer


api = Api(
    title="Firstline",
    version="1",
    description=DESCRIPTION,
    urls_namespace="api",
    auth=[Bearer(), Session()],
    docs_url=None,
    openapi_extra={"info": {"license": {"name": "Apache-2.0"}}},
)
for prefix, router in (
    ("/incidents", incidents),
    ("/incidents", verbs),
    ("/incidents", comments),
    ("/alerts", alerts),
    ("/maintenance-windows", maintenance_windows),
    ("/services", services),
    ("/sources", sources),
    ("/suppression-rules", suppression_rules),
    ("/correlation-rules", correlation),
):
    api.add_router(prefix, router)


@api.exception_handler(DomainError)
def refused(request: HttpRequest, error: DomainError) -> HttpResponse:
    return problems.of_domain(request, error)


@api.exception_handler(ValidationError)
def unfit(request: HttpRequest, error: ValidationError) -> HttpResponse:
    return problems.of_validation(request, error.errors)


@api.exception_handler(HttpError)
def refused_by_http(request: HttpRequest, error: HttpError) -> HttpResponse:
    return problems.of_status(request, error.status_code, error.message)


@api.exception_handler(Http404)
def missing(request: HttpRequest, error: Http404) -> HttpResponse:
    return problems.of_status(request, 404, "There is nothing here.")
