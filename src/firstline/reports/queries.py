"""The figures of the report page: set-based, bounded by their period, only of what the viewer may see.

Opened counts by registration, everything about an end by the instant of it. Names of services, groups and categories
are those of the day on which an incident was closed; of those still open, today's.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Literal

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Avg, Count, F, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce, Least, Trunc

from firstline.accounts.viewer import Viewer
from firstline.closure.models import Confirmation
from firstline.incidents.models import Incident
from firstline.incidents.models.incident import OPEN
from firstline.incidents.visibility import staff_filter, visible
from firstline.reports.models import ClosedRecord
from firstline.reports.periods import Period
from firstline.sla.models import Clock

Dimension = Literal["service", "group", "category", "priority"]
AGES: tuple[tuple[str, int, int | None], ...] = (
    ("1d", 0, 1),
    ("3d", 1, 3),
    ("7d", 3, 7),
    ("30d", 7, 30),
    ("older", 30, None),
)
MOST_VALUES = 40
RECURS_FROM = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The period, and what it is narrowed to."""

    period: Period
    service_id: int | None = None
    group_id: int | None = None
    category_ids: tuple[int, ...] = ()
    priority: int | None = None

    def condition(self, prefix: str = "") -> Q:
        asked: dict[str, Any] = {
            "service_id": self.service_id,
            "group_id": self.group_id,
            "priority": self.priority,
            "category_id__in": self.category_ids or None,
        }
        return Q(**{f"{prefix}{name}": value for name, value in asked.items() if value is not None})


@dataclass(frozen=True, slots=True)
class Measured:
    """What was counted in one piece of time, or for one value of a dimension."""

    opened: int = 0
    resolved: int = 0
    acknowledge: timedelta | None = None
    resolve: timedelta | None = None
    kept: int = 0
    measured: int = 0
    reopened: int = 0

    @property
    def share(self) -> float | None:
        """Of those with a resolution target, how many kept it, 0 to 1."""
        return self.kept / self.measured if self.measured else None

    @property
    def reopened_share(self) -> float | None:
        return self.reopened / self.resolved if self.resolved else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """`over_time` by the first day of each piece; `ages` of what is open now; `how` closed; `ratings` by mark."""

    total: Measured
    over_time: dict[date, Measured]
    backlog: int
    ages: dict[str, int]
    how: dict[str, int]
    ratings: dict[int, int] = field(default_factory=dict)
    unrated: int = 0

    @property
    def rating(self) -> float | None:
        """The mean of the marks that were given; no answer is no mark."""
        count = sum(self.ratings.values())
        return sum(mark * n for mark, n in self.ratings.items()) / count if count else None


@dataclass(frozen=True, slots=True)
class Recurring:
    """A service and category whose incidents come back, with their ids."""

    service: str
    category: str
    count: int
    ids: list[int]


def report(viewer: Viewer, wanted: Wanted, *, now: datetime) -> Report:
    """All figures of a period: about a dozen queries, whatever it holds."""
    viewer.require("report.read")
    period = wanted.period
    opened, ended = _opened(viewer, wanted), _resolved(viewer, wanted)
    by_opened = _by(opened, _bucket("registered_at", period), n=Count("id"), ack=_TO_ACKNOWLEDGE)
    by_ended = _by(ended, _bucket("resolved_at", period), **_ENDED)
    shares = _shares(viewer, wanted, _bucket("incident__resolved_at", period))
    over_time = {
        day: _measured(by_opened.get(day), by_ended.get(day), shares.get(day)) for day in period.buckets()
    }
    total = _measured(
        opened.aggregate(n=Count("id"), ack=_TO_ACKNOWLEDGE), ended.aggregate(**_ENDED), _sum(shares.values())
    )
    ages = _ages(viewer, wanted, now)
    marks, unrated = _ratings(viewer, wanted)
    return Report(
        total=total,
        over_time=over_time,
        backlog=sum(ages.values()),
        ages=ages,
        how=_how(viewer, wanted),
        ratings=marks,
        unrated=unrated,
    )


def by_dimension(viewer: Viewer, wanted: Wanted, dimension: Dimension) -> dict[str, Measured]:
    """The same figures for each value of a dimension, the most opened first; at most 40. Four queries."""
    viewer.require("report.read")
    opened = _by(_named(_opened(viewer, wanted), dimension), F("named"), n=Count("id"), ack=_TO_ACKNOWLEDGE)
    ended = _by(_named(_resolved(viewer, wanted), dimension), F("named"), **_ENDED)
    shares = _shares(viewer, wanted, _name(dimension, "incident__"))
    names = sorted({*opened, *ended}, key=lambda n: (-(opened.get(n) or {"n": 0})["n"], str(n)))
    return {
        str(name): _measured(opened.get(name), ended.get(name), shares.get(name))
        for name in names[:MOST_VALUES]
    }


def opened_over_time(viewer: Viewer, wanted: Wanted, dimension: Dimension) -> dict[str, dict[date, int]]:
    """How many were opened, by value of a dimension and piece of time: one query."""
    viewer.require("report.read")
    rows = (
        _named(_opened(viewer, wanted), dimension)
        .annotate(at=_bucket("registered_at", wanted.period))
        .order_by()
        .values_list("named", "at")
        .annotate(n=Count("id"))
    )
    found: dict[str, dict[date, int]] = {}
    for name, at, n in rows:
        found.setdefault(str(name), {})[at.date()] = n
    return dict(sorted(found.items(), key=lambda pair: -sum(pair[1].values())))


def recurring(viewer: Viewer, wanted: Wanted) -> list[Recurring]:
    """What came back at least three times in the period under one service and category and has no problem yet."""
    viewer.require("report.read")
    rows = (
        _opened(viewer, wanted)
        .filter(problem_id=None, service__isnull=False, category__isnull=False, security=False)
        .order_by()
        .values_list("service__name", "category__path")
        .annotate(n=Count("id"), ids=ArrayAgg("id"))
        .filter(n__gte=RECURS_FROM)
        .order_by("-n", "service__name", "category__path")[:10]
    )
    return [Recurring(service, category, n, sorted(ids)) for service, category, n, ids in rows]


def rows_behind(viewer: Viewer, wanted: Wanted, figure: str, *, now: datetime) -> QuerySet[Incident]:
    """The incidents that a figure counts, for its export. An unknown figure is what was opened."""
    viewer.require("report.read")
    if figure == "backlog":
        rows = _seen(viewer, wanted).filter(state__in=OPEN)
    elif figure == "resolved":
        rows = _resolved(viewer, wanted)
    elif figure == "closed":
        rows = _closed(viewer, wanted)
    else:
        rows = _opened(viewer, wanted)
    named = rows.annotate(
        service_then=_name("service"), group_then=_name("group"), category_then=_name("category")
    )
    return named.select_related("caller").order_by("id")


_TO_ACKNOWLEDGE = Avg(Least("first_response_at", "acknowledged_at") - F("registered_at"))
_ENDED: dict[str, Any] = {
    "n": Count("id"),
    "took": Avg(F("resolved_at") - F("registered_at")),
    "again": Count("id", filter=Q(reopenings__gt=0)),
}


def _seen(viewer: Viewer, wanted: Wanted) -> QuerySet[Incident]:
    return visible(viewer).filter(wanted.condition(), synthetic=False)


def _opened(viewer: Viewer, wanted: Wanted) -> QuerySet[Incident]:
    return _seen(viewer, wanted).filter(
        registered_at__gte=wanted.period.start, registered_at__lt=wanted.period.end
    )


def _resolved(viewer: Viewer, wanted: Wanted) -> QuerySet[Incident]:
    return _seen(viewer, wanted).filter(
        resolved_at__gte=wanted.period.start, resolved_at__lt=wanted.period.end
    )


def _closed(viewer: Viewer, wanted: Wanted) -> QuerySet[Incident]:
    return _seen(viewer, wanted).filter(
        closed_at__gte=wanted.period.start, closed_at__lt=wanted.period.end, state="closed"
    )


def _bucket(name: str, period: Period) -> Trunc:
    return Trunc(name, period.step)


def _name(dimension: Dimension, prefix: str = "") -> Any:
    """The value of a dimension as it was when the incident was closed, else as it is."""
    if dimension == "priority":
        return Coalesce(F(f"{prefix}priority"), Value(0))
    key = OuterRef(f"{prefix}pk" if prefix else "pk")
    then = Subquery(ClosedRecord.objects.filter(incident_id=key).values(dimension)[:1])
    today = F(f"{prefix}{dimension}__{'path' if dimension == 'category' else 'name'}")
    return Coalesce(then, today, Value(""))


def _named(rows: QuerySet[Incident], dimension: Dimension) -> QuerySet[Incident]:
    return rows.annotate(named=_name(dimension))


def _by(rows: QuerySet[Any], key: Any, **figures: Any) -> dict[Any, dict[str, Any]]:
    """Figures per key, with instants cut to their day."""
    found = rows.annotate(key=key).order_by().values("key").annotate(**figures)
    return {_day(row["key"]): row for row in found}


def _day(key: Any) -> Any:
    return key.date() if isinstance(key, datetime) else key


def _shares(viewer: Viewer, wanted: Wanted, key: Any) -> dict[Any, tuple[int, int]]:
    """Per key: how many resolution targets were kept, of how many."""
    rows = Clock.objects.filter(
        staff_filter(viewer, "incident__"),
        wanted.condition("incident__"),
        incident__synthetic=False,
        incident__resolved_at__gte=wanted.period.start,
        incident__resolved_at__lt=wanted.period.end,
        target="resolution",
        state__in=["met", "missed"],
    )
    counted = (
        rows.annotate(key=key)
        .order_by()
        .values_list("key")
        .annotate(kept=Count("id", filter=Q(state="met")), all=Count("id"))
    )
    return {_day(at): (kept, every) for at, kept, every in counted}


def _sum(pairs: Iterable[tuple[int, int]]) -> tuple[int, int]:
    listed = list(pairs)
    return sum(kept for kept, _ in listed), sum(every for _, every in listed)


def _measured(
    opened: Mapping[str, Any] | None, ended: Mapping[str, Any] | None, share: tuple[int, int] | None
) -> Measured:
    opened, ended = opened or {}, ended or {}
    return Measured(
        opened=opened.get("n", 0),
        resolved=ended.get("n", 0),
        acknowledge=opened.get("ack"),
        resolve=ended.get("took"),
        kept=share[0] if share else 0,
        measured=share[1] if share else 0,
        reopened=ended.get("again", 0),
    )


def _ages(viewer: Viewer, wanted: Wanted, now: datetime) -> dict[str, int]:
    """What is open now by how long it has been."""
    figures = {}
    for name, least, most in AGES:
        age = Q(registered_at__lte=now - timedelta(days=least))
        if most is not None:
            age &= Q(registered_at__gt=now - timedelta(days=most))
        figures[f"age_{name}"] = Count("id", filter=age)
    counted = _seen(viewer, wanted).filter(state__in=OPEN).aggregate(**figures)
    return {name.removeprefix("age_"): n for name, n in counted.items()}


def _how(viewer: Viewer, wanted: Wanted) -> dict[str, int]:
    rows = _closed(viewer, wanted).order_by().values_list("closed_how").annotate(n=Count("id"))
    return {how or "unknown": n for how, n in rows}


def _ratings(viewer: Viewer, wanted: Wanted) -> tuple[dict[int, int], int]:
    """Marks by how many gave them, and how many that were asked gave none."""
    rows = Confirmation.objects.filter(
        staff_filter(viewer, "incident__"),
        wanted.condition("incident__"),
        incident__synthetic=False,
        incident__closed_at__gte=wanted.period.start,
        incident__closed_at__lt=wanted.period.end,
        incident__state="closed",
        resolution_number=F("incident__reopenings") + 1,
    )
    marks: dict[int, int] = {}
    unrated = 0
    for rating, asked, n in rows.order_by().values_list("rating", "ask_rating").annotate(n=Count("id")):
        if rating is not None:
            marks[rating] = marks.get(rating, 0) + n
        elif asked:
            unrated += n
    return marks, unrated
