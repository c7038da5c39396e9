"""What a mapping for a source could be, proposed from its last requests, for a person to confirm."""

from dataclasses import dataclass
from typing import Any

from firstline.accounts.viewer import Viewer
from firstline.intake import queries
from firstline.intake.drain import received_row
from firstline.intake.models import Inbox, Source
from firstline.intake.sources.generic.guess import Suggestion, suggested
from firstline.intake.sources.generic.parse import document_of
from firstline.intake.sources.parsing import ParseError

COMPARED = 30
UNMAPPED = frozenset({"mail", "heartbeat", "syslog"})  # kinds whose requests are no documents


@dataclass(frozen=True, slots=True)
class Proposal:
    """A suggestion, and of how many requests it was made."""

    suggestion: Suggestion
    compared: int


def proposal(viewer: Viewer, source_id: int) -> Proposal | None:
    """A mapping made of the last requests that are documents; None when the viewer sees none."""
    source = queries.source(viewer, source_id)
    if not queries.may_read_payloads(viewer, source) or not takes_mapping(source):
        return None
    documents = [found for row in _last(source) if (found := _document(row)) is not None]
    return Proposal(suggested(documents), len(documents)) if documents else None


def takes_mapping(source: Source) -> bool:
    """Whether what this source sends can be read through a mapping."""
    return source.kind not in UNMAPPED


def _last(source: Source) -> list[Inbox]:
    rows = Inbox.objects.filter(source_id=source.id, kind="alert").order_by("-received_at", "-id")
    return list(rows[:COMPARED])


def _document(row: Inbox) -> Any:
    values = (row.id, row.received_at, row.kind, row.content_type, row.headers, row.body, row.dedup_key)
    try:
        found = document_of(received_row(values))
    except ParseError:
        return None
    return found if isinstance(found, dict | list) else None
