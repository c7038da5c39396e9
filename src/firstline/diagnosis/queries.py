"""Reads of diagnosis: evidence as a viewer may see it, in their language; registered checks."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Prefetch, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from firstline.accounts.viewer import Viewer
from firstline.catalog.models import Category, Change, Service
from firstline.core.errors import NotFound
from firstline.diagnosis.models import Check, CheckRun, Evidence
from firstline.incidents.models import Incident
from firstline.incidents.visibility import visible
from firstline.problems import queries as problems
from firstline.problems.matching import words
from firstline.problems.models import Problem

ORDER = ("upstream", "change", "check", "known_error", "similar", "runbook", "downstream")


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One piece of evidence as it is shown. `data`: title, detail, tone, and what it links to (incident_id,
    problem_id, change_id, service_id, text of a runbook or workaround); `why["text"]`: why it is shown."""

    kind: str
    key: str
    seen_at: datetime
    data: dict[str, Any]
    why: dict[str, Any] = field(default_factory=dict)


def evidence_for(viewer: Viewer, incident: Incident) -> dict[str, list[Item]]:
    """The evidence of an incident by kind, best first. What the viewer may not know of is left out: at most eight
    queries, however much there is."""
    rows = list(Evidence.objects.filter(incident_id=incident.id).order_by("-score", "id"))
    known = _Known(viewer, incident, rows)
    found: dict[str, list[Item]] = {kind: [] for kind in ORDER}
    for row in rows:
        shown = _SHOW[row.kind](known, row)
        if shown is not None:
            data, why = shown
            tone = {"tone": row.data["tone"]} if "tone" in row.data else {}
            item = Item(
                kind=row.kind, key=row.key, seen_at=row.seen_at, data={**tone, **data}, why={"text": why}
            )
            found.setdefault(row.kind, []).append(item)
    return {kind: items for kind, items in found.items() if items}


def checks(viewer: Viewer) -> QuerySet[Check]:
    """All registered checks, each with its last run as `last[0]`."""
    viewer.require("configuration.read")
    last = Prefetch(
        "runs", CheckRun.objects.order_by("target_id", "-at").distinct("target_id"), to_attr="last"
    )
    return Check.objects.select_related("service", "ci").prefetch_related(last).order_by("name")


def check(viewer: Viewer, check_id: int) -> Check:
    found = checks(viewer).filter(id=check_id).first()
    if found is None:
        raise NotFound("There is no such check.")
    return found


Shown = tuple[dict[str, Any], str] | None


class _Known:
    """What the evidence points at, as far as this viewer may know of it, read in one query per kind."""

    def __init__(self, viewer: Viewer, incident: Incident, rows: Iterable[Evidence]) -> None:
        self.incident = incident
        wanted: dict[str, set[int]] = {}
        for row in rows:
            data = row.data
            for name in ("incident_id", "problem_id", "change_id", "service_id", "category_id", "check_id"):
                if isinstance(data.get(name), int):
                    wanted.setdefault(name, set()).add(data[name])
            wanted.setdefault("incident_id", set()).update(data.get("incidents", ()))
            wanted.setdefault("service_id", set()).update(data.get("services", ()))
        self.incidents = self._incidents(viewer, wanted.get("incident_id", set()))
        self.problems: Mapping[int, Problem] = (
            problems.by_ids(viewer, wanted["problem_id"]) if "problem_id" in wanted else {}
        )
        self.changes = _by_id(Change.objects.select_related("service", "ci"), wanted.get("change_id"))
        self.services = _by_id(Service.objects.all(), wanted.get("service_id"))
        self.categories = _by_id(Category.objects.all(), wanted.get("category_id"))
        self.checks = _by_id(Check.objects.select_related("service", "ci"), wanted.get("check_id"))

    @staticmethod
    def _incidents(viewer: Viewer, ids: set[int]) -> dict[int, Incident]:
        rows = visible(viewer).filter(synthetic=False).select_related("service", "resolution_code")
        return _by_id(rows, ids)


def _by_id(rows: Any, ids: set[int] | None) -> dict[int, Any]:
    return {row.id: row for row in rows.filter(id__in=ids)} if ids else {}


def _similar(known: _Known, row: Evidence) -> Shown:
    other = known.incidents.get(row.data["incident_id"])
    if other is None:
        return None
    said = other.resolution_code.name if other.resolution_code else ""
    detail = [other.number, _state_words(other)]
    if said:
        detail.append(said)
    shared = words(f"{known.incident.title} {known.incident.description}") & words(
        f"{other.title} {other.description} {other.resolution_notes}"
    )
    reasons = [_("shares “%(words)s”") % {"words": "”, “".join(sorted(shared, key=len, reverse=True)[:4])}]
    if row.why.get("service"):
        reasons.append(_("same service"))
    if row.why.get("category"):
        reasons.append(_("same category"))
    data = {
        "title": other.title,
        "detail": " · ".join(detail),
        "incident_id": other.id,
        "resolution": other.resolution_notes,
    }
    return data, ", ".join(reasons if shared else reasons[1:])


def _state_words(incident: Incident) -> str:
    if incident.resolved_at is not None:
        took = _length(incident.resolved_at - incident.registered_at)
        return _("resolved in %(time)s") % {"time": took}
    return _("cancelled") if incident.state == "cancelled" else _("still open")


def _known_error(known: _Known, row: Evidence) -> Shown:
    problem = known.problems.get(row.data["problem_id"])
    if problem is None or problem.state != "known_error":
        return None
    names = {
        "phrase": _("a phrase of it stands in the report"),
        "words": _("the words of its title"),
        "service": _("the service"),
        "category": _("the category"),
    }
    because = ", ".join(names[what] for what in row.why.get("because", ()) if what in names)
    data = {
        "title": problem.title,
        "detail": problem.workaround[:300],
        "problem_id": problem.id,
        "text": problem.workaround,
    }
    return data, _("Matches: %(because)s") % {"because": because}


def _runbook(known: _Known, row: Evidence) -> Shown:
    category = known.categories.get(row.data["category_id"])
    if category is None or not category.runbook.strip():
        return None
    first = category.runbook.strip().splitlines()[0].lstrip("# ")
    data = {
        "title": first[:120],
        "detail": category.path,
        "text": category.runbook,
        "category_id": category.id,
    }
    return data, _("It is the runbook of the category")


def _change(known: _Known, row: Evidence) -> Shown:
    change = known.changes.get(row.data["change_id"])
    if change is None:
        return None
    where = change.ci.name if change.ci else change.service.name if change.service else ""
    reference = f"{change.reference} " if change.reference else ""
    if change.happened_at is None:
        when = _("under way")
    else:
        before = timedelta(minutes=row.why.get("minutes_before", 0))
        when = _("%(time)s before it was noticed") % {"time": _length(before)}
    steps = row.why.get("steps", 0)
    if row.why.get("same_item"):
        why = _("On the same configuration item")
    elif steps == 0:
        why = _("On the same service")
    else:
        why = _("On a service that it depends on (%(n)s steps)") % {"n": steps}
    data = {
        "title": f"{reference}{change.title}",
        "detail": " · ".join(part for part in (where, when) if part),
        "change_id": change.id,
        "at": change.happened_at,
    }
    return data, why


def _upstream(known: _Known, row: Evidence) -> Shown:
    service = known.services.get(row.data["service_id"])
    seen = [id for id in row.data.get("incidents", ()) if id in known.incidents]
    alerts = row.data.get("alerts", 0)
    if service is None or not (seen or alerts):
        return None
    parts = []
    if seen:
        parts.append(ngettext("%(n)s open incident", "%(n)s open incidents", len(seen)) % {"n": len(seen)})
    if alerts:
        parts.append(ngettext("%(n)s alert", "%(n)s alerts", alerts) % {"n": alerts})
    state = _("down") if row.data.get("state") == "down" else _("degraded")
    steps = row.why.get("steps", 1)
    why = _("It depends on this service") if steps == 1 else _("It depends on this through others")
    data: dict[str, Any] = {
        "title": f"{service.name}: {state}",
        "detail": " · ".join(parts),
        "service_id": service.id,
    }
    if seen:
        data["incident_id"] = seen[0]
    return data, why


def _downstream(known: _Known, row: Evidence) -> Shown:
    names = [known.services[id].name for id in row.data.get("services", ()) if id in known.services]
    if not names:
        return None
    title = ngettext("%(n)s service depends on it", "%(n)s services depend on it", len(names)) % {
        "n": len(names)
    }
    users = row.data.get("users", 0)
    detail = ", ".join(names[:5]) + (f" +{len(names) - 5}" if len(names) > 5 else "")
    if users:
        title += " · " + ngettext("%(n)s user", "%(n)s users", users) % {"n": users}
    return {"title": title, "detail": detail}, _("From the dependencies of the services")


def _check(known: _Known, row: Evidence) -> Shown:
    check = known.checks.get(row.data["check_id"])
    if check is None:
        return None
    verdict = _("answers") if row.data.get("ok") else _("fails")
    answer = row.why.get("answer", "")
    detail = _("%(answer)s, %(ms)s ms") % {"answer": answer, "ms": row.why.get("milliseconds", 0)}
    of = check.ci.name if check.ci else check.service.name if check.service else ""
    data = {"title": f"{check.name}: {verdict}", "detail": detail, "at": row.seen_at}
    return data, _("A registered check of %(of)s") % {"of": of}


_SHOW: dict[str, Callable[[_Known, Evidence], Shown]] = {
    "similar": _similar,
    "known_error": _known_error,
    "runbook": _runbook,
    "change": _change,
    "upstream": _upstream,
    "downstream": _downstream,
    "check": _check,
}


def _length(length: timedelta) -> str:
    """Two units at most: "3 d 4 h", "12 min"."""
    minutes = max(int(length.total_seconds() // 60), 0)
    days, rest = divmod(minutes, 1440)
    hours, mins = divmod(rest, 60)
    if days:
        return _("%(d)s d %(h)s h") % {"d": days, "h": hours}
    if hours:
        return _("%(h)s h %(m)s min") % {"h": hours, "m": mins}
    return _("%(m)s min") % {"m": mins}


def checks_of_service(viewer: Viewer, service_id: int) -> list[Check]:
    """The active checks of one service with their last run, for its page."""
    viewer.require("service.read")
    last = Prefetch(
        "runs", CheckRun.objects.order_by("target_id", "-at").distinct("target_id"), to_attr="last"
    )
    return list(
        Check.objects.filter(service_id=service_id, active=True).prefetch_related(last).order_by("name")
    )
