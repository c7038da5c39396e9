"""A raw mail → what Firstline needs of it. Never raises, however broken the message is.

The raw bytes are kept elsewhere; nothing here is the only copy of anything.
"""

import email
import hashlib
import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email import policy
from email.message import Message
from email.utils import parsedate_to_datetime
from typing import TypeVar

from firstline.intake.automatic import automatic_reason
from firstline.intake.bounces import Bounce, bounce_of
from firstline.intake.mailtext import (
    BROKEN,
    addresses,
    body_of,
    clean,
    decoded,
    header,
    headers,
    text_of_html,
)
from firstline.intake.quoting import Folded, fold
from firstline.intake.winmail import unpacked

T = TypeVar("T")
MESSAGE_ID = re.compile(r"<([^<>\s]{1,500})>")
TEXT_LIMIT = 60_000
BODY_LIMIT = 2_000_000  # bytes of one text part that are read
PARTS_LIMIT = 500
TNEF = ("application/ms-tnef", "application/vnd.ms-tnef")
USUAL_NAMES = {
    "message/rfc822": "message.eml",
    "text/calendar": "invite.ics",
    "application/pkcs7-mime": "smime.p7m",
    "application/x-pkcs7-mime": "smime.p7m",
    "application/pkcs7-signature": "smime.p7s",
    "application/pgp-signature": "signature.asc",
    "application/pgp-encrypted": "version.asc",
}
SEALED = ("application/pkcs7-mime", "application/x-pkcs7-mime", "application/pgp-encrypted")
ENCRYPTED = "[The message is encrypted or sealed; it is kept as it came, and attached.]"
CALENDAR = re.compile(r"^(SUMMARY|LOCATION|DTSTART|DESCRIPTION)(?:;[^:\n]*)?:(.*)$", re.M)


@dataclass(frozen=True, slots=True, kw_only=True)
class MailAttachment:
    """One attached file; `inline` when the text shows it in place."""

    name: str
    content_type: str
    content: bytes
    inline: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """A mail as far as it could be understood. Addresses are in lower case; empty means: not there.

    `automatic` says by which sign nobody wrote this by hand; `bounce` is set when it reports a delivery.
    `text` is all of the text, `folded` the same cut into what was written now and what was quoted. `unread` is the
    number of parts beyond those that are looked at.
    """

    message_id: str
    sender: str
    sender_name: str
    recipients: tuple[str, ...]
    subject: str
    sent_at: datetime | None
    replies_to: tuple[str, ...]
    reply_address: str
    text: str
    attachments: tuple[MailAttachment, ...]
    automatic: str
    bounce: Bounce | None
    authentication: tuple[str, ...]
    loop: tuple[str, ...]
    unread: int = 0

    @property
    def folded(self) -> Folded:
        """The text in two; only who needs it pays for it."""
        return fold(self.text)

    @property
    def fingerprint(self) -> str:
        """Who says what, without the way that it came: the same however often it is delivered."""
        said = hashlib.sha256()
        for piece in (self.sender, self.subject, " ".join(self.text.split())):
            said.update(piece.encode("utf-8", "replace") + b"\0")
        for attachment in self.attachments:
            said.update(hashlib.sha256(attachment.content).digest())
        return said.hexdigest()


def parse(raw: bytes, *, return_path: str | None = None) -> Mail:
    """The mail in `raw`. `return_path` is the envelope's sender where the way in knows it (SMTP), ""
    when it was <>.
    """
    message = _message(raw)
    parts, unread = _leaves(message)
    text, attachments = _contents(parts)
    bounce = bounce_of(message, text)
    name, sender = next(iter(addresses(headers(message, "From"))), ("", ""))
    return Mail(
        message_id=_message_id(message, raw),
        sender=sender,
        sender_name=name,
        recipients=_recipients(message),
        subject=header(message, "Subject")[:1000],
        sent_at=_sent_at(message),
        replies_to=_replies_to(message),
        reply_address=next((address for _, address in addresses(headers(message, "Reply-To"))), ""),
        text=text,
        attachments=tuple(attachments),
        automatic=automatic_reason(message, return_path=return_path) or ("bounce" if bounce else ""),
        bounce=bounce,
        authentication=tuple(headers(message, "Authentication-Results")),
        loop=tuple(headers(message, "X-Firstline-Loop")),
        unread=unread,
    )


def _message(raw: bytes) -> Message:
    try:
        return email.message_from_bytes(raw, policy=policy.compat32)
    except (*BROKEN, IndexError):
        broken = Message()
        broken.set_payload(raw.decode("utf-8", "replace"))
        return broken


def _message_id(message: Message, raw: bytes) -> str:
    """The Message-ID without its brackets; a digest of the message where it has none, so that it still
    comes once.
    """
    for value in headers(message, "Message-ID"):
        found = MESSAGE_ID.search(value)
        plain = clean(found.group(1) if found else value).strip("<> ")
        if plain and " " not in plain:
            return plain[:500]
    return f"{hashlib.sha256(raw).hexdigest()}@digest.invalid"


def _recipients(message: Message) -> tuple[str, ...]:
    names = ("To", "Cc", "Delivered-To", "X-Original-To", "Envelope-To", "Resent-To")
    values = [value for name in names for value in headers(message, name)]
    return tuple(dict.fromkeys(address for _, address in addresses(values)))


def _replies_to(message: Message) -> tuple[str, ...]:
    """Message-IDs that this one answers, the nearest first."""
    nearest = [found for value in headers(message, "In-Reply-To") for found in MESSAGE_ID.findall(value)]
    older = [found for value in headers(message, "References") for found in MESSAGE_ID.findall(value)]
    return tuple(dict.fromkeys(clean(found) for found in (*nearest, *reversed(older))))[:50]


def _sent_at(message: Message) -> datetime | None:
    try:
        found = parsedate_to_datetime(header(message, "Date"))
        found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (*BROKEN, IndexError, OverflowError):
        return None
    return found if found.year > 1970 else None


def _contents(parts: list[Message]) -> tuple[str, list[MailAttachment]]:
    """The text (plain where there is any, else of the HTML, else of what is wrapped) and the attached files."""
    plain: list[str] = []
    markup: list[str] = []
    wrapped: list[str] = []
    attachments: list[MailAttachment] = []
    for part in parts:
        kind = clean(_quietly(part.get_content_type, "application/octet-stream"))
        name = attachment_name(part)
        attached = _quietly(part.get_content_disposition, None) == "attachment" or bool(name)
        # several parts that can't be told apart are read as what they are: text
        textual = kind in ("text/plain", "message/delivery-status") or kind.startswith("multipart/")
        if textual and not attached:
            plain.append(_text(part))
        elif kind == "text/html" and not attached:
            markup.append(text_of_html(_text(part)))
        elif content := body_of(part):
            text, files = _opened(part, kind, name, content)
            wrapped.append(text)
            attachments += files
    text = _joined(plain) or _joined(markup) or _joined(wrapped)
    if len(text) > TEXT_LIMIT:
        text = f"{text[:TEXT_LIMIT]}\n\n[… {len(text) - TEXT_LIMIT} further characters are in the original message]"
    return text.strip("\n"), attachments


def _joined(pieces: list[str]) -> str:
    return "\n\n".join(dict.fromkeys(piece for piece in pieces if piece.strip()))


def _opened(part: Message, kind: str, name: str, content: bytes) -> tuple[str, list[MailAttachment]]:
    """The files of an attached part, and the text that stands for it where the mail has no other."""
    if kind in TNEF or name.lower() == "winmail.dat":
        inside = unpacked(content)
        if inside is not None:
            return inside.text, [
                MailAttachment(
                    name=safe_name(each.name) or "attachment",
                    content_type=clean(each.content_type) or "application/octet-stream",
                    content=each.content,
                )
                for each in inside.files
            ]
    attachment = _attachment(part, kind, name, content)
    if kind == "text/calendar":
        return _invitation(content), [attachment]
    return ENCRYPTED if kind in SEALED else "", [attachment]


def _invitation(content: bytes) -> str:
    """What an invitation is about, for a mail that is nothing else."""
    unfolded = re.sub(r"\r?\n[ \t]", "", decoded(content[:BODY_LIMIT], "utf-8"))
    found = dict(reversed(CALENDAR.findall(unfolded)))
    lines = [found.get(name, "") for name in ("SUMMARY", "DTSTART", "LOCATION", "DESCRIPTION")]
    return "\n".join(re.sub(r"\\([,;\\])", r"\1", line.replace("\\n", "\n")) for line in lines if line)


def _leaves(message: Message) -> tuple[list[Message], int]:
    """The parts that hold something, and how many more there are; attached messages count as one, and are not looked
    into.
    """
    found: list[Message] = []
    waiting = deque([message])
    while waiting and len(found) < PARTS_LIMIT:
        part = waiting.popleft()
        payload = part.get_payload() if part.is_multipart() else None
        is_report = _quietly(part.get_content_type, "") == "message/delivery-status"
        if is_report and isinstance(payload, list):
            found.append(part)
        elif isinstance(payload, list) and _quietly(part.get_content_maintype, "") != "message":
            waiting.extendleft(reversed([item for item in payload if isinstance(item, Message)]))
        else:
            found.append(part)
    return found, len(waiting)


def _text(part: Message) -> str:
    return decoded(body_of(part)[:BODY_LIMIT], _quietly(part.get_content_charset, None))


def _attachment(part: Message, kind: str, name: str, content: bytes) -> MailAttachment:
    inline = _quietly(part.get_content_disposition, None) != "attachment" and bool(header(part, "Content-ID"))
    usual = USUAL_NAMES.get(kind, "attachment")
    return MailAttachment(name=name or usual, content_type=kind[:127], content=content, inline=inline)


def attachment_name(part: Message) -> str:
    """The file's name without any folder; empty when it has none."""
    name = _quietly(part.get_filename, None)
    if not isinstance(name, str):
        return ""
    return safe_name(header_value(name))


def safe_name(name: str) -> str:
    """A file's name without any folder, and without what file systems refuse."""
    last = clean(name).replace("\\", "/").rpartition("/")[2]
    return re.sub(r'[\x00-\x1f\x7f/\\:*?"<>|]+', "_", last)[:200]


def header_value(value: str) -> str:
    """A parameter that was written as encoded words against the standard, as many programs do."""
    carrier = Message()
    carrier["x"] = value.replace("\r", " ").replace("\n", " ")
    return header(carrier, "x")


def _quietly(read: Callable[[], T | None], usual: T) -> T:
    try:
        value = read()
    except (*BROKEN, IndexError):
        return usual
    return usual if value is None else value
