"""Every read of intake, for a viewer: sources with what they last sent, alerts, and why they are where they are."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import Count, Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _

from firstline.accounts.viewer import Viewer
from firstline.core.errors import NotFound
from firstline.core.pagination import Page, paginate
from firstline.incidents.models import Incident
from firstline.incidents.visibility import visible
from firstline.intake.drain import parse_row, received_row
from firstline.intake.explaining import explained
from firstline.intake.masking import masked
from firstline.intake.models import Alert, AlertSpan, Edge, Inbox, Source
from firstline.intake.signal import Signal
from firstline.intake.sources.parsing import ParseError, Received

SHOWN = 4096
MIXED_KINDS = frozenset({"syslog"})  # in whose messages events of security tools stand beside ordinary ones
RECENT = timedelta(days=30)
COLUMNS = "id, received_at, kind, content_type, headers, body, dedup_key"


@dataclass(frozen=True, slots=True)
class Payload:
    """A stored request as it may be shown: secrets masked, at most 4 KiB; `size` is of the whole body in bytes."""

    id: int
    received_at: datetime
    content_type: str
    text: str
    size: int
    state: str
    error: str
    signals: int | None


@dataclass(frozen=True, slots=True)
class Trial:
    """What a mapping makes of one stored request: its signals, or why none."""

    payload: Payload
    signals: list[Signal] = field(default_factory=list)
    error: str = ""


@dataclass(frozen=True, slots=True)
class RecentSignal:
    """For dry runs of rules: what a rule could have seen."""

    title: str
    description: str
    labels: dict[str, str]
    source_id: int
    kind: str
    at: datetime
    service_id: int | None = None


def sources(viewer: Viewer, *, synthetic: bool = False) -> QuerySet[Source]:
    """All sources by name, each with `failed`: whether requests of it could not be read."""
    viewer.require("source.read")
    failed = Inbox.objects.filter(source_id=OuterRef("id"), state="failed")
    rows = Source.objects.select_related("service", "group", "owner").annotate(failed=Exists(failed))
    return (rows if synthetic else rows.filter(synthetic=False)).order_by("name")


def source(viewer: Viewer, source_id: int) -> Source:
    found = sources(viewer, synthetic=True).filter(id=source_id).first()
    if found is None:
        raise NotFound(_("There is no such source."))
    return found


def may_read_payloads(viewer: Viewer, of: Source) -> bool:
    """What a security source sent is for the security groups only, and so is what may have such signals in it."""
    if not (of.security or carries_security(of)) or viewer.everything or viewer.break_glass:
        return True
    if of.group_id is not None and of.group_id in viewer.security_groups:
        return True
    return of.group_id is None and bool(viewer.security_groups)


def carries_security(of: Source) -> bool:
    """Whether an ordinary source may send security signals among others: events in syslog, or by its mapping."""
    return of.kind in MIXED_KINDS or of.mapping.get("security") is True


def last_payloads(viewer: Viewer, source_id: int, *, limit: int = 20, failed: bool = False) -> list[Payload]:
    """What the source sent last, the latest first. Nothing for a security source that isn't the viewer's."""
    found = source(viewer, source_id)
    if not may_read_payloads(viewer, found):
        return []
    rows = Inbox.objects.filter(source_id=found.id)
    if failed:
        rows = rows.filter(state="failed")
    return [payload_of(row) for row in rows.order_by("-received_at", "-id")[:limit]]


def payload_of(row: Inbox, *, shown: int = SHOWN) -> Payload:
    """A stored request as it may be shown, up to so many characters."""
    body = bytes(row.body)
    text = masked(body[: shown * 2].decode("utf-8", "replace"))
    return Payload(
        id=row.id,
        received_at=row.received_at,
        content_type=row.content_type,
        text=text if len(text) <= shown else text[:shown] + "…",
        size=len(body),
        state=row.state,
        error=row.error,
        signals=row.signals,
    )


def try_mapping(viewer: Viewer, source_id: int, mapping: dict[str, Any], *, limit: int = 10) -> list[Trial]:
    """What `mapping` would make of the last requests. Nothing is stored."""
    found = source(viewer, source_id)
    if not may_read_payloads(viewer, found):
        return []
    found.mapping = mapping
    rows = list(
        Inbox.objects.filter(source_id=found.id, kind="alert").order_by("-received_at", "-id")[:limit]
    )
    trials = []
    for row in rows:
        try:
            trials.append(Trial(payload_of(row), parse_row(found, _received(row))))
        except ParseError as error:
            trials.append(Trial(payload_of(row), error=str(error)))
    return trials


def _received(row: Inbox) -> Received:
    return received_row(
        (row.id, row.received_at, row.kind, row.content_type, row.headers, row.body, row.dedup_key)
    )


def recent_signals(viewer: Viewer, *, limit: int = 500) -> list[RecentSignal]:
    """The last alerts that the viewer may see, for dry runs."""
    rows = alert_spans(viewer).order_by(
        "-id",
    )[:limit]
    return [
        RecentSignal(
            title=row.title,
            description=row.description,
            labels=row.labels,
            source_id=row.source_id,
            kind=row.source.kind,
            at=row.last_seen_at,
            service_id=row.service_id,
        )
        for row in rows
    ]


def alert_spans(viewer: Viewer, *, synthetic: bool = False) -> QuerySet[AlertSpan]:
    """Stretches of alerts that the viewer may see: security ones only for their groups."""
    viewer.require("alert.read")
    rows = AlertSpan.objects.select_related("alert", "source", "service", "ci", "incident").defer(
        "incident__search"
    )
    if not synthetic:
        rows = rows.filter(source__synthetic=False)
    if viewer.everything:
        return rows
    ordinary = Q(security=False)
    if not viewer.reads_all:
        ordinary &= Q(source__group_id__in=viewer.groups) | Q(incident__group_id__in=viewer.groups)
    if viewer.break_glass:
        return rows.filter(ordinary | Q(security=True))
    if viewer.security_groups:
        mine = Q(incident__group_id__in=viewer.security_groups) | Q(
            incident=None, source__group_id__in=viewer.security_groups
        )
        return rows.filter(ordinary | (Q(security=True) & mine))
    return rows.filter(ordinary)


def alerts(
    viewer: Viewer,
    *,
    state: str = "",
    source_id: int | None = None,
    service_id: int | None = None,
    severity: str = "",
    text: str = "",
    cursor: str | None = None,
    size: int = 50,
) -> Page[AlertSpan]:
    """A page of alerts, the last seen first. `state`: one of a span's, or `open` for all that have not ended."""
    rows = alert_spans(viewer)
    if state == "open":
        rows = rows.filter(ended_at=None)
    elif state:
        rows = rows.filter(state=state)
    if source_id is not None:
        rows = rows.filter(source_id=source_id)
    if service_id is not None:
        rows = rows.filter(service_id=service_id)
    if severity:
        rows = rows.filter(severity=severity)
    for word in text.split()[:8]:
        rows = rows.filter(title__icontains=word)
    return paginate(rows, ("-id",), cursor=cursor, size=size)


@dataclass(frozen=True, slots=True)
class AlertDetail:
    """One alert: its spans, the latest first, and what was sent last (masked; None when its partition is gone)."""

    alert: Alert
    spans: list[AlertSpan]
    payload: Payload | None


def alert(viewer: Viewer, alert_id: int, *, limit: int = 100) -> AlertDetail:
    """`NotFound` for one that the viewer may not know of."""
    spans = list(alert_spans(viewer, synthetic=True).filter(alert_id=alert_id).order_by("-id")[:limit])
    if not spans:
        raise NotFound(_("There is no such alert."))
    last = spans[0]
    row = (
        Inbox.objects.filter(received_at=last.inbox_received_at, id=last.inbox_id).first()
        if last.inbox_id is not None and last.inbox_received_at is not None
        else None
    )
    # what stands beside it in the same request may be for others
    mine = row is not None and (
        last.security or (row.signals or 0) < 2 or may_read_payloads(viewer, last.source)
    )
    return AlertDetail(last.alert, spans, payload_of(row) if row and mine else None)


def edges(viewer: Viewer, incident_id: int, *, limit: int = 200) -> list[Edge]:
    """Why each alert is part of the incident, in the order of joining; `explanation` says one in words."""
    if not visible(viewer).filter(id=incident_id).exists():
        raise NotFound(_("There is no such incident."))
    return list(
        Edge.objects.filter(incident_id=incident_id)
        .select_related("span", "span__source", "span__alert", "span__service", "span__ci")
        .order_by("id")[:limit]
    )


def alert_counts(viewer: Viewer, incident_ids: Sequence[int]) -> dict[int, int]:
    """How many alerts each of these incidents has, in one query; only of those that the viewer may see."""
    rows = (
        Edge.objects.filter(incident_id__in=visible(viewer).filter(id__in=incident_ids).values("id"))
        .values("incident_id")
        .annotate(count=Count("id"))
    )
    return {row["incident_id"]: row["count"] for row in rows}


def explanation(edge: Edge) -> str:
    """Why the alert joined, as a sentence."""
    return explained([edge])[0][1]


def opened_by(viewer: Viewer, incident: Incident) -> Source | None:
    """The source whose alert opened the incident, for whoever may see the incident."""
    if incident.source_id is None or not visible(viewer).filter(id=incident.id).exists():
        return None
    return Source.objects.filter(id=incident.source_id).first()


def waiting_rows() -> tuple[int, datetime | None]:
    """For health and metrics: how many requests wait to be read, and since when the oldest does."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*), min(received_at) FROM inbox WHERE state = 'new'")
        count, oldest = cursor.fetchone()
    return int(count), oldest
