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
from functools import lru_cache

from mailparser_reply import EmailReplyParser

LIMIT = 30_000
LONGEST_ATTRIBUTION = 400
LIBRARY_LINE, LIBRARY_LINES = 300, 400
LANGUAGES = ["en", "de", "fr", "es", "it", "nl", "pl", "pt", "sv", "da", "no", "cs", "ja", "ko", "zh"]
WROTE = (
    r"wrote|writes|schrieb(?:en)?|a écrit|écrit|escribió|va escriure|ha scritto|het volgende geschreven|geschreven|"
    r"schreef|escreveu|napisał(?:\(?a\)?)?|pisze|skrev|kirjoitti|написал(?:\(?а\)?)?|пише|написа(?:в|ла)?|"
    r"napsal(?:\(?a\)?)?|napísal(?:\(?a\)?)?|je napisa[ol]a?|ezt írta|a scris|yazdı|έγραψε|rašė|rakstīja|kirjutas|"
    r"写道|寫道|님이 작성|작성"
)
MARKER = re.compile(r"^\W*(?:please )?reply above this line.*$", re.I)
ATTRIBUTION = re.compile(
    rf"^[>\s]*(?:.*\d.*(?:{WROTE})\s*[:：]?|"
    rf"(?:am|op|den|le|on|el|em|w dniu)\s.*\d.*(?:{WROTE})\s.{{1,160}}:|"
    rf".{{1,120}}<[^<>\s]+@[^<>\s]+>.{{0,60}}(?:{WROTE})(?:\s.{{0,60}})?[:：]?|"
    r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}.{0,120}<[^<>\s]+@[^<>\s]+>:?)\s*$",
    re.I,
)
# in any language: somebody's address and an instant; at its end the address, or below it what is quoted
YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")
HOUR = re.compile(r"(?<!\d)\d{1,2}[:.h]\d\d(?!\d)")
ADDRESS = re.compile(r"[<(\[][^<>()\[\]\s]+@[^<>()\[\]\s]+[>)\]]")
ENDS_WITH_ADDRESS = re.compile(r"[<(][^<>()\s]+@[^<>()\s]+[>)]\s*[:：]\s*$")
DIRECTIONS = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")
SEPARATOR = re.compile(
    r"^[>\s*]*-{2,}\s*(?:original(?:e|l)?|forwarded|weitergeleitete?|ursprüngliche|mensaje|mensagem|message|"
    r"messaggio|oorspronkelijk|doorgestuurd|wiadomość|ursprungligt|oprindelig)\b.{0,40}-{2,}[\s*]*$|"
    r"^[>\s*]*(?:begin forwarded message|anfang der weitergeleiteten|début du message (?:réexpédié|transféré))",
    re.I,
)
COPIED = re.compile(
    r"^[>\s*]*(?:from|to|cc|sent|date|subject|reply-to|von|an|gesendet|datum|betreff|de|à|envoyé|objet|para|"
    r"enviado|fecha|asunto|assunto|data|da|a|inviato|oggetto|risposta|van|aan|verzonden|onderwerp|od|do|wysłano|"
    r"temat|från|till|skickat|ämne|fra|til|sendt|emne|lähettäjä|lähetetty|vastaanottaja|päivämäärä|aihe|odesláno|"
    r"komu|předmět|predmet|odoslané|от|отправлено|кому|дата|тема|від|надіслано|feladó|elküldve|címzett|tárgy|"
    r"kimden|gönderildi|tarih|kime|konu|από|προς|θέμα|στάλθηκε|trimis|către|subiect|差出人|送信者|送信日時|日時|"
    r"宛先|件名|发件人|发送时间|日期|收件人|主题|寄件者|寄件日期|收件者|主旨|보낸 사람|보낸 날짜|받는 사람|제목)"
    r"\s*\*?\s*[:：]",
    re.I,
)
QUOTED = re.compile(r"^\s*(?:>|\|\s|[A-Z]{1,3}>(?:\s|$))")
RULE = re.compile(r"^\s*\*?[-_]{10,}\*?\s*$")
DEVICES = (
    r"(?:iphon|ipad|ios\b|android|galaxy|outlook|mobile|mobil|handy|smartphone|blackberry|huawei|samsung|xiaomi|"
    r"phone|mail|protonmail|yahoo)"
)
SIGNATURE = re.compile(
    rf"^\s*(?:--\s?|—\s?|"
    rf"\*?(?:sent|get|gesendet|von meinem|envoyé|enviado|inviato|verstuurd|verzonden|skickat|sendt|wysłan[eoy]|"
    rf"lähetetty|odesláno|odoslané|отправлено|надіслано|küldve|trimis|gönderildi|στάλθηκε|obtener|téléchargez)\b"
    rf".{{0,30}}?{DEVICES}.{{0,60}}|"
    rf"outlook (?:für|voor|per|pour|for) \w+ (?:herunterladen|downloaden|scaricare).{{0,60}}|"
    rf"\w{{2,12}}から送信|(?:发自|發自|來自)我的.{{1,20}}|.{{1,20}}에서 보냄)\s*$",
    re.I,
)
SIGNATURE_LINES = 25
UNDERSCORES = re.compile(r"^\s*_{5,}\s*$")
UNDERSCORED_LINES = 6
# letters and digits; not the dot that a mail tracker leaves as a line of its own, nor underscores
SAID = re.compile(r"[^\W_\u1427]")
_PARSER = EmailReplyParser(languages=LANGUAGES)


@dataclass(frozen=True, slots=True)
class Folded:
    """What was written now, and all the rest of the text."""

    visible: str
    rest: str


@lru_cache(maxsize=32)
def fold(text: str) -> Folded:
    """`text` in two; a mail that is nothing but a quotation stays visible as a whole."""
    lines = text[:LIMIT].split("\n")
    marked = next((at for at, line in enumerate(lines) if MARKER.match(line)), len(lines))
    head, tail = lines[:marked], [*lines[marked:], text[LIMIT:]]
    visible, rest = _split(head)
    visible, signed = _signature(visible)
    visible, quoted = _quoted_end(visible)
    visible, ornament = _ornament(visible)
    if not _says_something(visible):
        return Folded(text.strip("\n"), "")
    return Folded(_joined(visible), _joined([*ornament, *quoted, *signed, *rest, *tail]))


def _split(lines: list[str]) -> tuple[list[str], list[str]]:
    start = _start(lines)
    if start is None:
        return lines, []
    above, below = lines[:start], lines[start:]
    last_quoted = max((at for at, line in enumerate(below) if QUOTED.match(line)), default=-1)
    copied = any(_copied(below, at) for at in range(len(below)))
    answered_below = last_quoted >= 0 and not copied and _answers(below, last_quoted)
    if _says_something(above):
        return _answered_between(above, below) if answered_below else (above, below)
    if answered_below and _says_something(below[last_quoted + 1 :]):
        return below[last_quoted + 1 :], lines[: start + last_quoted + 1]
    if last_quoted > 0:
        return lines, []
    return _forwarded(above, below)


def _answers(below: list[str], last_quoted: int) -> bool:
    """Whether text goes on after quoted lines: behind the last one, or as a paragraph of its own between them. A line
    right under a quoted one is the rest of it, wrapped.
    """
    beneath, _ = _signature(["", *below[last_quoted + 1 :]])
    first = next(at for at, line in enumerate(below) if QUOTED.match(line))
    between = (
        not QUOTED.match(below[at]) and not below[at - 1].strip() and _says_something(below[at : at + 1])
        for at in range(first + 1, last_quoted)
    )
    return _says_something(beneath) or any(between)


def _answered_between(above: list[str], below: list[str]) -> tuple[list[str], list[str]]:
    """Text, a quotation, more text: all of it belongs together, but for the line that says whose the quotation is."""
    attribution = next((n for n in (1, 2, 3) if _attributes(_whole(below[:n]), below[n:])), 0)
    return [*above, *below[attribution:]], below[:attribution]


def _forwarded(above: list[str], below: list[str]) -> tuple[list[str], list[str]]:
    """Nothing was written but what is passed on: that is what is said, without its head."""
    body = 1
    if SEPARATOR.match(below[0]):
        while body < len(below) and not below[body].strip():
            body += 1
    if body < len(below) and _copied(below, body if SEPARATOR.match(below[0]) else 0):
        body = next((at for at in range(body, len(below)) if not below[at].strip()), len(below))
    spoken = [at for at in range(body, len(below)) if below[at].strip() and not QUOTED.match(below[at])]
    if not spoken:
        return [*above, *below], []
    return below[spoken[0] :], [*above, *below[: spoken[0]]]


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
        whole = _whole(parts)
        if not all(part.strip() for part in parts) or len(whole) > LONGEST_ATTRIBUTION:
            return False
        inside_text = length > 1 and at > 0 and bool(lines[at - 1].strip())
        begins_later = any(
            _attributes(_whole(parts[later:]), lines[at + length :]) for later in range(1, length)
        )
        if not inside_text and not begins_later and _attributes(whole, lines[at + length :]):
            return True
    return False


def _attributes(line: str, below: list[str]) -> bool:
    """Whether the line says whose the words below are: by a known verb, or by an address and an instant."""
    if len(line) > LONGEST_ATTRIBUTION:
        return False
    if ATTRIBUTION.match(line):
        return True
    if not line.rstrip().endswith((":", "：")) or not ADDRESS.search(line) or not YEAR.search(line):
        return False
    if ENDS_WITH_ADDRESS.search(line) and HOUR.search(line):
        return True
    following = next((each for each in below[:3] if each.strip()), "")
    return bool(QUOTED.match(following))


def _whole(parts: list[str]) -> str:
    return DIRECTIONS.sub("", " ".join(part.strip() for part in parts))


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
    """Where mail-parser-reply, which knows more languages, sees the first header of a quotation.

    Its expressions are quadratic in the length of a line, so that it gets no more of each than a header has.
    """
    shown = [line[:LIBRARY_LINE] for line in lines[:LIBRARY_LINES]]
    replies = _PARSER.read("\n".join(shown)).replies
    if len(replies) < 2 or not replies[1].headers:
        return None
    first = replies[1].headers.split("\n")[0].strip()
    return next((at for at, line in enumerate(shown) if first and line.strip() == first), None)


def _signature(lines: list[str]) -> tuple[list[str], list[str]]:
    for at in range(max(1, len(lines) - SIGNATURE_LINES), len(lines)):
        if SIGNATURE.match(lines[at]):
            return lines[:at], lines[at:]
    ruled = range(max(1, len(lines) - UNDERSCORED_LINES), len(lines))
    cut = next((at for at in ruled if UNDERSCORES.match(lines[at])), len(lines))
    return lines[:cut], lines[cut:]


def _quoted_end(lines: list[str]) -> tuple[list[str], list[str]]:
    """What was quoted and is answered by nothing after it."""
    end = len(lines)
    while end and (not lines[end - 1].strip() or QUOTED.match(lines[end - 1])):
        end -= 1
    return (lines[:end], lines[end:]) if _says_something(lines[:end]) else (lines, [])


def _ornament(lines: list[str]) -> tuple[list[str], list[str]]:
    """Rules and other lines at the end that say nothing."""
    end = len(lines)
    while end and not _says_something(lines[end - 1 : end]):
        end -= 1
    return lines[:end], lines[end:]


def _says_something(lines: list[str]) -> bool:
    return any(SAID.search(line) for line in lines)


def _joined(lines: list[str]) -> str:
    return "\n".join(line.rstrip() for line in lines).strip("\n")
