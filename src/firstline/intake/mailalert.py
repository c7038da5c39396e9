"""Mail that a machine wrote, as a signal."""

from firstline.intake.mailparse import Mail
from firstline.intake.models import Source
from firstline.intake.signal import Severity, Signal, SignalKind
from firstline.intake.sources.mail.templates import Letter, Recognised, recognise, templates_from
from firstline.intake.sources.mail.tools import TOOLS
from firstline.intake.sources.parsing import ParseError, Received, digest, headline


def recognised(source: Source, mail: Mail) -> Recognised | None:
    """Which tool wrote it, by the source's own templates, then by the built-in ones."""
    try:
        own = templates_from(source.mapping or {})
    except ParseError:  # a form refuses them; what an import brought must not stop the mail
        own = templates_from({})
    letter = letter_of(mail)
    return recognise(letter, own.templates) or (recognise(letter, TOOLS) if own.builtin else None)


def letter_of(mail: Mail) -> Letter:
    return Letter(sender=mail.sender, subject=mail.subject, text=mail.text)


def plain_signal(source: Source, row: Received, mail: Mail) -> Signal:
    """The alert of a machine that is not known: mails with the same sender and subject are one."""
    title, _rest = headline(mail.subject or mail.text or "(no subject)")
    return Signal(
        kind=SignalKind.TRIGGER,
        key=digest("mail", mail.sender, _without_numbers(mail.subject)),
        title=title,
        description=mail.text,
        severity=Severity.WARNING,
        security=source.security,
        labels={"from": mail.sender, "automatic": mail.automatic},
        occurred_at=row.received_at,
        row=row.id,
    )


def _without_numbers(subject: str) -> str:
    """Counters, dates and amounts change from mail to mail; the rest of the subject is what it is about."""
    return " ".join("".join(" " if sign.isdigit() else sign for sign in subject.lower()).split())
