"""The signed links of a closing message: *fixed*, *still broken*, *rate*. They need no sign-in and expire.

A link names the confirmation and the person it was sent to. It proves that its holder reads that person's
mail, nothing more: the page behind it shows title and state, and only its button acts.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from django.conf import settings
from django.core import signing
from django.utils.translation import gettext as _

from firstline.core.errors import NotFound

VALID = timedelta(days=30)
_SALT = "firstline.closure.links"


class Verb(StrEnum):
    FIXED = "fixed"
    STILL_BROKEN = "still-broken"
    RATE = "rate"


class LinkExpired(NotFound):
    """The link was ours, and its time is over."""


@dataclass(frozen=True, slots=True)
class ClosureLink:
    confirmation_id: int
    person_id: int
    verb: Verb


def sign(link: ClosureLink, *, now: datetime) -> str:
    """The token of a link, good for 30 days."""
    expires = int((now + VALID).timestamp())
    value = [link.confirmation_id, link.person_id, link.verb.value, expires]
    return signing.dumps(value, salt=_SALT)


def read(token: str, *, now: datetime) -> ClosureLink:
    """What a token says. `NotFound` for anything that we did not sign, `LinkExpired` after its time."""
    try:
        confirmation_id, person_id, verb, expires = signing.loads(token, salt=_SALT)
        link = ClosureLink(confirmation_id, person_id, Verb(verb))
    except (signing.BadSignature, ValueError, TypeError) as error:
        raise NotFound(_("This link is damaged. Copy it whole from the message.")) from error
    if datetime.fromtimestamp(expires, UTC) <= now:
        raise LinkExpired(_("This link has expired. Write to us or report again if it is still broken."))
    return link


def urls(*, confirmation_id: int, person_id: int, now: datetime) -> dict[str, str]:
    """The three addresses for a message, by verb."""
    return {
        verb.value: f"{settings.URL}/answer/{sign(ClosureLink(confirmation_id, person_id, verb), now=now)}/"
        for verb in Verb
    }
