"""The signed link in a page. It proves that its holder got this page; opening it changes nothing, its button
acts.
"""

from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.core import signing
from django.utils.translation import gettext as _

from firstline.core.errors import NotFound

VALID = timedelta(days=7)
_SALT = "firstline.oncall.links"


def token(page_id: int, *, now: datetime) -> str:
    """The token of a page's link, good for a week."""
    return signing.dumps([page_id, int((now + VALID).timestamp())], salt=_SALT)


def read(text: str, *, now: datetime) -> int:
    """The page that a token names. `NotFound` for anything that was not signed here, or is too old."""
    try:
        page_id, expires = signing.loads(text, salt=_SALT)
    except (signing.BadSignature, ValueError, TypeError) as error:
        raise NotFound(_("This link is damaged. Copy it whole from the message.")) from error
    if datetime.fromtimestamp(expires, UTC) <= now:
        raise NotFound(_("This link has expired. Sign in to see the incident."))
    return int(page_id)


def url(page_id: int, *, now: datetime) -> str:
    return f"{settings.URL}/page/{token(page_id, now=now)}"
