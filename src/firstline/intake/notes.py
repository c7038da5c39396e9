"""What a tool remarks about an alert → a work note of the alert's incident."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from firstline.core.actor import Actor
from firstline.incidents.actions.talking import MAX_TEXT, add_comment
from firstline.incidents.actions.writing import locked
from firstline.intake.batch import Known
from firstline.intake.dedup import Span
from firstline.intake.models import Source
from firstline.intake.signal import Signal

LEFT_OUT = "\n\n… {count} more; all of them are kept under the source."


def record(
    source: Source, notes: Sequence[Signal], spans: Sequence[Span], known: Known, now: datetime
) -> None:
    """Write the notes of one batch, one work note per incident, so that a chatty tool fills no timeline.

    `spans` are those that the batch touched. A note about an alert that has no incident stays in the inbox alone.
    """
    if not notes:
        return
    latest = {**known.spans, **{span.key: span for span in spans}}
    of_incident: dict[int, list[Signal]] = defaultdict(list)
    for note in notes:
        span = latest.get(note.key)
        if span is not None and span.id in known.incidents:
            of_incident[known.incidents[span.id]].append(note)
    actor = Actor.source(source.id, via=source.kind)
    for incident in locked(_kept(of_incident)):
        words = _joined(of_incident[incident.id])
        add_comment(
            incident,
            words,
            public=False,
            actor=actor,
            now=now,
            via=source.kind,
            automatic=True,
            from_address=source.name,
        )


def _kept(of_incident: Mapping[int, Sequence[Signal]]) -> list[int]:
    return [incident for incident, notes in of_incident.items() if _joined(notes)]


def _joined(notes: Sequence[Signal]) -> str:
    """Their texts, each once, with who said it."""
    texts = list(dict.fromkeys(text for note in notes if (text := _text(note))))
    whole = "\n\n".join(texts)
    if len(whole) <= MAX_TEXT:
        return whole
    kept: list[str] = []
    room = MAX_TEXT - len(LEFT_OUT) - 20
    for text in texts:
        room -= len(text) + 2
        if room < 0:
            break
        kept.append(text)
    if not kept:
        return whole[: MAX_TEXT - len(LEFT_OUT) - 20] + LEFT_OUT.format(count=len(texts))
    return "\n\n".join(kept) + LEFT_OUT.format(count=len(texts) - len(kept))


def _text(note: Signal) -> str:
    author = note.labels.get("author", "")
    return f"{author}: {note.description}" if author and note.description else note.description
