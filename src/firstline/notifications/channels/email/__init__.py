"""Mail, through the server that FIRSTLINE_MAIL_URL names."""

import smtplib
from collections.abc import Mapping
from email.utils import formataddr, parseaddr

from django.conf import settings as django_settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMultiAlternatives, get_connection
from django.core.validators import validate_email

from firstline.notifications.channels.base import Envelope, Outcome
from firstline.notifications.channels.email.addresses import loop_mark, message_id, reply_address, thread_id


class Email:
    """Text and, where there is one, HTML; always marked as automatic, so that no other machine answers it."""

    kind = "email"
    timeout = 20

    def send(self, envelope: Envelope) -> Outcome:
        mail = build(envelope)
        own_id = str(mail.extra_headers["Message-ID"])
        try:
            with get_connection(timeout=self.timeout) as connection:
                connection.send_messages([mail])
        except smtplib.SMTPRecipientsRefused as error:
            code, text = next(iter(error.recipients.values()))
            return Outcome(False, _said(code, text), permanent=500 <= code < 600)
        except smtplib.SMTPResponseException as error:
            return Outcome(
                False, _said(error.smtp_code, error.smtp_error), permanent=500 <= error.smtp_code < 600
            )
        except (OSError, smtplib.SMTPException) as error:
            return Outcome(False, f"{type(error).__name__}: {error}")
        return Outcome(True, "accepted", message_id=own_id)

    def check(self, address: str, settings: Mapping[str, object]) -> str:
        try:
            validate_email(address)
        except ValidationError as error:
            return str(error.messages[0])
        return ""


def build(envelope: Envelope) -> EmailMultiAlternatives:
    """The mail of an envelope. Its Message-ID follows from the idempotency key: a second try is the same
    mail.
    """
    name, sender = parseaddr(django_settings.DEFAULT_FROM_EMAIL)
    headers = {
        "Message-ID": message_id(envelope.idempotency_key),
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
        "X-Firstline-Loop": loop_mark(),
    }
    reply_to: list[str] = []
    if envelope.incident_id is not None:
        headers["References"] = thread_id(envelope.incident_id)
        reply_to = [reply_address(envelope.incident_id, envelope.person_id)]
    if envelope.urgency == "high":
        headers["X-Priority"] = "1"
    mail = EmailMultiAlternatives(
        subject=" ".join(envelope.subject.split()),
        body=envelope.body,
        from_email=formataddr((name or "Firstline", sender)),
        to=[envelope.address],
        reply_to=reply_to,
        headers=headers,
    )
    if envelope.html:
        mail.attach_alternative(envelope.html, "text/html")
    return mail


def _said(code: int, text: bytes | str) -> str:
    return f"{code} {text.decode(errors='replace') if isinstance(text, bytes) else text}"
