"""Correlation rules: the ordered list by which alerts belong together. Read, change, order, try out."""

from datetime import datetime
from typing import Annotated, Any, Literal

from django.http import HttpResponse
from ninja import Router, Schema, Status
from pydantic import Field

from firstline.api.auth import ApiRequest
from firstline.api.problems import ProblemOut
from firstline.api.schemas import Id, _example
from firstline.api.writes import once
from firstline.core import clock
from firstline.core.errors import Invalid
from firstline.intake import actions_correlation as actions
from firstline.intake import queries_correlation as queries
from firstline.intake.grounds import Rule
from firstline.intake.models import CorrelationRule

router = Router(tags=["correlation rules"])
Ground = Literal[
    "same_alert", "same_group", "shared_entity", "same_ci", "same_service", "dependency", "same_template"
]
Minutes = Annotated[int, Field(ge=0, le=527_040)]
RULE = {"ground": "same_service", "window": 30, "age": 1440, "soak": 10}


class Definition(Schema):
    """What must be in common, within which bounds, for which alerts, and how such an incident ends."""

    model_config = _example(RULE)

    ground: Ground
    window: Annotated[Minutes, Field(description="minutes since the incident's last signal; 0: any")] = 30
    age: Annotated[Minutes, Field(description="minutes since it was opened; 0: any")] = 1440
    limit: Annotated[int, Field(ge=1, le=1_000_000, description="alerts that one incident takes")] = 10_000
    reopens: Annotated[bool, Field(description="a resolved incident is reopened")] = False
    soak: Annotated[int, Field(ge=0, le=10_080, description="minutes of quiet before resolution")] = 5
    resolves: Annotated[bool, Field(description="resolved after the soak, else only proposed")] = True
    sources: Annotated[list[Id], Field(max_length=500)] = []
    services: Annotated[list[Id], Field(max_length=500)] = []
    security: Annotated[bool | None, Field(description="null: both kinds of alerts")] = None
    hops: Annotated[int, Field(ge=1, le=5, description="steps in the dependency graph")] = 2
    weight: Annotated[int, Field(ge=1, le=1000, description="points that shared entities need")] = 50
    common: Annotated[int, Field(ge=1, le=1000, description="in more incidents a week: says nothing")] = 50
    similarity: Annotated[int, Field(ge=50, le=100, description="percent of equal words")] = 80


class RuleIn(Schema):
    model_config = _example({"name": "One service", "active": True, "definition": RULE})

    name: Annotated[str, Field(min_length=1, max_length=120, pattern=r"^[^\x00]*$")]
    active: bool = True
    definition: Definition


class RuleOut(Schema):
    id: int
    name: str
    position: int
    active: bool
    definition: dict[str, Any]

    @classmethod
    def of(cls, row: CorrelationRule) -> "RuleOut":
        return cls(**{name: getattr(row, name) for name in cls.model_fields})


class RuleList(Schema):
    items: list[RuleOut]


class OrderIn(Schema):
    model_config = _example({"ids": [3, 1, 2]})

    ids: Annotated[list[Id], Field(max_length=500)]


class TrialIn(Schema):
    """`rules`: a whole list in its order, in place of the one in force; `last`: of how many alerts."""

    model_config = _example({"rules": [RULE], "last": 200})

    rules: Annotated[list[Definition], Field(max_length=100)]
    last: Annotated[int, Field(ge=1, le=2000)] = 500


class MoveOut(Schema):
    alert_id: int
    title: str
    seen_at: datetime
    left: Annotated[int, Field(description="alerts that it would no longer be with")]
    met: Annotated[int, Field(description="alerts that it would newly be with")]
    before: str
    after: str


class TrialOut(Schema):
    alerts: int
    incidents_before: int
    incidents_after: int
    largest_before: int
    largest_after: int
    moved: int
    moves: list[MoveOut]


def _rule(data: Definition) -> Rule:
    try:
        return actions.rule_from(data.dict())
    except Invalid as error:
        raise Invalid(
            str(error), {f"definition.{name}": text for name, text in error.fields.items()}
        ) from error


@router.get("", response={200: RuleList}, summary="List the rules in their order")
def list_correlation_rules(request: ApiRequest) -> RuleList:
    return RuleList(items=[RuleOut.of(row) for row in queries.rules(request.auth.viewer)])


@router.post("", response={201: RuleOut}, summary="Add a rule at the end")
@once
def create_correlation_rule(request: ApiRequest, response: HttpResponse, data: RuleIn) -> Any:
    request.auth.viewer.require("correlation.edit")
    row = actions.create_rule(
        name=data.name,
        rule=_rule(data.definition),
        active=data.active,
        actor=request.auth.actor,
        now=clock.now(),
    )
    response["Location"] = f"/api/v1/correlation-rules/{row.id}"
    return Status(201, RuleOut.of(row))


@router.post("/order", response={200: RuleList, 409: ProblemOut}, summary="Order all rules")
@once
def order_correlation_rules(request: ApiRequest, response: HttpResponse, data: OrderIn) -> Any:
    """All ids of the list, in the order in which they are to be tried."""
    request.auth.viewer.require("correlation.edit")
    actions.reorder(data.ids, actor=request.auth.actor, now=clock.now())
    return Status(200, list_correlation_rules(request))


@router.post("/try", response={200: TrialOut}, summary="What another list would have made of the last alerts")
def try_correlation_rules(request: ApiRequest, data: TrialIn) -> TrialOut:
    """Nothing is changed."""
    request.auth.viewer.require("correlation.read")
    trial = queries.dry_run(request.auth.viewer, [_rule(each) for each in data.rules], last=data.last)
    return TrialOut(
        alerts=trial.alerts,
        incidents_before=trial.found.before,
        incidents_after=trial.found.after,
        largest_before=trial.found.largest_before,
        largest_after=trial.found.largest_after,
        moved=len(trial.found.moved),
        moves=[
            MoveOut(
                alert_id=move.span.alert_id,
                title=move.span.title,
                seen_at=move.span.first_seen_at,
                left=move.left,
                met=move.met,
                before=move.before,
                after=move.after,
            )
            for move in trial.moves
        ],
    )


@router.get("/{rule_id}", response={200: RuleOut, 404: ProblemOut}, summary="Read a rule")
def get_correlation_rule(request: ApiRequest, rule_id: int) -> RuleOut:
    return RuleOut.of(queries.rule(request.auth.viewer, rule_id))


@router.put("/{rule_id}", response={200: RuleOut, 404: ProblemOut}, summary="Replace a rule")
def replace_correlation_rule(request: ApiRequest, rule_id: int, data: RuleIn) -> RuleOut:
    """In force for the next alert; what has joined stays where it is."""
    request.auth.viewer.require("correlation.edit")
    queries.rule(request.auth.viewer, rule_id)
    row = actions.edit_rule(
        rule_id,
        rule=_rule(data.definition),
        name=data.name,
        active=data.active,
        actor=request.auth.actor,
        now=clock.now(),
    )
    return RuleOut.of(row)


@router.delete("/{rule_id}", response={204: None, 404: ProblemOut}, summary="Delete a rule")
def delete_correlation_rule(request: ApiRequest, rule_id: int) -> Any:
    """What it joined stays as it is. The last rule stays: switch it off."""
    request.auth.viewer.require("correlation.edit")
    queries.rule(request.auth.viewer, rule_id)
    actions.delete_rule(rule_id, actor=request.auth.actor, now=clock.now())
    return Status(204, None)
