"""Any JSON → signals, through the source's mapping or one guessed from the payload; plain text and
forms too.
"""

from collections.abc import Mapping as Values
from typing import Any
from urllib.parse import parse_qsl

from firstline.intake.signal import Signal, SignalKind
from firstline.intake.sources.generic.guess import guessed
from firstline.intake.sources.generic.mapping import apply, elements, mapping_from
from firstline.intake.sources.parsing import ParseError, Received, decode_json, digest, headline

FORM = "application/x-www-form-urlencoded"


def parse(row: Received, settings: Values[str, Any]) -> list[Signal]:
    """One signal per element. Raises ParseError where no title is found, naming the path of the mapping."""
    document = document_of(row)
    if isinstance(document, str):
        return [_from_text(row, document)]
    return parse_document(row, document, settings)


def parse_document(row: Received, document: Any, settings: Values[str, Any]) -> list[Signal]:
    """The signals of a JSON value, through the mapping in `settings` or a guessed one."""
    chosen = settings.get("mapping")
    mapping = mapping_from(chosen) if chosen else guessed(document)
    return [apply(row, mapping, item, position) for position, item in enumerate(elements(document, mapping))]


def document_of(row: Received) -> Any:
    """The payload: JSON whatever its content type says, else a form's fields, else the text."""
    media = row.content_type.partition(";")[0].strip().lower()
    try:
        return decode_json(row.body)
    except ParseError:
        if media == FORM:
            return dict(parse_qsl(row.body.decode("utf-8", "replace"), max_num_fields=None))
        if media.startswith("text/"):
            return row.body.decode("utf-8", "replace")
        raise


def _from_text(row: Received, text: str) -> Signal:
    title, rest = headline(text)
    if not title:
        raise ParseError("the body is empty", "$")
    return Signal(
        kind=SignalKind.TRIGGER,
        key=digest(title),
        title=title,
        description=rest,
        occurred_at=row.received_at,
        row=row.id,
    )
