"""The conversation of an incident."""

from typing import Annotated, Any

from django.http import HttpResponse
from ninja import Query, Router, Schema, Status
from pydantic import Field

from firstline.api.auth import ApiRequest
from firstline.api.problems import ProblemOut
from firstline.api.schemas import CommentIn, CommentOut, CommentPage
from firstline.api.writes import once
from firstline.core import clock
from firstline.core.pagination import paginate
from firstline.incidents import actions, queries

router = Router(tags=["comments"])


class Cursor(Schema):
    cursor: Annotated[str, Field(max_length=500, pattern=r"^[^\x00]*$")] = ""
    size: Annotated[int, Field(ge=1, le=200)] = 50


@router.get(
    "/{incident_id}/comments", response={200: CommentPage, 404: ProblemOut}, summary="Read the conversation"
)
def list_comments(request: ApiRequest, incident_id: int, query: Query[Cursor]) -> CommentPage:
    """Comments and work notes in order."""
    request.auth.viewer.require("incident.read")
    rows = queries.comments(request.auth.viewer, incident_id)
    found = paginate(rows, ("created_at", "id"), cursor=query.cursor or None, size=query.size)
    return CommentPage(items=[CommentOut.of(row) for row in found.rows], next=found.next)


@router.post("/{incident_id}/comments", response={201: CommentOut, 404: ProblemOut}, summary="Write")
@once
def create_comment(request: ApiRequest, response: HttpResponse, incident_id: int, data: CommentIn) -> Any:
    """To the caller, or a work note."""
    request.auth.viewer.require("incident.comment")
    queries.incident(request.auth.viewer, incident_id)
    row = actions.comment(
        incident_id, data.body, public=data.public, actor=request.auth.actor, now=clock.now(), via="api"
    )
    return Status(201, CommentOut.of(row))
