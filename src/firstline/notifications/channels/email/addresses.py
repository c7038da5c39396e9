"""Addresses and Message-IDs of our own: an answer finds its incident by them, and none can be made up.

The reply address is the sender's mailbox with a tag (`support+i123-45-<signature>@example.org`), so that it
needs no mailbox of its own. The signature covers incident and person.
"""

import hashlib
import hmac
import re
from email.utils import parseaddr

from django.conf import settings

_TAG = re.compile(r"i(?P<incident>[0-9]{1,18})-(?P<person>[0-9]{1,18})-(?P<signature>[0-9a-f]{20})")
_OWN_ID = re.compile(r"<(?:delivery|incident)-(?P<name>[^@>]+)@(?P<domain>[^>]+)>")


def reply_address(incident_id: int, person_id: int | None) -> str:
    """Where an answer about this incident by this person goes (0: a reader without an account)."""
    local, _, domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")
    return f"{local}+i{incident_id}-{person_id or 0}-{_signature(incident_id, person_id or 0)}@{domain}"


def read_reply_address(address: str) -> tuple[int, int | None] | None:
    """(incident id, person id) of an address that we made; None for any other."""
    local = address.rpartition("@")[0]
    found = _TAG.fullmatch(local.rpartition("+")[2].casefold())
    if not found:
        return None
    incident, person = int(found["incident"]), int(found["person"])
    if not hmac.compare_digest(_signature(incident, person), found["signature"]):
        return None
    return incident, person or None


def message_id(idempotency_key: str) -> str:
    """The Message-ID of a delivery, under this installation's own domain.

    It is keyed: whoever names it in a reply has had the mail. The idempotency key alone could be guessed.
    """
    text = f"firstline.delivery:{idempotency_key}".encode()
    name = hmac.new(settings.SECRET_KEY.encode(), text, hashlib.sha256).hexdigest()[:32]
    return f"<delivery-{name}@{settings.SITE_HOST}>"


def thread_id(incident_id: int) -> str:
    """What all mails about an incident refer to, so that mail programs show them together."""
    return f"<incident-{incident_id}@{settings.SITE_HOST}>"


def is_own(identifier: str) -> bool:
    """Whether a Message-ID is one of ours."""
    found = _OWN_ID.fullmatch(identifier.strip())
    return bool(found) and found is not None and found["domain"] == settings.SITE_HOST


def loop_mark() -> str:
    """What our own mails carry, so that we know them when they come back, whatever became of their Message-ID.

    It is keyed: another Firstline has another one, also where both believe to be `localhost`.
    """
    name = hmac.new(settings.SECRET_KEY.encode(), b"firstline.loop", hashlib.sha256).hexdigest()[:20]
    return f"{name}@{settings.SITE_HOST}"


def _signature(incident_id: int, person_id: int) -> str:
    text = f"firstline.reply:{incident_id}:{person_id}".encode()
    return hmac.new(settings.SECRET_KEY.encode(), text, hashlib.sha256).hexdigest()[:20]
