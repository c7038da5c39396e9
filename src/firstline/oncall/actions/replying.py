"""Answers that come back through a channel: a reply to a page, and a page that bounced."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from firstline.core.actor import Actor
from firstline.core.errors import DomainError
from firstline.incidents.models import Incident
from firstline.notifications.deliver import bounced as bounce
from firstline.notifications.models import Delivery
from firstline.oncall.actions.answering import acknowledge_page, decline_page
from firstline.oncall.actions.ledger import lock_incidents, note
from firstline.oncall.models import Page
from firstline.oncall.replies import Verb, parse

OPEN_FOR = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class Answered:
    """`verb` None: the text was not clear. `said`: what to tell the sender."""

    verb: Verb | None
    said: str


def answer_by_reply(
    page_id: int, text: str, *, from_address: str, channel: str, automatic: bool, now: datetime
) -> Answered | None:
    """A reply to a page. None when it counts for nothing: it is automatic, or from another address than was
    paged.

    `acknowledge` and `decline` act at once; `resolve` acknowledges and leaves resolving to a person, who must
    say how it was solved. A bare number, or the number of another incident, is asked back.
    """
    page = Page.objects.filter(id=page_id).first()
    if page is None or automatic or page.person_id is None:
        return None
    paged = Delivery.objects.filter(page_id=page.id, channel=channel, address__iexact=from_address.strip())
    if not paged.exists():
        return None
    reply = parse(text)
    verb = reply.verb if reply is not None else _alone(text)
    if verb is None or (reply is not None and reply.number not in (page.id, page.incident_id)):
        number = Incident(id=page.incident_id).number
        return Answered(
            None,
            _("Answer “ack %(id)s” to acknowledge %(number)s.") % {"id": page.incident_id, "number": number},
        )
    actor = Actor.person(page.person_id, via=channel)
    try:
        return Answered(verb, _act(page, verb, actor, now))
    except DomainError as error:
        return Answered(verb, str(error))


def answer_by_number(text: str, *, from_address: str, channel: str, now: datetime) -> Answered | None:
    """A message from a number that may have been paged. None when it was not paged in the last days.

    A number in the text names the page or incident; a bare `ack` is clear while only one page is open.
    """
    since = now - OPEN_FOR
    paged = Delivery.objects.filter(
        method__channel=channel,
        method__address=from_address.strip(),
        page_id__isnull=False,
        due_at__gte=since,
    ).values_list("page_id", flat=True)
    pages = list(Page.objects.filter(id__in=paged).order_by("-id")[:20])
    if not pages:
        return None
    open_ones = [page for page in pages if page.ended_at is None and page.acknowledged_at is None]
    reply = parse(text)
    named = [page for page in pages if reply is not None and reply.number in (page.id, page.incident_id)]
    clear = open_ones or pages[:1]  # with nothing open it is the last one, which says that it is answered
    chosen = named[0] if named else clear[0] if reply is None and len(clear) == 1 else None
    if chosen is None:
        numbers = ", ".join(dict.fromkeys(Incident(id=page.incident_id).number for page in clear))
        return Answered(None, _("Answer “ack” and a number: %(numbers)s") % {"numbers": numbers})
    return answer_by_reply(
        chosen.id, text, from_address=from_address, channel=channel, automatic=False, now=now
    )


def answer_by_key(
    page_id: int, verb: Verb, *, from_address: str, channel: str, now: datetime
) -> Answered | None:
    """A key that was pressed in a call about a page. None when that number was not called about it."""
    page = Page.objects.filter(id=page_id, person__isnull=False).first()
    called = Delivery.objects.filter(page_id=page_id, channel=channel, address=from_address.strip())
    if page is None or page.person_id is None or not called.exists():
        return None
    try:
        return Answered(verb, _act(page, verb, Actor.person(page.person_id, via=channel), now))
    except DomainError as error:
        return Answered(verb, str(error))


def _act(page: Page, verb: Verb, actor: Actor, now: datetime) -> str:
    if verb == "decline":
        decline_page(page.id, actor=actor, now=now)
        return _("declined; the next one is paged")
    fresh = acknowledge_page(page.id, actor=actor, now=now)
    if verb == "resolve":
        return _("acknowledged; open the incident to say how it was solved")
    return _("acknowledged") if fresh else _("already acknowledged")


def _alone(text: str) -> Verb | None:
    """In a reply to one page a bare `ack` is clear."""
    lines = [line.strip().casefold().strip(".!") for line in text.splitlines() if line.strip()]
    known: dict[str, Verb] = {
        "ack": "acknowledge",
        "acknowledge": "acknowledge",
        "ok": "acknowledge",
        "decline": "decline",
    }
    return known.get(lines[0]) if lines else None


@transaction.atomic
def bounced(delivery_id: int, answer: str, *, now: datetime) -> None:
    """What was taken by the next server came back: a failed attempt, the next channel goes at once."""
    lock_incidents(
        [page for page in Delivery.objects.filter(id=delivery_id).values_list("page_id", flat=True) if page]
    )
    settled = bounce(delivery_id, answer, now=now)
    if settled is not None:
        note([settled], now)
