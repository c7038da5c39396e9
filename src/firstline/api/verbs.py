"""What is done with an incident: one POST per verb, named as in the console."""

from typing import Any

from django.http import HttpResponse
from ninja import Router, Schema, Status

from firstline.api.auth import ApiRequest
from firstline.api.incidents import check_known, shown
from firstline.api.problems import ProblemOut
from firstline.api.schemas import (
    AssignIn,
    CancelIn,
    EscalateIn,
    HoldIn,
    IncidentOut,
    MergeIn,
    PriorityIn,
    ReopenIn,
    ResolvedOut,
    ResolveIn,
    SplitIn,
)
from firstline.api.writes import matched, once
from firstline.core import clock
from firstline.incidents import actions, queries
from firstline.intake import moving

router = Router(tags=["incident verbs"])
REFUSED = {404: ProblemOut, 409: ProblemOut, 412: ProblemOut}
DONE: dict[int, type[Schema]] = {200: IncidentOut, **REFUSED}


def _reach(request: ApiRequest, incident_id: int, verb: str = "incident.work") -> None:
    """The role must include the verb, the incident be visible and of the version that If-Match names."""
    request.auth.viewer.require(verb)
    queries.incident(request.auth.viewer, incident_id)
    matched(request, incident_id)


def _done(request: ApiRequest, response: HttpResponse, incident_id: int) -> Any:
    return Status(200, shown(request, response, queries.incident(request.auth.viewer, incident_id)))


@router.post("/{incident_id}/assign", response=DONE, summary="Assign to a group, a person or both")
@once
def assign_incident(request: ApiRequest, response: HttpResponse, incident_id: int, data: AssignIn) -> Any:
    _reach(request, incident_id)
    check_known(data.dict())
    actions.assign(incident_id, actor=request.auth.actor, now=clock.now(), **data.dict())
    return _done(request, response, incident_id)


@router.post("/{incident_id}/start", response=DONE, summary="Start work")
@once
def start_incident(request: ApiRequest, response: HttpResponse, incident_id: int) -> Any:
    _reach(request, incident_id)
    actions.start(incident_id, actor=request.auth.actor, now=clock.now())
    return _done(request, response, incident_id)


@router.post("/{incident_id}/hold", response=DONE, summary="Let it wait, with a reason and an end")
@once
def hold_incident(request: ApiRequest, response: HttpResponse, incident_id: int, data: HoldIn) -> Any:
    _reach(request, incident_id)
    actions.hold(incident_id, actor=request.auth.actor, now=clock.now(), **data.dict())
    return _done(request, response, incident_id)


@router.post("/{incident_id}/resume", response=DONE, summary="Go on with what is on hold")
@once
def resume_incident(request: ApiRequest, response: HttpResponse, incident_id: int) -> Any:
    """One that is not on hold stays as it is."""
    _reach(request, incident_id)
    actions.resume([incident_id], actor=request.auth.actor, now=clock.now())
    return _done(request, response, incident_id)


@router.post("/{incident_id}/resolve", response={200: ResolvedOut, **REFUSED}, summary="Resolve")
@once
def resolve_incident(request: ApiRequest, response: HttpResponse, incident_id: int, data: ResolveIn) -> Any:
    """Needs a resolution code and notes to the caller; P1 and P2 need the diagnosis statement first."""
    _reach(request, incident_id)
    row, children = actions.resolve(incident_id, actor=request.auth.actor, now=clock.now(), **data.dict())
    return Status(200, ResolvedOut(incident=shown(request, response, row), children=children))


@router.post("/{incident_id}/reopen", response=DONE, summary="Reopen what was resolved")
@once
def reopen_incident(request: ApiRequest, response: HttpResponse, incident_id: int, data: ReopenIn) -> Any:
    _reach(request, incident_id)
    actions.reopen(incident_id, actor=request.auth.actor, now=clock.now(), comment=data.comment)
    return _done(request, response, incident_id)


@router.post("/{incident_id}/cancel", response=DONE, summary="Cancel what was no incident")
@once
def cancel_incident(request: ApiRequest, response: HttpResponse, incident_id: int, data: CancelIn) -> Any:
    _reach(request, incident_id)
    actions.cancel(incident_id, actor=request.auth.actor, now=clock.now(), **data.dict())
    return _done(request, response, incident_id)


@router.post("/{incident_id}/escalate", response=DONE, summary="Escalate to those who know more")
@once
def escalate_incident(request: ApiRequest, response: HttpResponse, incident_id: int, data: EscalateIn) -> Any:
    _reach(request, incident_id)
    check_known(data.dict())
    actions.escalate(incident_id, actor=request.auth.actor, now=clock.now(), **data.dict())
    return _done(request, response, incident_id)


@router.post("/{incident_id}/acknowledge", response=DONE, summary="Acknowledge")
@once
def acknowledge_incident(request: ApiRequest, response: HttpResponse, incident_id: int) -> Any:
    """Stops the paging. Said once; again changes nothing."""
    _reach(request, incident_id, "incident.acknowledge")
    actions.acknowledge([incident_id], actor=request.auth.actor, now=clock.now())
    return _done(request, response, incident_id)


@router.post("/{incident_id}/merge", response=DONE, summary="Merge into another incident")
@once
def merge_incident(request: ApiRequest, response: HttpResponse, incident_id: int, data: MergeIn) -> Any:
    """This one was the same as `into_id`; the answer is that other one."""
    _reach(request, incident_id)
    queries.incident(request.auth.viewer, data.into_id)
    actions.merge(incident_id, data.into_id, actor=request.auth.actor, now=clock.now())
    return _done(request, response, data.into_id)


@router.post("/{incident_id}/split", response=DONE, summary="Split alerts out into another or a new incident")
@once
def split_incident(request: ApiRequest, response: HttpResponse, incident_id: int, data: SplitIn) -> Any:
    """Take these alerts out; without `into_id`, a new incident is opened for them. The answer is the one that has them
    now. They never join this one again by themselves."""
    _reach(request, incident_id)
    if data.into_id is not None:
        queries.incident(request.auth.viewer, data.into_id)
    move = moving.split(
        incident_id, data.alert_ids, to_id=data.into_id, actor=request.auth.actor, now=clock.now()
    )
    return _done(request, response, move.target_id)


@router.post("/{incident_id}/undo-split", response=DONE, summary="Undo the last split")
@once
def undo_split_incident(request: ApiRequest, response: HttpResponse, incident_id: int) -> Any:
    """The alerts that were last split off from this incident, or into it, go back; the answer is where they are now."""
    _reach(request, incident_id)
    move = moving.undo_split(incident_id, actor=request.auth.actor, now=clock.now())
    return _done(request, response, move.origin_id)


@router.post("/{incident_id}/priority", response=DONE, summary="Set the priority by hand")
@once
def set_priority(request: ApiRequest, response: HttpResponse, incident_id: int, data: PriorityIn) -> Any:
    """It stays until a person lifts it."""
    _reach(request, incident_id, "incident.priority")
    actions.override_priority(incident_id, actor=request.auth.actor, now=clock.now(), **data.dict())
    return _done(request, response, incident_id)
