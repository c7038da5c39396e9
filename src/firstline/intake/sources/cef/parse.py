"""CEF and LEEF lines in a request's body: one a line, each with or without a syslog header, or as a text field of
JSON (alone, listed, or one a line) → security signals.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from firstline.intake.signal import Signal
from firstline.intake.sources.cef.event import NotAnEvent, find, read
from firstline.intake.sources.cef.signals import signal_of
from firstline.intake.sources.parsing import ParseError, Received
from firstline.intake.sources.syslog.message import message_of
from firstline.intake.sources.textlines import texts_of


def parse(row: Received, settings: Mapping[str, Any]) -> list[Signal]:
    """One signal per event. Raises ParseError where no line is one."""
    signals: list[Signal] = []
    wrong = ""
    for position, text in enumerate(texts_of(row)):
        try:
            signals += event_in(text, row, settings, position=position)
        except (NotAnEvent, ParseError) as error:
            wrong = wrong or f"line {position + 1}: {error}"
    if not signals:
        raise ParseError(wrong or "no CEF or LEEF event", "$")
    return signals


def event_in(text: str, row: Received, settings: Mapping[str, Any], *, position: int = 0) -> Iterator[Signal]:
    """The signal of the event in a line, with what its syslog header says. Raises NotAnEvent or ParseError."""
    start = find(text)
    if start < 0:
        raise NotAnEvent("no CEF or LEEF event")
    event = read(text[start:])
    header = message_of(text[:start], row.received_at, settings) if text[:start].strip() else None
    yield signal_of(
        event,
        row,
        settings,
        position=position,
        host=header.host if header else "",
        at=header.at.isoformat() if header and header.at else None,
    )
