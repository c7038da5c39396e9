"""What goes in and out. Nouns and fields carry the names of the incident's own model."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from ninja import Schema
from pydantic import AfterValidator, AwareDatetime, ConfigDict, Field

from firstline.accounts.models import Person, SupportGroup
from firstline.catalog.models import Service
from firstline.incidents.models import Comment, Incident
from firstline.intake.models import AlertSpan, Source

_FIRST, _LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


def _sensible(at: datetime) -> datetime:
    if not _FIRST <= at < _LAST:
        raise ValueError("between 1970 and 2200")
    return at


Moment = Annotated[
    AwareDatetime, AfterValidator(_sensible), Field(description="With its offset; between 1970 and 2200")
]
_NO_NUL = r"^[^\x00]*$"
Id = Annotated[int, Field(ge=1, le=2**63 - 1)]
Version = Annotated[int, Field(ge=1, le=2**31 - 1)]
Text = Annotated[str, Field(max_length=100_000, pattern=_NO_NUL)]
Words = Annotated[str, Field(min_length=1, max_length=100_000, pattern=_NO_NUL)]
Line = Annotated[str, Field(min_length=1, max_length=255, pattern=_NO_NUL)]
Phone = Annotated[str, Field(max_length=40, pattern=_NO_NUL)]
Place = Annotated[str, Field(max_length=120, pattern=_NO_NUL)]
Name = Annotated[str, Field(min_length=1, max_length=80, pattern=_NO_NUL)]
Extent = Literal["one", "several", "site", "all"]
CanWork = Literal["yes", "difficulty", "no"]
Degradation = Literal["down", "degraded"]


def _example(value: dict[str, Any]) -> ConfigDict:
    return ConfigDict(extra="forbid", json_schema_extra={"examples": [value]})


class Ref(Schema):
    """Something with a name."""

    id: int
    name: str

    @classmethod
    def of(cls, row: Person | SupportGroup | Service | None) -> "Ref | None":
        return None if row is None else cls(id=row.id, name=row.name)


class IncidentOut(Schema):
    id: int
    number: str
    version: int
    kind: str
    title: str
    description: str
    channel: str
    state: str
    hold_reason: str
    look_again_at: datetime | None
    detected_at: datetime
    received_at: datetime
    registered_at: datetime
    updated_at: datetime
    caller: Ref | None
    caller_phone: str
    caller_place: str
    service: Ref | None
    category: str | None
    category_id: int | None
    degradation: str
    extent: str
    can_work: str
    affected_users: int
    impact: int | None
    urgency: int | None
    priority: int | None
    security: bool
    group: Ref | None
    assignee: Ref | None
    reassignments: int
    reopenings: int
    resolution_notes: str
    cause: str
    resolved_at: datetime | None
    closed_at: datetime | None
    closed_how: str
    cancel_reason: str
    acknowledged_at: datetime | None
    parent_id: int | None
    merged_into_id: int | None
    major: str
    work_next_at: datetime | None

    @classmethod
    def of(cls, row: Incident) -> "IncidentOut":
        named = ("caller", "service", "group", "assignee", "category", "number")
        plain = {name: getattr(row, name) for name in cls.model_fields if name not in named}
        return cls(
            number=row.number,
            caller=Ref.of(row.caller),
            service=Ref.of(row.service),
            group=Ref.of(row.group),
            assignee=Ref.of(row.assignee),
            category=row.category.path if row.category else None,
            **plain,
        )


class IncidentPage(Schema):
    """`next` is the cursor of the following page, null on the last."""

    items: list[IncidentOut]
    next: str | None


class IncidentIn(Schema):
    model_config = _example(
        {
            "title": "VPN drops every ten minutes",
            "service_id": 3,
            "extent": "several",
            "can_work": "difficulty",
        }
    )

    title: Line
    description: Text = ""
    caller_id: Id | None = Field(
        None, description="Who is affected; a person who leaves it out reports for themselves"
    )
    caller_phone: Phone = ""
    caller_place: Place = ""
    service_id: Id | None = None
    category_id: Id | None = None
    group_id: Id | None = None
    detected_at: Moment | None = Field(None, description="When it began; never later than now")
    degradation: Degradation = "degraded"
    extent: Extent = "one"
    can_work: CanWork = "difficulty"
    security: bool = False


class IncidentPatch(Schema):
    """Only what is sent is changed. `version`: what you saw, for merging without If-Match."""

    model_config = _example({"title": "VPN drops in Lviv", "extent": "site", "version": 4})

    version: Version | None = None
    title: Line | None = None
    description: Text | None = None
    caller_id: Id | None = None
    caller_phone: Phone | None = None
    caller_place: Place | None = None
    service_id: Id | None = None
    category_id: Id | None = None
    degradation: Degradation | None = None
    extent: Extent | None = None
    can_work: CanWork | None = None
    deadline: Moment | None = None
    cause: Text | None = None
    verdict: Literal["true_positive", "benign", "false_positive"] | None = None
    tlp: Literal["clear", "green", "amber", "amber+strict", "red"] | None = None
    personal_data: bool | None = None


class AssignIn(Schema):
    model_config = _example({"group_id": 2, "reason": "The concentrator is theirs"})

    group_id: Id | None = None
    assignee_id: Id | None = None
    reason: Text = ""
    version: Version | None = None


class HoldIn(Schema):
    model_config = _example(
        {"reason": "caller", "look_again_at": "2030-01-07T09:00:00Z", "comment": "Which browser do you use?"}
    )

    reason: Literal["caller", "scheduled", "vendor", "change", "problem"]
    look_again_at: Moment
    comment: Text = Field(
        "", description="Goes to the caller when the reason is `caller`, else it is a work note"
    )
    caller_wish: bool = False
    version: Version | None = None


class ResolveIn(Schema):
    model_config = _example({"code": "fixed", "notes": "We restarted the concentrator."})

    code: Annotated[
        str, Field(pattern=r"^[a-z0-9_-]{1,40}$", description="A resolution code of the catalogue")
    ]
    notes: Words
    cause: Text = ""
    children: Annotated[list[Id], Field(max_length=1000)] = []
    version: Version | None = None


class ResolvedOut(Schema):
    """`children`: for each child that was to be resolved as well, why it was not; empty text when it was."""

    incident: IncidentOut
    children: dict[int, str]


class ReopenIn(Schema):
    model_config = _example({"comment": "It hangs again"})

    comment: Text = ""


class CancelIn(Schema):
    model_config = _example({"reason": "false_alarm", "note": "Planned test"})

    reason: Literal["false_alarm", "withdrawn", "spam", "not_an_incident"]
    note: Text = ""
    version: Version | None = None


class EscalateIn(Schema):
    model_config = _example({"reason": "Needs the network team"})

    reason: Words
    group_id: Id | None = Field(None, description="Without it: the next support line of the present group")


class MergeIn(Schema):
    model_config = _example({"into_id": 12})

    into_id: Id


class SplitIn(Schema):
    """`alert_ids`: of the alerts themselves (`alert_id` of a listed alert), not of a stretch."""

    model_config = _example({"alert_ids": [77, 78]})

    alert_ids: Annotated[list[Id], Field(min_length=1, max_length=2000)]
    into_id: Id | None = None


class PriorityIn(Schema):
    model_config = _example({"priority": 2, "reason": "business_event"})

    priority: Annotated[int, Field(ge=1, le=5)]
    reason: Literal[
        "business_event", "wider_than_known", "smaller_than_known", "management", "agreement_with_caller"
    ]
    note: Text = ""
    version: Version | None = None


class CommentIn(Schema):
    model_config = _example({"body": "We are on it.", "public": True})

    body: Words
    public: bool = Field(True, description="The caller sees it; false: a work note")


class CommentOut(Schema):
    id: int
    public: bool
    body: str
    author: Ref | None
    from_address: str
    via: str
    automatic: bool
    third_party: bool
    created_at: datetime

    @classmethod
    def of(cls, row: Comment) -> "CommentOut":
        return cls(
            id=row.id,
            public=row.public,
            body=row.content.body,
            author=Ref.of(row.author),
            from_address=row.from_address,
            via=row.via,
            automatic=row.automatic,
            third_party=row.third_party,
            created_at=row.created_at,
        )


class CommentPage(Schema):
    items: list[CommentOut]
    next: str | None


class AlertOut(Schema):
    """One stretch of firing of one alert."""

    id: int
    source: Ref
    dedup_key: str
    state: str
    title: str
    description: str
    severity: str
    service: Ref | None
    incident_id: int | None
    count: int
    first_seen_at: datetime
    last_seen_at: datetime
    started_at: datetime
    ended_at: datetime | None
    labels: dict[str, Any]

    @classmethod
    def of(cls, row: AlertSpan) -> "AlertOut":
        named = ("source", "service", "dedup_key")
        plain = {name: getattr(row, name) for name in cls.model_fields if name not in named}
        source = Ref(id=row.source_id, name=row.source.name)
        return cls(source=source, service=Ref.of(row.service), dedup_key=row.alert.dedup_key, **plain)


class AlertPage(Schema):
    items: list[AlertOut]
    next: str | None


class ServiceOut(Schema):
    id: int
    name: str
    slug: str
    description: str
    criticality: str
    group: Ref | None
    active: bool

    @classmethod
    def of(cls, row: Service) -> "ServiceOut":
        return cls(
            id=row.id,
            name=row.name,
            slug=row.slug,
            description=row.description,
            criticality=row.criticality,
            group=Ref.of(row.group),
            active=row.active,
        )


class ServicePage(Schema):
    items: list[ServiceOut]
    next: str | None


class SourceIn(Schema):
    model_config = _example({"name": "Prometheus Lviv", "kind": "alertmanager", "service_id": 3})

    name: Name
    kind: Annotated[str, Field(pattern=r"^[a-z_]{1,24}$")]
    service_id: Id | None = None
    group_id: Id | None = None
    security: bool = False


class SourceOut(Schema):
    id: int
    name: str
    kind: str
    enabled: bool
    service_id: int | None
    group_id: int | None
    security: bool
    token_hint: str
    created_at: datetime
    last_signal_at: datetime | None

    @classmethod
    def of(cls, row: Source) -> "SourceOut":
        return cls(**{name: getattr(row, name) for name in cls.model_fields})


class SourcePage(Schema):
    items: list[SourceOut]
    next: str | None


class SourceWithToken(Schema):
    """`token` is shown this once."""

    source: SourceOut
    token: str


class RotateIn(Schema):
    model_config = _example({"overlap_hours": 24})

    overlap_hours: Annotated[int, Field(ge=0, le=720, description="How long the old token stays good")] = 24
