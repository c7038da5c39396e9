"""Calls: a voice reads the page, a key answers it."""

from collections.abc import Mapping
from xml.sax.saxutils import escape, quoteattr

from django.conf import settings as django_settings
from django.utils.translation import gettext as _

from firstline.notifications.channels.base import Envelope, Outcome
from firstline.notifications.channels.telephony import TIMEOUT, check_number, order

ACKNOWLEDGE, DECLINE = "4", "6"


class Voice:
    """The text is read twice; for a page a key acknowledges or declines. What must be typed is read digit by digit."""

    kind = "voice"
    timeout = 2 * TIMEOUT

    def send(self, envelope: Envelope) -> Outcome:
        return order("Calls", envelope, {"Twiml": spoken(envelope)})

    def check(self, address: str, settings: Mapping[str, object]) -> str:
        return check_number(address)


def spoken(envelope: Envelope) -> str:
    """The call in the provider's mark-up (TwiML). The answer to a page comes to an address that names the page."""
    page = envelope.context.get("page_id")
    text = escape(" ".join(digits_apart(envelope.subject).split()))
    if not isinstance(page, int):
        return f'<Response><Say loop="2">{text}</Say></Response>'
    keys = escape(
        _("Press %(ack)s to acknowledge, %(decline)s if you can't.")
        % {"ack": ACKNOWLEDGE, "decline": DECLINE}
    )
    answer = quoteattr(f"{django_settings.URL}/hooks/voice/{page}")
    gather = f'<Gather numDigits="1" timeout="15" action={answer}><Say loop="2">{text}. {keys}</Say></Gather>'
    return f"<Response>{gather}</Response>"


def digits_apart(text: str) -> str:
    """Long numbers as single digits, so that a voice doesn't read a code as millions."""
    return " ".join(" ".join(word) if word.isdecimal() and len(word) > 3 else word for word in text.split())
