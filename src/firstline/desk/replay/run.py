"""Work a stretch of the inbox through intake again, at its own time, and say what came of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import QuerySet

from firstline.accounts.viewer import SYSTEM
from firstline.core.errors import Invalid
from firstline.desk.replay.compare import Outcome, Paged, Stretch
from firstline.desk.replay.document import Change
from firstline.desk.replay.sandbox import put, sandbox
from firstline.incidents.models import Incident
from firstline.intake import drain, ending, heartbeats, noise, settling
from firstline.intake.models import AlertSpan, Source
from firstline.oncall import queries as oncall
from firstline.workflow import triage

SLICE = timedelta(seconds=10)
MOST_ROWS = 500_000
MOST_SIMULATED = 2000
Progress = Callable[[int, int], None]
MODULES: tuple[Callable[[datetime], int], ...] = (
    drain.run,
    noise.run,
    ending.run,
    settling.run,
    triage.run,
    triage.run_reassess,
    heartbeats.expire,
)
NEXT = """
SELECT min(at) FROM (
  SELECT min(due_at) AS at FROM due WHERE kind IN ('alerts_ended', 'alerts_settle', 'alert.look', 'noise.rule')
  UNION ALL SELECT min(ends_at) FROM alert_span WHERE ended_at IS NULL
) AS waiting
"""
CHOSEN = """
SELECT id, received_at FROM inbox
WHERE received_at >= %(since)s AND received_at < %(until)s AND kind <> 'mail' AND state <> 'new'
  AND (%(source)s::bigint IS NULL OR source_id = %(source)s)
ORDER BY id LIMIT %(most)s
"""


@dataclass(frozen=True, slots=True)
class Span:
    """Which stretch: rows received from `since` until before `until`, of one source or of all. Mail is left out."""

    since: datetime
    until: datetime
    source_id: int | None = None


def rows_of(span: Span) -> list[tuple[int, datetime]]:
    """The rows of the stretch that were worked off, in the order of their ids. `Invalid` when there are too many."""
    with connection.cursor() as cursor:
        cursor.execute(
            CHOSEN,
            {"since": span.since, "until": span.until, "source": span.source_id, "most": MOST_ROWS + 1},
        )
        rows: list[tuple[int, datetime]] = cursor.fetchall()
    if len(rows) > MOST_ROWS:
        raise Invalid(f"More than {MOST_ROWS:,} requests: choose a shorter stretch or one source.")
    return rows


def replayed(
    span: Span, rows: Sequence[tuple[int, datetime]], change: Change, progress: Progress | None = None
) -> Outcome:
    """What the rules make of these rows, from an empty history on. Nothing real is touched."""
    unknown = set(change.mapping) - set(
        Source.objects.filter(name__in=change.mapping).values_list("name", flat=True)
    )
    if unknown:
        raise Invalid(f"There is no source named {sorted(unknown)[0]}.")
    found: list[Outcome] = []
    with sandbox(change):
        for number, some in enumerate(_slices(rows)):
            at = max(received for _id, received in some)
            _until(at)
            put([id for id, _received in some], span.since, span.until)
            _work(at)
            if progress and number % 20 == 0:
                progress(sum(1 for _id, received in rows if received <= at), len(rows))
        found.append(_outcome(len(rows)))
    return found[0]


def recorded(span: Span, rows: int) -> Outcome:
    """What really came of the stretch, as far as it is kept: stretches of alerts that began in it."""
    spans = AlertSpan.objects.filter(first_seen_at__gte=span.since, first_seen_at__lt=span.until).exclude(
        source__kind="mail"
    )
    if span.source_id is not None:
        spans = spans.filter(source_id=span.source_id)
    return _outcome_of(spans, rows, failed=0)


def _slices(rows: Sequence[tuple[int, datetime]]) -> list[list[tuple[int, datetime]]]:
    """Rows that the engine may have taken in one go: within SLICE of the first."""
    found: list[list[tuple[int, datetime]]] = []
    for row in rows:
        if not found or row[1] - found[-1][0][1] > SLICE or row[1] < found[-1][0][1]:
            found.append([])
        found[-1].append(row)
    return found


def _until(at: datetime) -> None:
    """What is due before that instant is done at its own."""
    last = None
    for _ in range(10_000):
        with connection.cursor() as cursor:
            cursor.execute(NEXT)
            due: datetime | None = cursor.fetchone()[0]
        if due is None or due >= at or due == last:
            return
        _work(due)
        last = due


def _work(now: datetime) -> None:
    for _ in range(1000):
        if not sum(module(now) for module in MODULES):
            return


def _outcome(rows: int) -> Outcome:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM inbox WHERE state = 'failed'")
        failed = int(cursor.fetchone()[0])
    return _outcome_of(AlertSpan.objects.all(), rows, failed)


def _outcome_of(spans: QuerySet[AlertSpan], rows: int, failed: int) -> Outcome:
    stretches = tuple(
        Stretch(
            identity=(name, key, first),
            title=title,
            count=count,
            severity=severity,
            muted=bool(reasons),
            incident=incident,
        )
        for name, key, first, title, count, severity, reasons, incident in spans.order_by("id").values_list(
            "source__name",
            "alert__dedup_key",
            "first_seen_at",
            "title",
            "count",
            "severity",
            "reasons",
            "incident_id",
        )
    )
    ids = {each.incident for each in stretches if each.incident is not None}
    incidents = list(Incident.objects.filter(id__in=ids).order_by("id"))
    return Outcome(
        rows=rows,
        failed=failed,
        stretches=stretches,
        titles={row.id: row.title for row in incidents},
        priorities={row.id: row.priority for row in incidents},
        pages=tuple(page for row in incidents[:MOST_SIMULATED] for page in _pages(row)),
    )


def _pages(row: Incident) -> list[Paged]:
    """Who is paged first for it, by the policy that is in force, if nobody answers."""
    if row.priority is None:
        return []
    question = oncall.Question(
        service_id=row.service_id,
        group_id=row.group_id,
        priority=row.priority,
        at=row.received_at,
        security=row.security,
    )
    simulation = oncall.simulate(SYSTEM, question)
    if simulation is None or not simulation.pages:
        return []
    first = simulation.pages[0].at
    return [
        Paged(row.id, str(page.recipient.person or page.recipient.sink), page.at)
        for page in simulation.pages
        if page.at == first
    ]
