"""What somebody wrote now, apart from what they quoted and signed with. Nothing is lost: the rest is folded, not cut.

1. Cut above our own marker *reply above this line*.
2. Find where a quotation begins: an attribution in the common languages (ours, then mail-parser-reply's), a
   separator, a block of copied headers, or lines that begin with `>`.
3. Text above it is what was written. With nothing above, what stands below the quoted lines is (bottom posting).
4. When text goes on after the quoted lines, it was answered in between: all of it stays visible.
5. A signature behind `-- ` or *Sent from my …* is folded too.
"""

import re
from dataclasses import dataclass

from mailparser_reply import EmailReplyParser

LIMIT = 30_000
LANGUAGES = ["en", "de", "fr", "es", "it", "nl", "pl", "pt", "sv", "da", "no", "cs", "ja", "ko", "zh"]
WROTE = (
    r"wrote|writes|schrieb(?:en)?|a écrit|écrit|escribió|ha scritto|het volgende geschreven|geschreven|schreef|"
    r"escreveu|napisał(?:\(?a\)?)?|pisze|skrev|kirjoitti|написал(?:\(?а\)?)?|пише|napsal(?:\(?a\)?)?"
)
MARKER = re.compile(r"^\W*(?:please )?reply above this line.*$", re.I)
ATTRIBUTION = re.compile(
    rf"^[>\s]*(?:.*\d.*(?:{WROTE})\s*:?|"
    rf"(?:am|op|den|le|on|el|em|w dniu)\s.*\d.*(?:{WROTE})\s.{{1,160}}:|"
    rf".{{1,120}}<[^<>\s]+@[^<>\s]+>.{{0,40}}(?:{WROTE})\s*:?|"
    r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}.{0,120}<[^<>\s]+@[^<>\s]+>:?)\s*$",
    re.I,
)
SEPARATOR = re.compile(
    r"^[>\s*]*-{2,}\s*(?:original(?:e|l)?|forwarded|weitergeleitete?|ursprüngliche|mensaje|mensagem|message|"
    r"messaggio|oorspronkelijk|doorgestuurd|wiadomość|ursprungligt|oprindelig)\b.{0,40}-{2,}[\s*]*$|"
    r"^[>\s*]*(?:begin forwarded message|anfang der weitergeleiteten|début du message (?:réexpédié|transféré))",
    re.I,
)
COPIED = re.compile(
    r"^[>\s*]*(?:from|to|cc|sent|date|subject|reply-to|von|an|gesendet|datum|betreff|de|à|envoyé|objet|para|"
    r"enviado|fecha|asunto|assunto|data|da|a|inviato|oggetto|risposta|van|aan|verzonden|onderwerp|od|do|wysłano|"
    r"temat|från|till|skickat|ämne|fra|til|sendt|emne)\s*\*?\s*:",
    re.I,
)
QUOTED = re.compile(r"^\s*(?:>|\|\s)")
RULE = re.compile(r"^\s*\*?[-_]{10,}\*?\s*$")
SIGNATURE = re.compile(
    r"^(?:--\s?|—\s?|\*?(?:sent|get|gesendet|von meinem|envoyé|enviado|inviato|verstuurd|verzonden|skickat|wysłane)\b"
    r".{0,30}\b(?:iphone|ipad|android|galaxy|outlook|mobile|handy|smartphone|blackberry|huawei|phone|mail).{0,60})$",
    re.I,
)
SIGNATURE_LINES = 25
_PARSER = EmailReplyParser(languages=LANGUAGES)


@dataclass(frozen=True, slots=True)
class Folded:
    """What was written now, and all the rest of the text."""

    visible: str
    rest: str


def fold(text: str) -> Folded:
    """`text` in two; a mail that is nothing but a quotation stays visible as a whole."""
    lines = text[:LIMIT].split("\n")
    marked = next((at for at, line in enumerate(lines) if MARKER.match(line)), len(lines))
    head, tail = lines[:marked], [*lines[marked:], text[LIMIT:]]
    visible, rest = _split(head)
    visible, signed = _signature(visible)
    if not _says_something(visible):
        return Folded(text.strip("\n"), "")
    return Folded(_joined(visible), _joined([*signed, *rest, *tail]))


def _split(lines: list[str]) -> tuple[list[str], list[str]]:
    start = _start(lines)
    if start is None:
        return lines, []
    above, below = lines[:start], lines[start:]
    last_quoted = max((at for at, line in enumerate(below) if QUOTED.match(line)), default=-1)
    beneath, _ = _signature(["", *below[last_quoted + 1 :]]) if last_quoted >= 0 else ([], [])
    answered_below = _says_something(beneath) and not any(_copied(below, at) for at in range(len(below)))
    if _says_something(above):
        return (lines, []) if answered_below else (above, below)
    if answered_below:
        return below[last_quoted + 1 :], lines[: start + last_quoted + 1]
    if last_quoted > 0 or SEPARATOR.match(lines[start]):
        return lines, []
    spoken = [at for at, line in enumerate(below) if at and line.strip() and not QUOTED.match(line)]
    return (below[spoken[0] :], [*above, *below[: spoken[0]]]) if spoken and last_quoted < 0 else (lines, [])


def _start(lines: list[str]) -> int | None:
    """The first line of the quotation."""
    for at, line in enumerate(lines):
        if SEPARATOR.match(line) or QUOTED.match(line) or _copied(lines, at):
            return _with_rule(lines, at)
        if _is_attribution(lines, at):
            return at
    return _by_library(lines)


def _is_attribution(lines: list[str], at: int) -> bool:
    """Whether *On … X wrote:* begins here; it is often wrapped onto two or three lines."""
    for length in (1, 2, 3):
        parts = lines[at : at + length]
        whole = " ".join(line.strip() for line in parts)
        if not all(part.strip() for part in parts) or len(whole) > 400:
            return False
        inside_text = length > 1 and at > 0 and bool(lines[at - 1].strip())
        if ATTRIBUTION.match(whole) and not inside_text:
            return True
    return False


def _copied(lines: list[str], at: int) -> bool:
    """Whether a block of copied headers begins here: three of them within five lines."""
    block = lines[at : at + 5]
    return bool(COPIED.match(lines[at])) and sum(1 for line in block if COPIED.match(line)) >= 3


def _with_rule(lines: list[str], at: int) -> int:
    """`at`, or the line of dashes right above it."""
    above = at - 1
    while above >= 0 and not lines[above].strip():
        above -= 1
    return above if above >= 0 and RULE.match(lines[above]) else at


def _by_library(lines: list[str]) -> int | None:
    """Where mail-parser-reply, which knows more languages, sees the first header of a quotation."""
    replies = _PARSER.read("\n".join(lines)).replies
    if len(replies) < 2 or not replies[1].headers:
        return None
    first = replies[1].headers.split("\n")[0].strip()
    return next((at for at, line in enumerate(lines) if first and line.strip() == first), None)


def _signature(lines: list[str]) -> tuple[list[str], list[str]]:
    for at in range(max(1, len(lines) - SIGNATURE_LINES), len(lines)):
        if SIGNATURE.match(lines[at]):
            return lines[:at], lines[at:]
    return lines, []


def _says_something(lines: list[str]) -> bool:
    return any(re.search(r"\w", line) for line in lines)


def _joined(lines: list[str]) -> str:
    return "\n".join(line.rstrip() for line in lines).strip("\n")
