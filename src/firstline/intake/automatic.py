"""Whether a mail was written by a machine: the signs of RFC 3834 and of the programs that don't follow it.

Such mail may open an incident (monitoring writes it too), and never gets an answer, never reopens,
resumes, confirms or rates.
"""

import re
from email.message import Message

from firstline.intake.mailtext import addresses, headers

PRECEDENCES = ("bulk", "junk", "list", "auto_reply", "auto-reply")
SIGNS = (
    "X-Auto-Response-Suppress",
    "X-Autoreply",
    "X-Autorespond",
    "X-Auto-Reply-From",
    "X-Failed-Recipients",
)
DAEMONS = re.compile(
    r"^(?:mailer[-_.]?daemon|postmaster|mail-?daemon|mdaemon|double-bounce)(?:[-+=].*)?@", re.I
)
REPORTS = re.compile(
    r"report-type\s*=\s*\"?(?:delivery-status|disposition-notification|feedback-report)", re.I
)


def automatic_reason(message: Message, *, return_path: str | None = None) -> str:
    """By which sign the mail is automatic, as `header` or `header: value`; empty when a person seems to
    have written it.

    `return_path` is the envelope's sender, where it is known better than by the header.
    """
    return (
        _auto_submitted(message)
        or _precedence(message)
        or next((name for name in SIGNS if headers(message, name)), "")
        or _null_sender(message, return_path)
        or _daemon(message)
        or _report(message)
    )


def _auto_submitted(message: Message) -> str:
    for value in headers(message, "Auto-Submitted"):
        word = re.sub(r"\(.*?\)", "", value).partition(";")[0].strip().lower()
        if word and word != "no":
            return f"Auto-Submitted: {word[:60]}"
    return ""


def _precedence(message: Message) -> str:
    for value in headers(message, "Precedence"):
        word = value.strip().lower()
        if word in PRECEDENCES:
            return f"Precedence: {word}"
    return ""


def _null_sender(message: Message, return_path: str | None) -> str:
    if return_path is not None:
        return "Return-Path: <>" if return_path.strip(" <>") == "" else ""
    values = headers(message, "Return-Path")
    return "Return-Path: <>" if values and values[0].strip() in ("<>", "< >") else ""


def _daemon(message: Message) -> str:
    written = [*headers(message, "From"), *headers(message, "Return-Path"), *headers(message, "Sender")]
    for _, address in addresses(written):
        if DAEMONS.match(address):
            return f"From: {address}"
    return ""


def _report(message: Message) -> str:
    for value in headers(message, "Content-Type"):
        if REPORTS.search(value):
            return "Content-Type: multipart/report"
    return ""
