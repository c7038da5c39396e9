"""One batch of a source between folding and storing: what muting and correlation look at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from firstline.intake.dedup import Span
from firstline.intake.hints import Place
from firstline.intake.models import Source


@dataclass(slots=True)
class Known:
    """What the database knows of the keys of a batch: latest spans, and to which alert and incident they belong."""

    spans: dict[str, Span]
    alerts: dict[str, int]
    incidents: dict[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Spans that a batch opened (`fresh`: with ids, not stored yet) and those that it changed (`old`).

    What is set on a span here is stored with it: one write, however many look at it. `places` has the place of each
    (service, CI) hint of spans without an incident; `known.alerts` the alert's id by key, `known.incidents` the
    incident by span id.
    """

    source: Source
    fresh: Sequence[Span]
    old: Sequence[Span]
    known: Known
    places: Mapping[tuple[str, str], Place]
    now: datetime

    def place_of(self, span: Span) -> Place:
        """Where the span belongs: what its first trigger said."""
        return Place(span.service_id, span.ci_id)
