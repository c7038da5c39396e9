"""The signed links of a closing message: *fixed*, *still broken*, *rate*. They need no sign-in and expire.

A link names the confirmation and the person it was sent to. It proves that its holder reads that person's
mail, nothing more: the page behind it shows title and state, and only its button acts.
"""

from dataclasses import dataclass, replace
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
    expires_at: datetime

    def token(self) -> str:
        expires = int(self.expires_at.timestamp())
        return signing.dumps([self.confirmation_id, self.person_id, self.verb.value, expires], salt=_SALT)

    def other(self, verb: Verb) -> "ClosureLink":
        """The same person's link for another verb, good for as long as this one."""
        return replace(self, verb=verb)


def read(token: str, *, now: datetime) -> ClosureLink:
    """What a token says. `NotFound` for anything that we did not sign, `LinkExpired` after its time."""
    try:
        confirmation_id, person_id, verb, expires = signing.loads(token, salt=_SALT)
        link = ClosureLink(confirmation_id, person_id, Verb(verb), datetime.fromtimestamp(expires, UTC))
    except (signing.BadSignature, ValueError, TypeError) as error:
        raise NotFound(_("This link is damaged. Copy it whole from the message.")) from error
    if link.expires_at <= now:
        raise LinkExpired(_("This link has expired. Write to us or report again if it is still broken."))
    return link


def urls(*, confirmation_id: int, person_id: int, now: datetime) -> dict[str, str]:
    """The three addresses for a message, by verb, good for 30 days."""
    all_three = (ClosureLink(confirmation_id, person_id, verb, now + VALID) for verb in Verb)
    return {link.verb.value: f"{settings.URL}/answer/{link.token()}/" for link in all_three}
