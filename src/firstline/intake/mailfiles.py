"""Which files of a mail are kept beside its incident: bounded by count, size and type, told by their content. Pure.

What isn't taken is named with why, and lies in the raw message anyway.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from firstline.intake.mailparse import MailAttachment

MOST_FILES = 20
LARGEST = 25 * 1024 * 1024
LARGEST_TOGETHER = 60 * 1024 * 1024
# programs, whatever they are called
PROGRAMS = (
    b"MZ",
    b"\x7fELF",
    b"\xca\xfe\xba\xbe",
    b"\xcf\xfa\xed\xfe",
    b"\xce\xfa\xed\xfe",
    b"\xfe\xed\xfa\xcf",
)
SHORTCUT = b"L\x00\x00\x00\x01\x14\x02\x00"
# what Windows runs when somebody clicks on it
RUNNING = re.compile(
    r"\.(?:ade|adp|apk|appx|bat|chm|cmd|cpl|dll|exe|hta|ins|isp|jar|jse?|lib|lnk|mde|ms[cipt]|msix|nsh|pif|ps1|sc[frt]|"
    r"sys|vb[es]?|vxd|ws[cfh])[ .]*$",
    re.I,
)
NAMED = 50


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file that was not taken. `reason`: count, size, type, room."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Chosen:
    """`left_out` names at most NAMED; `more` is how many others there are."""

    taken: tuple[MailAttachment, ...]
    left_out: tuple[LeftOut, ...]
    more: int = 0


def chosen(attachments: Sequence[MailAttachment], *, room: int = MOST_FILES) -> Chosen:
    """What to keep of `attachments` where `room` files still fit."""
    taken: list[MailAttachment] = []
    left_out: list[LeftOut] = []
    size = 0
    for each in attachments:
        reason = _refused(each, size)
        if not reason and len(taken) >= min(room, MOST_FILES):
            reason = "count" if len(taken) >= MOST_FILES else "room"
        if reason:
            left_out.append(LeftOut(each.name[:200], reason))
        else:
            taken.append(each)
            size += len(each.content)
    return Chosen(tuple(taken), tuple(left_out[:NAMED]), max(0, len(left_out) - NAMED))


def _refused(attachment: MailAttachment, size: int) -> str:
    if is_program(attachment.name, attachment.content):
        return "type"
    if len(attachment.content) > LARGEST or size + len(attachment.content) > LARGEST_TOGETHER:
        return "size"
    return ""


def is_program(name: str, content: bytes) -> bool:
    """Whether it runs when opened: by its first bytes, or by how it is called."""
    return content.startswith((*PROGRAMS, SHORTCUT)) or RUNNING.search(name) is not None
