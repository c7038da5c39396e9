"""The catalogue of services."""

from ninja import Query, Router

from firstline.api.auth import ApiRequest
from firstline.api.comments import Cursor
from firstline.api.problems import ProblemOut
from firstline.api.schemas import ServiceOut, ServicePage
from firstline.catalog import queries
from firstline.core.pagination import paginate

router = Router(tags=["services"])


@router.get("", response={200: ServicePage}, summary="List services")
def list_services(request: ApiRequest, query: Query[Cursor]) -> ServicePage:
    rows = queries.services(request.auth.viewer)
    found = paginate(rows, ("name", "id"), cursor=query.cursor or None, size=query.size)
    return ServicePage(items=[ServiceOut.of(row) for row in found.rows], next=found.next)


@router.get("/{service_id}", response={200: ServiceOut, 404: ProblemOut}, summary="Read a service")
def get_service(request: ApiRequest, service_id: int) -> ServiceOut:
    return ServiceOut.of(queries.service(request.auth.viewer, service_id))
