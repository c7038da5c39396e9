"""Delivery reports: what they say about whom (RFC 3464, RFC 5965, and the many that follow neither).

Structure decides first (a delivery-status or feedback part); then the sender (a mail daemon); then, for
what old servers and gateways write, a known subject together with the marks that such a report leaves in
its text. A subject alone never makes a bounce: people forward bounces to the service desk.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.message import Message

from firstline.intake.automatic import DAEMONS
from firstline.intake.mailtext import BROKEN, addresses, body_of, decoded, header, headers

RETURNED = ("message/rfc822", "text/rfc822-headers", "message/global", "message/rfc822-headers")
COPIED_ID = re.compile(r"^[> ]*Message-ID:\s*<([^<>\s]+)>", re.I | re.M)
ADDRESS = re.compile(
    r"(?<![\w.!#$%&'*+/=?^`{|}~-])[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}"
)
FIELD = re.compile(
    r"^(Final-Recipient|Original-Recipient|Action|Status|Diagnostic-Code)\s*:\s*(.*)$", re.I | re.M
)
ENHANCED = re.compile(r"\b([245])\.\d{1,3}\.\d{1,3}\b")
REPLY = re.compile(r"\b([45])\d\d[ -]")
SUBJECTS = re.compile(
    r"""^\s*(?:
    undeliver|un-?deliverable|delivery\s(?:status\snotification|failure|has\sfailed|error|problem|report|delayed)|
    mail\s(?:delivery|system\serror|failure|could\snot|failed)|returned\s(?:mail|to\ssender)|
    failure\s(?:notice|delivery)|
    message\s(?:delivery|status|you\ssent\sblocked|not\sdelivered|delayed|undeliverable)|non[-\s]?deliver|
    warning:\s(?:could\snot\ssend|message)|(?:error|failed)\s(?:sending|mail|delivery)|
    email\s(?:delivery|returned)|nondeliverable|rejected:|bounce|user\sunknown|unknown\s(?:user|recipient)|
    permanent\sdelivery\sfailure|(?:there\swas\san\s)?error\ssending\syour\smail|notification\sde\sremise|
    unzustellbar|nicht\szustellbar|complaint\sabout|abuse\sreport|dmarc\saggregate|
    e-?mail\sfeedback\sreport|dead\sletter|mdaemon
    )""",
    re.I | re.X,
)
# of providers that report without structure: this subject, nothing written, and the message itself
COMPLAINTS = re.compile(r"^\s*(?:complaint\sabout|(?:abuse|spam)\sreport|e-?mail\sfeedback\sreport)", re.I)
SENDERS = re.compile(
    r"mail[- ]?(?:er[- ]?|delivery )(?:daemon|subsystem|system|service)|postmaster|mail system|\bmta", re.I
)
MARKS = re.compile(
    r"""(?:
    transcript\sof\ssession|original\smessage\s(?:follows|headers|attached)|
    this\sis\sa\scopy\sof\s(?:your|the)\smessage|could\snot\sbe\sdelivered|(?:un|non)deliver|
    delivery\s(?:to\sthe\sfollowing|failed|attempt|has\sfailed)|
    (?:was|were|is)\s(?:not|un)\s?(?:able\sto|deliver)|
    returned\s(?:message|below|to\ssender)|permanent\s(?:fatal\s)?error|
    (?:unknown|no\ssuch|invalid)\s(?:user|recipient|address|mailbox)|
    (?:user|mailbox|recipient)\s(?:unknown|not\sfound)|did\snot\sreach\sthe\sfollowing|diagnostic-code|
    final-recipient|reporting-mta|said:?\s+[45]\d\d|\b5\.\d\.\d{1,3}\b|\b55[0-4][\s-]|unrouteable|
    over\squota|mailbox\s(?:is\s)?full|host\s(?:unknown|not\sfound)|smtp\serror|refused\sto\saccept|
    message\swas\srejected|failed\s(?:recipient|permanently)
    )""",
    re.I | re.X,
)
# what only a report's own text has, and nobody types
PROOF = re.compile(
    r"""transcript\sof\ssession|
    ^\W*(?:diagnostic-code|final-recipient|reporting-mta|original-recipient)\s*:|
    (?:said|reason|response|error)\W{1,5}[45]\d\d[\s-]|\b[45]\d\d[\s-][45]\.\d{1,3}\.\d{1,3}\b|
    ^\s*<[^<>\s]+@[^<>\s]+>[\s(].{0,60}(?:unknown|[45]\d\d|not|rejected|fail)|
    -{2,}\s*(?:the\sfollowing\saddresses|(?:below|this)\s(?:this\sline\s)?is\s(?:a|the)\scopy|
    original\smessage\sfollows|returned\smessage|unsent\smessage|message\sheader)""",
    re.I | re.X | re.M,
)

# an address that is no more, by status or in words; and what only sounds like it
GONE_STATUS = re.compile(r"5\.1\.(?:[1236]|10)|5\.4\.310|5\.2\.1(?![\d])")
OTHER_STATUS = re.compile(r"5\.[3567]\.[1-9]|5\.7\.0|5\.1\.[78]|5\.2\.[23]|5\.4\.[67]")
GONE = re.compile(
    r"""(?:
    (?:user|recipient|mailbox|account|address|addressee|alias|login|host|domain|name|person)\W{0,2}
    [^.\n]{0,60}?\b(?:unknown|not\s(?:found|exist|known|listed|available|valid|our\scustomer|a\svalid)|
    (?:does|do|did)(?:\snot|n['o]t)\sexist|doesn.t\sexist|invalid|no\slonger|has\smoved|(?:un|non-?)existent|
    not\sfound\son|undeliverable|rejected:\sno|isn.t\slisted)|
    (?:no|not)\s(?:such|a\sknown|a\svalid|valid|an?\sexisting)\s
    (?:user|recipient|mailbox|address|person|account|domain|name|host)|
    (?:unknown|unrouteable|unrouted|invalid|bad|non-?existent)\s[^\n]{0,20}?
    (?:user|recipient|mailbox|address|account|domain|host)|
    no\s(?:mailbox|account|user)\s(?:here|by\sthat|found|with)|host\sor\sdomain\sname\snot\sfound|
    (?:unable\sto|couldn.t|cannot|can.t)\s(?:find|locate)\s(?:any\s)?(?:host|domain|user|recipient)|
    (?:name|domain|host)\s(?:not\sfound|service\serror)|nxdomain|all\s(?:relevant\s)?mx\srecords\spoint\sto\snon-existent|
    (?:could|can)\s?not\sbe\sfound|recipnotfound|not\sour\scustomer|address\sdoes\snot\sreceive|user\sdoesn't|
    does\snot\s(?:accept|receive)\s(?:any\s)?mail|no\smx\b|null\smx
    )""",
    re.I | re.X,
)
NOT_GONE = re.compile(
    r"""(?:
    spam|virus|malware|block(?:ed|list)|black\s?list|reputation|policy|quota|mailbox\s(?:is\s)?full|over\squota|
    too\s(?:large|big|many|much)|exceed|size\slimit|\bspf\b|dkim|dmarc|authenticat|unauthenticated|relay|
    reverse\sdns|\bptr\b|rate|suspend|disabled|inactive|sender|forbidden|denied|prohibited|content|filter|
    message\srejected|tls|greylist|temporar|timed?\sout|loop|hops|connection|attachment|dns\sforward|rbl|listed\s(?:at|in|by)
    )""",
    re.I | re.X,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What a report says about one address. `permanent` False: it is still tried or may be tried again. `gone`: the
    address or its domain does not exist (any more); a full mailbox, a policy or a spam filter is none of that.
    """

    address: str
    status: str
    permanent: bool
    gone: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounce:
    """A delivery report or a complaint. `original` are Message-IDs of the mail it is about, as far as
    it tells.
    """

    kind: str
    failures: tuple[Failure, ...] = ()
    original: tuple[str, ...] = ()


def bounce_of(message: Message, text: str) -> Bounce | None:
    """The report in `message`, or None when it is an ordinary mail."""
    text = _shown(text)
    parts = list(_parts(message))
    kinds = {_kind(part) for part in parts}
    if "message/feedback-report" in kinds or _report_type(message) == "feedback-report":
        return Bounce(kind="complaint", original=_original(parts, text))
    if not text.strip() and "message/rfc822" in kinds and COMPLAINTS.match(header(message, "Subject")):
        return Bounce(kind="complaint", original=_original(parts, text))
    reports = [
        part for part in parts if _kind(part) in ("message/delivery-status", "message/global-delivery-status")
    ]
    if reports or _report_type(message) == "delivery-status" or headers(message, "X-Failed-Recipients"):
        found = [failure for part in reports for failure in _failures(_report_text(part), text[:4000])]
        return Bounce(
            kind="bounce", failures=tuple(found) or _listed(message, text), original=_original(parts, text)
        )
    if _looks_like_one(message, text):
        return Bounce(kind="bounce", failures=_listed(message, text), original=_original(parts, text))
    return None


def _shown(text: str) -> str:
    """What of a text is looked at: no line of a report is longer, and expressions get slow on what is."""
    return "\n".join(line[:500] for line in text[:50_000].split("\n"))


def _looks_like_one(message: Message, text: str) -> bool:
    """Without structure: a machine writes and subject or text say so; or the subject does and the text
    proves it.
    """
    written = " ".join([*headers(message, "From"), *headers(message, "Sender")])
    by_daemon = bool(SENDERS.search(written)) or any(DAEMONS.match(each) for _, each in addresses([written]))
    null_sender = any(value.strip() in ("<>", "< >") for value in headers(message, "Return-Path"))
    subject = bool(SUBJECTS.match(header(message, "Subject")))
    marked = bool(MARKS.search(text[:20_000]))
    machine = by_daemon or null_sender
    return (machine and (subject or marked)) or (subject and bool(PROOF.search(text[:20_000])))


def _parts(message: Message) -> Iterator[Message]:
    """All parts of the report itself; what is inside an attached message belongs to somebody else."""
    waiting = [message]
    seen = 0
    while waiting and seen < 500:
        part = waiting.pop(0)
        seen += 1
        yield part
        payload = part.get_payload() if part.is_multipart() else None
        if isinstance(payload, list) and not _kind(part).startswith("message/"):
            waiting.extend(item for item in payload if isinstance(item, Message))


def _kind(part: Message) -> str:
    try:
        return part.get_content_type().lower()
    except BROKEN:
        return ""


def _report_type(message: Message) -> str:
    for value in headers(message, "Content-Type"):
        found = re.search(r"report-type\s*=\s*\"?([\w-]+)", value, re.I)
        if found:
            return found.group(1).lower()
    return ""


def _report_text(part: Message) -> str:
    payload = part.get_payload() if part.is_multipart() else None
    if isinstance(payload, list):
        blocks = [
            "\n".join(f"{name}: {value}" for name, value in item.items())
            for item in payload
            if isinstance(item, Message)
        ]
        return "\n\n".join(blocks)
    return decoded(body_of(part), None)


def _is_gone(status: str, said: str) -> bool:
    """Whether the address does not exist, by what was said about it, else by the status.

    Words go before the number: many servers give 5.0.0 or 5.1.1 for everything.
    """
    if NOT_GONE.search(said):
        return bool(GONE_STATUS.match(status)) and bool(GONE.search(said))
    if GONE.search(said):
        return not OTHER_STATUS.match(status) or bool(GONE_STATUS.match(status))
    return bool(GONE_STATUS.match(status))


def _continued(block: str) -> str:
    """The diagnostic code of a recipient with its continuation lines."""
    found = re.search(r"^Diagnostic-Code\s*:\s*(.*(?:\n[ \t]+.*)*)", block, re.I | re.M)
    return " ".join(found.group(1).split())[:1000] if found else ""


def _failures(report: str, around: str) -> Iterator[Failure]:
    """One failure per recipient block of a delivery-status part; `around` is the report's own text."""
    for block in re.split(r"\n\s*\n", report):
        fields = {name.lower(): value.strip()[:1000] for name, value in FIELD.findall(block)}
        found = ADDRESS.search(fields.get("final-recipient", "") or fields.get("original-recipient", ""))
        if found is None:
            continue
        status = ENHANCED.search(fields.get("status", "")) or ENHANCED.search(
            fields.get("diagnostic-code", "")
        )
        action = fields.get("action", "").lower()
        permanent = action.startswith("failed") and (status is None or status.group(1) != "4")
        written = status.group() if status else ""
        said = _continued(block)
        yield Failure(
            address=found.group().lower()[:254],
            status=written,
            permanent=permanent,
            gone=permanent and _is_gone(written, said or around),
        )


def _listed(message: Message, text: str) -> tuple[Failure, ...]:
    """Recipients that a report without structure names: in its header, or in lines near a permanent error."""
    named = [address for _, address in addresses(headers(message, "X-Failed-Recipients"))]
    if not named:
        named = [found.lower() for found in ADDRESS.findall(text[:4000])][:1]
    status = ENHANCED.search(text[:20_000])
    code = REPLY.search(text[:20_000])
    said = text[:4000]
    written = status.group() if status else ""
    known = status or code
    words = bool(GONE.search(said)) and not NOT_GONE.search(said)
    permanent = known.group(1) == "5" if known else words
    gone = permanent and _is_gone(written, said)
    return tuple(
        Failure(address=address[:254], status=written, permanent=permanent, gone=gone)
        for address in dict.fromkeys(named)
    )


def _original(parts: list[Message], text: str) -> tuple[str, ...]:
    """Message-IDs of the returned message, from its attached copy or headers, else from the text."""
    found: list[str] = []
    for part in parts:
        if _kind(part) in RETURNED:
            found += COPIED_ID.findall(decoded(body_of(part)[:50_000], None))
    found += COPIED_ID.findall(text[:50_000])
    return tuple(dict.fromkeys(found))[:20]
