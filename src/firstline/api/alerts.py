"""Alerts: what sources say, deduplicated."""

from typing import Annotated, Literal

from ninja import Query, Router, Schema
from pydantic import Field

from firstline.api.auth import ApiRequest
from firstline.api.problems import ProblemOut
from firstline.api.schemas import AlertOut, AlertPage
from firstline.core.errors import NotFound
from firstline.core.pagination import paginate
from firstline.desk.alerts import STATES, visible_spans

router = Router(tags=["alerts"])


class AlertQuery(Schema):
    state: Literal["open", "muted", "ended", "all"] = "open"
    incident_id: Annotated[int, Field(ge=1, le=2**63 - 1)] | None = None
    cursor: Annotated[str, Field(max_length=500, pattern=r"^[^\x00]*$")] = ""
    size: Annotated[int, Field(ge=1, le=200)] = 50


@router.get("", response={200: AlertPage}, summary="List alerts")
def list_alerts(request: ApiRequest, query: Query[AlertQuery]) -> AlertPage:
    """Stretches of firing, the latest signal first."""
    rows = visible_spans(request.auth.viewer).filter(STATES[query.state])
    if query.incident_id is not None:
        rows = rows.filter(incident_id=query.incident_id)
    rows = rows.select_related("source", "service", "alert")
    found = paginate(rows, ("-id",), cursor=query.cursor or None, size=query.size)
    return AlertPage(items=[AlertOut.of(row) for row in found.rows], next=found.next)


@router.get("/{alert_id}", response={200: AlertOut, 404: ProblemOut}, summary="Read an alert")
def get_alert(request: ApiRequest, alert_id: int) -> AlertOut:
    row = (
        visible_spans(request.auth.viewer)
        .select_related("source", "service", "alert")
        .filter(id=alert_id)
        .first()
    )
    if row is None:
        raise NotFound("There is no such alert.")
    return AlertOut.of(row)
