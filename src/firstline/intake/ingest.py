"""Signals of one source → alerts, and alerts → incidents. Everything here runs in the caller's transaction, and the
caller holds the source's lock, so that a resolve never overtakes its trigger.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from firstline.catalog.actions import record_change
from firstline.core.actor import Actor
from firstline.incidents import actions as incidents
from firstline.intake import ending, joining, notes, spans
from firstline.intake.batch import Batch, Known
from firstline.intake.dedup import Fold, Span, SpanState, fold
from firstline.intake.hints import Place, places_of
from firstline.intake.models import Source
from firstline.intake.muting import mute
from firstline.intake.signal import Signal, openable
from firstline.intake.suppression import is_muted

# keys under which Firstline itself speaks about a source; such an alert never joins what merely is near to it
UNREADABLE = "firstline:unreadable"
SILENT = "firstline:silent"
MAILBOX = "firstline:mailbox"
BEAT = "beat"
OWN_KEYS = frozenset({UNREADABLE, SILENT, MAILBOX})


@dataclass(slots=True)
class Outcome:
    """What a batch did: spans opened, updated and ended; signals that made no alert; incidents opened."""

    opened: int = 0
    updated: int = 0
    ended: int = 0
    dropped: int = 0
    incidents: list[int] = field(default_factory=list)


def ingest(
    source: Source, signals: Sequence[Signal], *, received: Mapping[int, datetime], now: datetime
) -> Outcome:
    """Fold `signals` (in order) into alerts and give every new alert its incident."""
    if not signals:
        return Outcome()
    known = spans.load(source.id, {signal.key for signal in signals})
    folded = fold(known.spans, signals, received)
    fresh = [span for span in folded.spans if span.is_new]
    old = [span for span in folded.spans if not span.is_new]
    places = _places(source, folded, known)
    _record_changes(source, folded, places, now)
    spans.store_alerts(source.id, fresh, known)
    spans.number(fresh, places)
    batch = Batch(source=source, fresh=fresh, old=old, known=known, places=places, now=now)
    mute(batch, signals, received)  # sets `state` and `reasons` of spans, which are stored next
    # what ended makes room first: a key has one open span
    spans.update(old, received)
    # new ones are stored last, with their incident: to write it later would cost as much as the row itself
    later = {span.id for span in fresh}
    opened = joining.find_incidents(
        source, _needing_incident(batch), known=known, places=places, now=now, later=later
    )
    spans.insert(batch, received)
    _acknowledge(source, folded, known, now)
    notes.record(source, folded.notes, folded.spans, known, now)
    ended = [span.id for span in folded.spans if span.state is SpanState.RESOLVED and span.id is not None]
    ending.after_resolve(ended, now=now)
    return Outcome(
        opened=len(fresh),
        updated=len(old),
        ended=len(ended),
        dropped=len(folded.dropped),
        incidents=opened,
    )


def _places(source: Source, folded: Fold, known: Known) -> dict[tuple[str, str], Place]:
    """Only of what needs one now: a span with an incident stays where it belongs."""
    homeless = [span.signal for span in folded.spans if span.signal and span.id not in known.incidents]
    return places_of(source, {(signal.service, signal.ci) for signal in (*homeless, *folded.changes)})


def _needing_incident(batch: Batch) -> list[Span]:
    """New spans, and those that were let speak only now; what is muted, by the source's floor too, stays an alert."""
    incidents = batch.known.incidents
    late = [span for span in batch.old if span.state.is_open and span.id not in incidents and span.signal]
    return [span for span in (*batch.fresh, *late) if not is_muted(span.reasons)]


def _record_changes(
    source: Source, folded: Fold, places: Mapping[tuple[str, str], Place], now: datetime
) -> None:
    for signal in folded.changes:
        place = places[signal.service, signal.ci]
        record_change(
            title=signal.title,
            actor=Actor.source(source.id, via="change event"),
            now=now,
            source_id=source.id,
            source_key=signal.key[:255],
            service_id=place.service_id,
            ci_id=place.ci_id,
            happened_at=signal.occurred_at,
            links=[{"href": link.href, "text": link.text} for link in openable(signal.links)],
        )


def _acknowledge(source: Source, folded: Fold, known: Known, now: datetime) -> None:
    """Somebody acknowledged in the tool that sends: the incident is acknowledged too."""
    ids = {
        known.incidents[span.id]
        for span in folded.spans
        if span.acknowledged_now and span.id in known.incidents
    }
    if ids:
        incidents.acknowledge(sorted(ids), actor=Actor.source(source.id, via=source.kind), now=now)
