"""Sources of signals: read, create, rotate the token."""

from datetime import timedelta
from typing import Any

from django.http import HttpResponse
from ninja import Query, Router, Status

from firstline.api.auth import ApiRequest
from firstline.api.comments import Cursor
from firstline.api.incidents import check_known
from firstline.api.problems import ProblemOut
from firstline.api.schemas import RotateIn, SourceIn, SourceOut, SourcePage, SourceWithToken
from firstline.api.writes import once
from firstline.core import clock
from firstline.core.pagination import paginate
from firstline.intake import actions, queries

router = Router(tags=["sources"])


@router.get("", response={200: SourcePage}, summary="List sources")
def list_sources(request: ApiRequest, query: Query[Cursor]) -> SourcePage:
    rows = queries.sources(request.auth.viewer)
    found = paginate(rows, ("name", "id"), cursor=query.cursor or None, size=query.size)
    return SourcePage(items=[SourceOut.of(row) for row in found.rows], next=found.next)


@router.post("", response={201: SourceWithToken}, summary="Add a source")
@once
def create_source(request: ApiRequest, response: HttpResponse, data: SourceIn) -> Any:
    """The answer holds its token, this once."""
    request.auth.viewer.require("source.edit")
    check_known(data.dict())
    row, token = actions.create_source(
        actor=request.auth.actor, now=clock.now(), **data.dict(exclude_unset=True)
    )
    response["Location"] = f"/api/v1/sources/{row.id}"
    return Status(201, SourceWithToken(source=SourceOut.of(row), token=token))


@router.get("/{source_id}", response={200: SourceOut, 404: ProblemOut}, summary="Read a source")
def get_source(request: ApiRequest, source_id: int) -> SourceOut:
    return SourceOut.of(queries.source(request.auth.viewer, source_id))


@router.post(
    "/{source_id}/rotate", response={200: SourceWithToken, 404: ProblemOut}, summary="Give it a new token"
)
@once
def rotate_source(request: ApiRequest, response: HttpResponse, source_id: int, data: RotateIn) -> Any:
    """The old token stays good for the overlap, so that senders can be changed one by one."""
    request.auth.viewer.require("source.edit")
    queries.source(request.auth.viewer, source_id)
    row, token = actions.rotate_token(
        source_id,
        actor=request.auth.actor,
        now=clock.now(),
        overlap=timedelta(hours=data.overlap_hours),
    )
    return Status(200, SourceWithToken(source=SourceOut.of(row), token=token))
