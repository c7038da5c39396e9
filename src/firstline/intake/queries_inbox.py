"""What a source sent and what became of it: lists by state, one request whole. Secrets are masked, counts bounded."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

from firstline.accounts.viewer import Viewer
from firstline.core.errors import NotFound
from firstline.core.pagination import paginate
from firstline.intake.masking import masked
from firstline.intake.models import Inbox
from firstline.intake.queries import Payload, may_read_payloads, payload_of, source

STATES = ("failed", "new", "all")
WHOLE = 256 * 1024  # characters of a request that are shown at most
COUNTED = 10_000


@dataclass(frozen=True, slots=True)
class Stored:
    """A page of requests; `next` is the cursor of the following one. `hidden`: the viewer may not see what it sends."""

    rows: list[Payload]
    next: str | None
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class Whole:
    """One request with its headers, as they were kept."""

    payload: Payload
    headers: list[tuple[str, str]]
    attempts: int


def stored(
    viewer: Viewer, source_id: int, *, state: str = "failed", cursor: str | None = None, size: int = 25
) -> Stored:
    """What the source sent, the latest first; `state` is one of `STATES`."""
    found = source(viewer, source_id)
    if not may_read_payloads(viewer, found):
        return Stored([], None, hidden=True)
    rows = Inbox.objects.filter(source_id=found.id)
    if state in ("failed", "new"):  # by the index of just these
        page = paginate(rows.filter(state=state), ("-id",), cursor=cursor, size=size)
    else:
        page = paginate(rows, ("-received_at", "-id"), cursor=cursor, size=size)
    return Stored([payload_of(row) for row in page.rows], page.next)


def counts(viewer: Viewer, source_id: int) -> dict[str, int]:
    """How many failed and how many wait; past `COUNTED` it is not counted on."""
    found = source(viewer, source_id)
    return {
        state: Inbox.objects.filter(source_id=found.id, state=state)[: COUNTED + 1].count()
        for state in ("failed", "new")
    }


def whole(viewer: Viewer, source_id: int, row_id: int) -> Whole:
    """A request that failed or waits. `NotFound` for any other, and for one that the viewer may not see."""
    found = source(viewer, source_id)
    row = Inbox.objects.filter(source_id=found.id, id=row_id, state__in=("failed", "new")).first()
    if row is None or not may_read_payloads(viewer, found):
        raise NotFound(_("There is no such request any more: it was read, or its time is over."))
    headers = [(name, masked(f"{name}: {text}").partition(": ")[2]) for name, text in row.headers.items()]
    return Whole(payload_of(row, shown=WHOLE), headers, row.attempts)
