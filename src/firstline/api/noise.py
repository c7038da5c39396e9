"""What mutes alerts: rules of suppression, and maintenance windows."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from django.http import HttpResponse
from ninja import Query, Router, Schema, Status
from pydantic import Field, NaiveDatetime

from firstline.api.auth import ApiRequest
from firstline.api.comments import Cursor
from firstline.api.problems import ProblemOut
from firstline.api.schemas import Id, Line, Moment, _example
from firstline.api.writes import once
from firstline.core import clock
from firstline.core.pagination import paginate
from firstline.intake import actions_noise as actions
from firstline.intake import queries_noise as queries
from firstline.intake.matching import Field as Fields
from firstline.intake.matching import Op
from firstline.intake.queries_noise import Listed

rules = Router(tags=["noise"])
windows = Router(tags=["noise"])
Value = Annotated[str, Field(min_length=1, max_length=4000, pattern=r"^[^\x00]*$")]
Short = Annotated[str, Field(max_length=300, pattern=r"^[^\x00]*$")]
Name = Annotated[str, Field(min_length=1, max_length=120, pattern=r"^[^\x00]*$")]
Why = Annotated[str, Field(max_length=2000, pattern=r"^[^\x00]*$")]
Ids = Annotated[list[Id], Field(max_length=500)]


class AlertCondition(Schema):
    """One question to an alert; `label` names the label when `field` is label."""

    model_config = _example({"field": "label", "label": "alertname", "op": "equals", "values": ["DiskFull"]})

    field: Literal[tuple(each.value for each in Fields)]  # type: ignore[valid-type]
    op: Literal[tuple(each.value for each in Op)] = "equals"  # type: ignore[valid-type]
    values: Annotated[list[Value], Field(max_length=500)] = []
    label: Short = ""


class AlertMatch(Schema):
    """All that is given must hold. `security`: whether security alerts are meant, which no rule does without saying."""

    model_config = _example({"services": [3], "dependents": True})

    sources: Ids = []
    services: Ids = []
    dependents: bool = False
    cis: Ids = []
    conditions: Annotated[list[AlertCondition], Field(max_length=20)] = []
    security: Literal["no", "yes", "both"] = "no"


class SuppressionRuleIn(Schema):
    model_config = _example(
        {
            "name": "Disk of the lab",
            "reason": "INC-000311: new disks come on Friday",
            "until": "2026-11-27T12:00:00Z",
            "match": {"conditions": [{"field": "label", "label": "host", "values": ["lab1"]}]},
        }
    )

    name: Name
    reason: Why = ""
    until: Moment | None = Field(
        None, description="Empty: until somebody ends it, which needs an administrator"
    )
    match: AlertMatch

    def definition(self) -> dict[str, Any]:
        """As the domain takes it."""
        return _plain({"match": self.match.model_dump(), "reason": self.reason, "until": self.until})


class OnceWindow(Schema):
    model_config = _example(
        {"type": "once", "start": "2026-11-28T22:00:00+02:00", "end": "2026-11-29T02:00:00+02:00"}
    )

    type: Literal["once"]
    start: Moment
    end: Moment


class RecurringWindow(Schema):
    """`start` is the first start on the clock of `zone`, without an offset; `rule` an RRULE of days or longer."""

    model_config = _example(
        {
            "type": "recurring",
            "rule": "FREQ=WEEKLY;BYDAY=SU",
            "start": "2026-11-29T02:00:00",
            "minutes": 120,
            "zone": "Europe/Kyiv",
        }
    )

    type: Literal["recurring"]
    rule: Annotated[str, Field(min_length=1, max_length=300, pattern=r"^[A-Za-z0-9=;,+\-:]+$")]
    start: Annotated[NaiveDatetime, Field(ge=datetime(1970, 1, 1), lt=datetime(2200, 1, 1))]  # noqa: DTZ001
    minutes: Annotated[int, Field(ge=1, le=31 * 1440)]
    zone: Line = "UTC"


class MaintenanceWindowIn(Schema):
    model_config = _example(
        {
            "name": "Patching",
            "match": {"services": [3], "dependents": True},
            "window": {"type": "once", "start": "2026-11-28T22:00:00Z", "end": "2026-11-29T02:00:00Z"},
        }
    )

    name: Name
    reason: Why = ""
    until: Moment | None = Field(None, description="When a recurring one happens the last time")
    match: AlertMatch
    window: Annotated[OnceWindow | RecurringWindow, Field(discriminator="type")]

    def definition(self) -> dict[str, Any]:
        """As the domain takes it."""
        rest = {"match": self.match.model_dump(), "reason": self.reason, "until": self.until}
        return _plain({**rest, "window": self.window.model_dump()})


def _plain(definition: Mapping[str, Any]) -> dict[str, Any]:
    return {name: msgspec.to_builtins(value) for name, value in definition.items() if value is not None}


class SuppressionRuleOut(Schema):
    """`state`: in_force, waiting (for its window), ended, unreadable. `muting`: how many open alerts, now."""

    id: int
    name: str
    reason: str
    state: str
    muting: int
    until: datetime | None
    match: dict[str, Any]
    created_at: datetime

    @classmethod
    def of(cls, found: Listed) -> "SuppressionRuleOut":
        return cls(**_told(found))


class MaintenanceWindowOut(SuppressionRuleOut):
    """`next`: the stretch that is under way, else the first to come."""

    window: dict[str, Any]
    next: list[datetime] | None

    @classmethod
    def of(cls, found: Listed) -> "MaintenanceWindowOut":
        window = found.version.definition.get("window", {})
        return cls(**_told(found), window=window, next=list(found.stretch) if found.stretch else None)


class SuppressionRulePage(Schema):
    items: list[SuppressionRuleOut]
    next: str | None


class MaintenanceWindowPage(Schema):
    items: list[MaintenanceWindowOut]
    next: str | None


def _told(found: Listed) -> dict[str, Any]:
    stored = found.version.definition
    return {
        "id": found.row.id,
        "name": found.row.name,
        "reason": stored.get("reason", ""),
        "state": found.state,
        "muting": found.muting,
        "until": stored.get("until"),
        "match": stored.get("match", {}),
        "created_at": found.row.created_at,
    }


def _page(request: ApiRequest, kind: str, query: Cursor) -> tuple[list[Listed], str | None]:
    rows = queries.versions_in_force(request.auth.viewer, kind)
    found = paginate(rows, ("-id",), cursor=query.cursor or None, size=query.size)
    return queries.listed(request.auth.viewer, found.rows, now=clock.now()), found.next


def _one(request: ApiRequest, kind: str, rule_id: int) -> Listed:
    return queries.rule(request.auth.viewer, rule_id, now=clock.now(), kind=kind)


@rules.get("", response={200: SuppressionRulePage}, summary="List suppression rules")
def list_suppression_rules(request: ApiRequest, query: Query[Cursor]) -> SuppressionRulePage:
    rows, onward = _page(request, "suppression", query)
    return SuppressionRulePage(items=[SuppressionRuleOut.of(row) for row in rows], next=onward)


@rules.post("", response={201: SuppressionRuleOut}, summary="Mute alerts like these")
@once
def create_suppression_rule(request: ApiRequest, response: HttpResponse, data: SuppressionRuleIn) -> Any:
    """In force at once. An end within a week needs the scope alone; anything longer is an administrator's."""
    return Status(201, SuppressionRuleOut.of(_create(request, response, "suppression", data)))


@rules.get(
    "/{rule_id}", response={200: SuppressionRuleOut, 404: ProblemOut}, summary="Read a suppression rule"
)
def get_suppression_rule(request: ApiRequest, rule_id: int) -> SuppressionRuleOut:
    return SuppressionRuleOut.of(_one(request, "suppression", rule_id))


@rules.put(
    "/{rule_id}", response={200: SuppressionRuleOut, 404: ProblemOut}, summary="Change a suppression rule"
)
def put_suppression_rule(request: ApiRequest, rule_id: int, data: SuppressionRuleIn) -> SuppressionRuleOut:
    """As a whole, from now on; what it said before stays known."""
    _put(request, "suppression", rule_id, data)
    return SuppressionRuleOut.of(_one(request, "suppression", rule_id))


@rules.delete("/{rule_id}", response={204: None, 404: ProblemOut}, summary="Delete a suppression rule")
def delete_suppression_rule(request: ApiRequest, rule_id: int) -> Status[None]:
    """What it muted and still fires is looked at again."""
    return _delete(request, "suppression", rule_id)


@windows.get("", response={200: MaintenanceWindowPage}, summary="List maintenance windows")
def list_maintenance_windows(request: ApiRequest, query: Query[Cursor]) -> MaintenanceWindowPage:
    rows, onward = _page(request, "maintenance", query)
    return MaintenanceWindowPage(items=[MaintenanceWindowOut.of(row) for row in rows], next=onward)


@windows.post("", response={201: MaintenanceWindowOut}, summary="Announce maintenance")
@once
def create_maintenance_window(request: ApiRequest, response: HttpResponse, data: MaintenanceWindowIn) -> Any:
    """A single window that ends within a week needs the scope alone; anything longer is an administrator's."""
    return Status(201, MaintenanceWindowOut.of(_create(request, response, "maintenance", data)))


@windows.get(
    "/{rule_id}", response={200: MaintenanceWindowOut, 404: ProblemOut}, summary="Read a maintenance window"
)
def get_maintenance_window(request: ApiRequest, rule_id: int) -> MaintenanceWindowOut:
    return MaintenanceWindowOut.of(_one(request, "maintenance", rule_id))


@windows.put(
    "/{rule_id}", response={200: MaintenanceWindowOut, 404: ProblemOut}, summary="Change a maintenance window"
)
def put_maintenance_window(
    request: ApiRequest, rule_id: int, data: MaintenanceWindowIn
) -> MaintenanceWindowOut:
    """As a whole, from now on; what it said before stays known."""
    _put(request, "maintenance", rule_id, data)
    return MaintenanceWindowOut.of(_one(request, "maintenance", rule_id))


@windows.delete("/{rule_id}", response={204: None, 404: ProblemOut}, summary="Delete a maintenance window")
def delete_maintenance_window(request: ApiRequest, rule_id: int) -> Status[None]:
    """What it muted and still fires is looked at again."""
    return _delete(request, "maintenance", rule_id)


def _create(
    request: ApiRequest, response: HttpResponse, kind: str, data: SuppressionRuleIn | MaintenanceWindowIn
) -> Listed:
    request.auth.viewer.require("noise.edit")
    row = actions.create_rule(
        kind=kind, name=data.name, definition=data.definition(), actor=request.auth.actor, now=clock.now()
    )
    where = "suppression-rules" if kind == "suppression" else "maintenance-windows"
    response["Location"] = f"/api/v1/{where}/{row.id}"
    return _one(request, kind, row.id)


def _put(request: ApiRequest, kind: str, rule_id: int, data: SuppressionRuleIn | MaintenanceWindowIn) -> None:
    request.auth.viewer.require("noise.edit")
    _one(request, kind, rule_id)
    actions.edit_rule(
        rule_id, name=data.name, definition=data.definition(), actor=request.auth.actor, now=clock.now()
    )


def _delete(request: ApiRequest, kind: str, rule_id: int) -> Status[None]:
    request.auth.viewer.require("noise.edit")
    _one(request, kind, rule_id)
    actions.delete_rule(rule_id, actor=request.auth.actor, now=clock.now())
    return Status(204, None)
