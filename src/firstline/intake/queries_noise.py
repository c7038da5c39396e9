"""Every read of the rules that mute: what there is, what it mutes now, what it would have muted, and why in words."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from django.db import connection
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from firstline.accounts.viewer import Viewer
from firstline.catalog import graph
from firstline.catalog.models import Change, ConfigurationItem, Service
from firstline.catalog.queries import edges
from firstline.core.errors import NotFound
from firstline.intake import beats, heartbeats
from firstline.intake.matching import Condition, Facts, Field, Match
from firstline.intake.models import AlertSpan, Heartbeat, HeartbeatPing, NoiseRule, NoiseVersion, Source
from firstline.intake.muting import definition_of
from firstline.intake.queries import alert as alert_of
from firstline.intake.queries import alert_spans
from firstline.intake.signal import Severity
from firstline.intake.suppression import (
    Flapping,
    Inhibition,
    Known,
    Maintenance,
    Ready,
    Rule,
    Threshold,
    ready,
    values_as_cause,
    values_as_target,
    within,
)
from firstline.intake.windows import Stretch, current, following, occurrences

MOST_TRIED = 5000
SAMPLES = 20


@dataclass(frozen=True, slots=True)
class Listed:
    """A rule with what it says now; `rule` None: it can't be read and mutes nothing. `muting`: open alerts, now."""

    row: NoiseRule
    version: NoiseVersion
    rule: Rule | None
    state: str  # in_force, waiting, ended, unreadable
    muting: int = 0
    stretch: Stretch | None = None


def rules(viewer: Viewer, kinds: Iterable[str], *, now: datetime) -> list[Listed]:
    """The rules of these kinds that were not deleted, the newest first, those in force before the others."""
    rows = [row for kind in kinds for row in versions_in_force(viewer, kind).order_by("-rule_id")[:1000]]
    order = {"in_force": 0, "waiting": 1, "unreadable": 2, "ended": 3}
    return sorted(listed(viewer, rows, now=now), key=lambda each: (order[each.state], -each.row.id))


def versions_in_force(viewer: Viewer, kind: str) -> QuerySet[NoiseVersion]:
    """The present version of each rule of a kind that was not deleted."""
    viewer.require("noise.read")
    found = NoiseVersion.objects.filter(valid_to=None, rule__deleted_at=None, rule__kind=kind)
    return found.select_related("rule", "created_by")


def listed(viewer: Viewer, rows: Iterable[NoiseVersion], *, now: datetime) -> list[Listed]:
    """These with their state, and how much they mute."""
    viewer.require("noise.read")
    kept = list(rows)
    muting = _muting([row.rule_id for row in kept])
    return [_listed(row.rule, row, now, muting.get(row.rule_id, 0)) for row in kept]


def rule(viewer: Viewer, rule_id: int, *, now: datetime, kind: str = "") -> Listed:
    """`NotFound` for one that was deleted, or is of another kind than asked for."""
    viewer.require("noise.read")
    found = NoiseVersion.objects.filter(rule_id=rule_id, rule__deleted_at=None, valid_to=None)
    version = (found.filter(rule__kind=kind) if kind else found).select_related("rule", "created_by").first()
    if version is None:
        raise NotFound(_("There is no such rule."))
    return _listed(version.rule, version, now, _muting([rule_id]).get(rule_id, 0))


def versions(viewer: Viewer, rule_id: int) -> list[NoiseVersion]:
    """What it said since when, the latest first."""
    viewer.require("noise.read")
    return list(
        NoiseVersion.objects.filter(rule_id=rule_id).select_related("created_by").order_by("-number")[:50]
    )


def in_force_at(viewer: Viewer, at: datetime) -> list[Known]:
    """The rules as they were at an instant, whatever became of them since."""
    viewer.require("noise.read")
    rows = NoiseVersion.objects.filter(Q(valid_to=None) | Q(valid_to__gt=at), valid_from__lte=at)
    pairs = [
        (row.rule_id, definition_of(row.rule.kind, row.definition))
        for row in rows.select_related("rule").order_by("rule_id")
    ]
    return [Known(number, found) for number, found in pairs if found is not None]


MUTING = """
SELECT r.id, (SELECT count(*) FROM (
  SELECT FROM alert_span s WHERE s.state = 'suppressed' AND s.ended_at IS NULL
    AND s.reasons @> jsonb_build_array(jsonb_build_object('rule', r.id)) LIMIT 10000) AS muted)
FROM unnest(%s::bigint[]) AS r(id)
"""


def _muting(rule_ids: Sequence[int]) -> dict[int, int]:
    """How many open alerts each rule mutes now, exact to 10,000."""
    with connection.cursor() as cursor:
        cursor.execute(MUTING, [list(rule_ids)])
        return dict(cursor.fetchall())


def _listed(row: NoiseRule, version: NoiseVersion, now: datetime, muting: int) -> Listed:
    found = definition_of(row.kind, version.definition)
    if found is None:
        return Listed(row, version, None, "unreadable")
    if found.until is not None and found.until <= now:
        return Listed(row, version, found, "ended", muting)
    if isinstance(found, Maintenance):
        stretch = current(found.window, now)
        if stretch is not None:
            return Listed(row, version, found, "in_force", muting, stretch)
        coming = following(found.window, now)
        return Listed(row, version, found, "waiting" if coming else "ended", muting, coming)
    return Listed(row, version, found, "in_force", muting)


@dataclass(frozen=True, slots=True)
class Upcoming:
    """A stretch of maintenance to come, or under way. `change`: by a change instead of a rule."""

    start: datetime
    end: datetime
    name: str
    rule_id: int | None = None
    change_id: int | None = None


def upcoming(viewer: Viewer, *, now: datetime, days: int = 14, limit: int = 100) -> list[Upcoming]:
    """Maintenance from now on, in order of its start: windows, and changes that are planned."""
    viewer.require("noise.read")
    until = now + timedelta(days=days)
    found = []
    for each in rules(viewer, ["maintenance"], now=now):
        if isinstance(each.rule, Maintenance) and each.state in ("in_force", "waiting"):
            end = each.rule.until or until
            stretches = islice(occurrences(each.rule.window, now, min(until, end)), limit)
            found += [Upcoming(start, stop, each.row.name, rule_id=each.row.id) for start, stop in stretches]
    changes = Change.objects.filter(
        state__in=["planned", "implementing"], ci__isnull=False, planned_end__gt=now, planned_start__lt=until
    )
    for change in changes.order_by("planned_start")[:limit]:
        if change.planned_start is not None and change.planned_end is not None:
            found.append(
                Upcoming(change.planned_start, change.planned_end, change.title, change_id=change.id)
            )
    return sorted(found, key=lambda each: (each.start, each.name))[:limit]


# --- what a rule would have muted


@dataclass(slots=True)
class Preview:
    """`of` stretches of alerts were looked at; `muted` of them would have been, `opened` of which had an incident.

    `open`: how many of the muted ones are open now. `since`: when the oldest of all was seen. `security`: how many
    security alerts it would not have meant because it doesn't name them.
    """

    of: int = 0
    muted: int = 0
    opened: int = 0
    open: int = 0
    security: int = 0
    since: datetime | None = None
    incidents: set[int] = field(default_factory=set)
    sources: dict[str, int] = field(default_factory=dict)
    samples: list[AlertSpan] = field(default_factory=list)

    def take(self, row: AlertSpan) -> None:
        """Count a stretch that would have been muted."""
        self.muted += 1
        self.open += row.ended_at is None
        if row.incident_id is not None:
            self.opened += 1
            self.incidents.add(row.incident_id)
        self.sources[row.source.name] = self.sources.get(row.source.name, 0) + 1
        if len(self.samples) < SAMPLES:
            self.samples.append(row)


def preview(viewer: Viewer, tried: Rule, *, last: int) -> Preview:
    """What `tried` would have muted of the last stretches of alerts that the viewer may see. Nothing is changed.

    A window that is over or to come is taken as if it had always been, a recurring one at its own times; a flapping
    alert counts from the change that made it flap, and by a threshold what never reached it.
    """
    last = max(1, min(last, MOST_TRIED))
    pairs = edges()
    known = ready(Known(0, tried), lambda service: graph.reach(service, graph.turned(pairs), limit=10_000))
    rows = list(alert_spans(viewer).select_related("alert", "source").order_by("-last_seen_at", "-id")[:last])
    found = Preview(of=len(rows), since=rows[-1].last_seen_at if rows else None)
    facts = {row.id: facts_of(row) for row in rows}
    others = _Others(known, rows, facts, lambda service: graph.reach(service, pairs, limit=10_000))
    for row in rows:
        fact = facts[row.id]
        if not known.match.holds(fact):
            if fact.security and tried.match.security == "no":
                fact.security = False
                found.security += known.match.holds(fact)
                fact.security = True
            continue
        if others.mute(row, fact):
            found.take(row)
    return found


class _Others:
    """What more a kind asks than its match: its window, another alert, changes, a count."""

    def __init__(
        self, known: Ready, rows: Sequence[AlertSpan], facts: Mapping[int, Facts], above: Any
    ) -> None:
        self._known, self._above = known, above
        self._causes: dict[str, list[AlertSpan]] = {}
        self._past: dict[int, list[AlertSpan]] = {}
        for row in rows:
            for value in values_as_cause(known, facts[row.id]):
                self._causes.setdefault(value, []).append(row)
            self._past.setdefault(row.alert_id, []).append(row)

    def mute(self, row: AlertSpan, facts: Facts) -> bool:
        rule = self._known.rule
        if isinstance(rule, Maintenance):
            return (
                rule.window.__class__.__name__ == "Once"
                or current(rule.window, row.first_seen_at) is not None
            )
        if self._known.cause is not None:
            return self._caused(row, facts)
        if isinstance(rule, Flapping):
            return self._flapped(row, rule)
        return row.count < rule.times if isinstance(rule, Threshold) else True

    def _caused(self, row: AlertSpan, facts: Facts) -> bool:
        assert self._known.cause is not None
        both = isinstance(self._known.rule, Inhibition) and self._known.cause.holds(facts)
        for value in values_as_target(self._known, facts, self._above):
            for cause in self._causes.get(value, ()):
                overlaps = cause.started_at <= row.first_seen_at and (
                    cause.ended_at is None or cause.ended_at > row.first_seen_at
                )
                if (
                    cause.id != row.id
                    and overlaps
                    and not (both and self._known.match.holds(facts_of(cause)))
                ):
                    return True
        return False

    def _flapped(self, row: AlertSpan, rule: Flapping) -> bool:
        changes = [
            int(at.timestamp())
            for each in self._past[row.alert_id]
            for at in (each.first_seen_at, each.ended_at)
            if at is not None and at <= row.first_seen_at
        ]
        return len(within(changes, row.first_seen_at, rule.minutes)) >= rule.changes


def facts_of(row: AlertSpan) -> Facts:
    """A stored stretch as rules see it. Reads `alert` and `source`."""
    return Facts(
        title=row.title,
        description=row.description,
        severity=Severity(row.severity),
        security=row.security,
        source_id=row.source_id,
        source_kind=row.source.kind,
        service_id=row.service_id,
        ci_id=row.ci_id,
        key=row.alert.dedup_key,
        group=row.grouping_key,
        labels=row.labels,
        entities=[(each["kind"], each["value"]) for each in row.entities],
        techniques=(*row.tactics, *row.techniques),
    )


TELLING = (
    "alertname",
    "rule",
    "job",
    "check",
    "check_name",
    "service",
    "instance",
    "host",
    "namespace",
    "env",
)


def match_like(viewer: Viewer, alert_id: int) -> Match:
    """A match for *mute alerts like this*: its source, and the labels that say what it is, else its title."""
    row = alert_of(viewer, alert_id, limit=1).spans[0]
    labels = [name for name in TELLING if str(row.labels.get(name, "")).strip()][:4]
    conditions = tuple(Condition(Field.LABEL, values=(str(row.labels[name]),), label=name) for name in labels)
    return Match(
        sources=(row.source_id,),
        conditions=conditions or (Condition(Field.TITLE, values=(row.title[:500],)),),
        security="yes" if row.security else "no",
    )


# --- why, in words


@dataclass(frozen=True, slots=True)
class Told:
    """A reason as people read it. At most one of the ids is set: what it links to."""

    text: str
    until: datetime | None = None
    rule_id: int | None = None
    change_id: int | None = None
    alert_id: int | None = None


def told(viewer: Viewer, spans: Iterable[AlertSpan]) -> dict[int, list[Told]]:
    """The reasons of these stretches in words, by the id of the stretch: three queries, however many."""
    rows = [row for row in spans if row.reasons]
    reasons = [reason for row in rows for reason in row.reasons]
    names = dict(
        NoiseRule.objects.filter(id__in={each.get("rule", 0) for each in reasons}).values_list("id", "name")
    )
    changes = {each["by"] for each in reasons if each["kind"] == "change" and "by" in each}
    titles = dict(Change.objects.filter(id__in=changes).values_list("id", "title"))
    others = {each["by"] for each in reasons if each["kind"] in ("inhibition", "dependency") and "by" in each}
    by = {row.id: row for row in alert_spans(viewer, synthetic=True).filter(id__in=others)}
    return {row.id: [_told(each, names, titles, by) for each in row.reasons] for row in rows}


def _told(
    reason: Mapping[str, Any],
    names: Mapping[int, str],
    titles: Mapping[int, str],
    by: Mapping[int, AlertSpan],
) -> Told:
    kind, rule_id = reason["kind"], reason.get("rule") or None
    until = datetime.fromisoformat(reason["until"]) if reason.get("until") else None
    name = names.get(rule_id or 0, "")
    cause = by.get(reason.get("by", 0))
    values = {
        "name": name,
        "cause": cause.title if cause else _("another alert"),
        "count": len(reason.get("at", ())),
    }
    texts = {
        "suppression": _("Rule “%(name)s”"),
        "maintenance": _("Maintenance “%(name)s”"),
        "inhibition": _("Rule “%(name)s”, while “%(cause)s” is open"),
        "dependency": _("What its service needs is down: “%(cause)s” (rule “%(name)s”)"),
        "flapping": _("It flaps: %(count)s changes lately, held as one (rule “%(name)s”)"),
        "threshold": _("It does not count yet: %(count)s signals so far (rule “%(name)s”)"),
        "floor": _("Below what its source opens incidents for"),
    }
    if kind == "change":
        title = titles.get(reason.get("by", 0), "")
        text = _("Change “%(title)s” is being implemented") % {"title": title}
        return Told(text, until, change_id=reason.get("by"))
    return Told(texts.get(kind, kind) % values, until, rule_id=rule_id if name else None)


# --- heartbeats


@dataclass(frozen=True, slots=True)
class Beating:
    """A heartbeat as it is now. `state`: unknown (never heard of), healthy, running, overdue, missing, failed."""

    row: Heartbeat
    schedule: beats.Schedule
    state: str
    expected: list[datetime]
    deadline: datetime | None
    running_since: datetime | None
    pings: list[HeartbeatPing]


def heartbeat(viewer: Viewer, source_id: int, *, now: datetime, limit: int = 30) -> Beating:
    """Whoever may see the source."""
    viewer.require("source.read")
    row = Heartbeat.objects.filter(source_id=source_id).select_related("source").first()
    if row is None:
        source = Source.objects.filter(id=source_id).first()
        if source is None:
            raise NotFound(_("There is no such source."))
        row = Heartbeat(source=source)
    schedule, state = heartbeats.schedule_of(row), heartbeats.state_of(row)
    return Beating(
        row=row,
        schedule=schedule,
        state=state_of(state, now),
        expected=list(islice(beats.expected(schedule, max(now, state.last_beat_at or now)), 5)),
        deadline=row.next_at,
        running_since=min(state.runs.values(), default=None),
        pings=list(HeartbeatPing.objects.filter(source_id=source_id).order_by("-id")[:limit]),
    )


def state_of(state: beats.State, now: datetime) -> str:
    """In a word."""
    if state.missing_since is not None:
        return "missing"
    if state.last_kind == beats.FAIL:
        return "failed"
    if state.runs:
        return "running"
    if state.last_beat_at is None:
        return "unknown"
    return "overdue" if state.expected_at is not None and state.expected_at <= now else "healthy"


def names_for(match: Match) -> dict[str, list[str]]:
    """What the ids of a match are called, for a line in a list."""
    return {
        "sources": _names(Source, match.sources),
        "services": _names(Service, match.services),
        "cis": _names(ConfigurationItem, match.cis),
    }


def _names(model: Any, ids: Sequence[int]) -> list[str]:
    found = dict(model.objects.filter(id__in=ids).values_list("id", "name")) if ids else {}
    return [found.get(each, f"#{each}") for each in ids]
