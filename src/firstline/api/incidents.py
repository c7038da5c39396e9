"""Incidents: list, create, read, change."""

from typing import Annotated, Any, Literal

from django.db import transaction
from django.http import HttpResponse
from ninja import Header, Query, Router, Schema, Status
from pydantic import Field

from firstline.accounts import queries as accounts
from firstline.accounts.viewer import SYSTEM
from firstline.api.auth import ApiRequest
from firstline.api.problems import ProblemOut
from firstline.api.schemas import IncidentIn, IncidentOut, IncidentPage, IncidentPatch
from firstline.api.writes import etag, matched, once
from firstline.catalog import queries as catalog
from firstline.core import clock
from firstline.core.errors import Invalid, NotFound
from firstline.desk import filters
from firstline.desk import queries as desk
from firstline.incidents import actions, queries
from firstline.incidents.actions.register import Report
from firstline.incidents.models import Incident

router = Router(tags=["incidents"])

_KNOWN = {
    "service_id": catalog.service,
    "category_id": catalog.category,
    "group_id": accounts.group,
    "caller_id": accounts.person,
    "assignee_id": accounts.person,
}


class ListQuery(Schema):
    q: Annotated[str, Field(max_length=500, pattern=r"^[^\x00]*$")] = Field(
        "", description="As typed into the console's search: `is:open priority:P1,P2 group:first-line vpn`"
    )
    sort: Literal["", "work_next", "updated", "opened", "resolved"] = ""
    cursor: Annotated[str, Field(max_length=500, pattern=r"^[^\x00]*$")] = ""
    size: Annotated[int, Field(ge=1, le=200)] = 50


def check_known(values: dict[str, Any]) -> None:
    """`Invalid` for the first id that names nothing."""
    for name, look_up in _KNOWN.items():
        if (wanted := values.get(name)) is not None:
            try:
                look_up(SYSTEM, wanted)
            except NotFound as error:
                raise Invalid(str(error), {name: "unknown"}) from error


def shown(request: ApiRequest, response: HttpResponse, row: Incident) -> IncidentOut:
    """The incident as it is now, with its ETag."""
    found = queries.incident(request.auth.viewer, row.id)
    response["ETag"] = etag(found)
    return IncidentOut.of(found)


@router.get("", response={200: IncidentPage}, summary="List incidents")
def list_incidents(request: ApiRequest, query: Query[ListQuery]) -> IncidentPage:
    """Incidents that you may see, filtered and sorted as in the console; paged by cursor."""
    viewer = request.auth.viewer
    viewer.require("incident.read")
    wanted = filters.parse(query.q)
    if wanted.wrong:
        raise Invalid(f"Not understood: {', '.join(wanted.wrong)}.", {"q": ", ".join(wanted.wrong)})
    found = desk.queue(
        viewer, wanted, now=clock.now(), sort=query.sort, cursor=query.cursor or None, size=query.size
    )
    return IncidentPage(items=[IncidentOut.of(row.incident) for row in found.rows], next=found.next)


@router.post("", response={201: IncidentOut}, summary="Register an incident")
@once
def create_incident(
    request: ApiRequest,
    response: HttpResponse,
    data: IncidentIn,
    idempotency_key: Annotated[str, Header(alias="Idempotency-Key", max_length=255)] = "",
) -> Any:
    """Registered at once; categorised, compared, prioritised and given an owner right after. A machine may leave the
    caller out; a person without `caller_id` reports for themselves."""
    viewer, actor, now = request.auth.viewer, request.auth.actor, clock.now()
    caller_id = data.caller_id or (actor.id if actor.is_human else None)
    viewer.require("report.create" if actor.is_human and caller_id == actor.id else "incident.create")
    check_known(data.dict())
    fields = data.dict(exclude={"caller_id"})
    report = Report(
        channel="API",
        received_at=now,
        caller_id=caller_id,
        reporter_id=actor.id if actor.is_human else None,
        **fields,
    )
    row = actions.register_one(report, actor=actor, now=now)
    response["Location"] = f"/api/v1/incidents/{row.id}"
    # who reports a security incident may not read it any more; they get back what they said, with its number
    found = queries.incident(SYSTEM, row.id)
    if viewer.may("incident.read"):
        response["ETag"] = etag(found)
    return Status(201, IncidentOut.of(found))


@router.get("/{incident_id}", response={200: IncidentOut, 404: ProblemOut}, summary="Read an incident")
def get_incident(request: ApiRequest, response: HttpResponse, incident_id: int) -> IncidentOut:
    """With its `ETag`."""
    viewer = request.auth.viewer
    viewer.require("incident.read")
    found = queries.incident(viewer, incident_id)
    actions.note_read(found, viewer, now=clock.now())
    response["ETag"] = etag(found)
    return IncidentOut.of(found)


@router.patch(
    "/{incident_id}",
    response={200: IncidentOut, 404: ProblemOut, 409: ProblemOut, 412: ProblemOut},
    summary="Change an incident",
)
@transaction.atomic
def patch_incident(
    request: ApiRequest,
    response: HttpResponse,
    incident_id: int,
    data: IncidentPatch,
    if_match: Annotated[str, Header(alias="If-Match", max_length=255)] = "",
) -> IncidentOut:
    """Only what is sent is changed. What priority depends on is assessed anew right after."""
    actor, now = request.auth.actor, clock.now()
    request.auth.viewer.require("incident.work")
    matched(request, incident_id)
    values = data.dict(exclude_unset=True)
    version, category_id = values.pop("version", None), values.pop("category_id", None)
    nothing = [n for n in ("title", "degradation", "extent", "can_work") if n in values and values[n] is None]
    if nothing:
        raise Invalid("These can't be empty.", dict.fromkeys(nothing, "can't be null"))
    texts = ("description", "caller_phone", "caller_place", "cause", "verdict", "tlp")
    values |= {name: "" for name in texts if name in values and values[name] is None}
    if "personal_data" in values:
        values["personal_data"] = bool(values["personal_data"])
    check_known({**values, "category_id": category_id})
    row = actions.edit(incident_id, values, actor=actor, now=now, version=version)
    if category_id is not None:
        row = actions.categorise(
            incident_id, category_id, actor=actor, now=now, version=version if not values else None
        )
    return shown(request, response, row)
