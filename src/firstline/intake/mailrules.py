"""What becomes of a mail: pure. One message → a new incident, a comment, or a verdict why neither.

In this order: our own mail coming back, reports about deliveries, limits, then the conversation it belongs to, then
whether its sender may open something new. An automatic mail may open (monitoring writes mail too); an automatic *reply*
to nothing that we know of opens nothing. The answer is what loops, so whatever is automatic is marked
and never answered.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from firstline.intake.automatic import is_auto_reply

SENDER_LIMIT = 30  # mails of one sender in an hour
MACHINE_LIMIT = 3000  # alerts of one machine in an hour: they are counted, not answered, so they are no loop
THREAD_LIMIT = 30  # mails of one sender in one conversation in an hour
AUTOMATIC_THREAD_LIMIT = 3  # automatic ones: two machines talking to each other stop here
NUMBER = re.compile(r"\bINC-(\d{6,18})\b", re.I)


class Verdict(StrEnum):
    """What became of it. OPENED, COMMENT, ALERT and PAGE_ANSWER changed something."""

    OPENED = "opened"
    COMMENT = "comment"
    ALERT = "alert"
    PAGE_ANSWER = "page_answer"  # an answer to a page, acted on
    WAITS = "closed_reply"  # a reply on a closed incident, for a person to file
    DUPLICATE = "duplicate"
    LOOP = "loop"
    BOUNCE = "bounce"
    COMPLAINT = "complaint"
    AUTO_REPLY = "auto_reply"
    LIMITED = "rate_limited"
    UNKNOWN = "unknown_sender"
    FORGED = "forged_sender"


class Role(StrEnum):
    """What the sender is to the incident that the mail belongs to."""

    CALLER = "caller"  # or watcher, or affected
    STAFF = "staff"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that the decision rests on. `state` is that of the incident it belongs to, "" for none."""

    seen_before: bool = False
    own: bool = False
    report: str = ""  # bounce, complaint
    automatic: str = ""
    state: str = ""
    role: Role = Role.OTHER
    sender: str = ""
    known: bool = False
    unknown_allowed: bool = True
    authentic: bool | None = None
    of_sender: int = 0
    in_thread: int = 0
    tool: str = ""  # the recogniser that knows whose alert this is


def decide(facts: Facts) -> Verdict:
    """The verdict on a mail."""
    if facts.seen_before:
        return Verdict.DUPLICATE
    if facts.own:
        return Verdict.LOOP
    if facts.report:
        return Verdict.COMPLAINT if facts.report == "complaint" else Verdict.BOUNCE
    if _over_limit(facts):
        return Verdict.LIMITED
    if facts.state:
        return _in_conversation(facts)
    return _as_new(facts)


def _over_limit(facts: Facts) -> bool:
    """A machine that reports is bounded generously, one that joins a conversation strictly."""
    if not facts.state and (facts.automatic or facts.tool):
        return facts.of_sender >= MACHINE_LIMIT
    thread = AUTOMATIC_THREAD_LIMIT if facts.automatic else THREAD_LIMIT
    return facts.of_sender >= SENDER_LIMIT or (bool(facts.state) and facts.in_thread >= thread)


def _in_conversation(facts: Facts) -> Verdict:
    if facts.state in ("closed", "cancelled"):
        return Verdict.AUTO_REPLY if facts.automatic else Verdict.WAITS
    return Verdict.COMMENT


def _as_new(facts: Facts) -> Verdict:
    if is_auto_reply(facts.automatic) and not facts.tool:
        return Verdict.AUTO_REPLY
    if facts.authentic is False:
        return Verdict.FORGED
    if facts.tool or facts.automatic or not facts.sender:
        return Verdict.ALERT
    if not facts.known and not facts.unknown_allowed:
        return Verdict.UNKNOWN
    return Verdict.OPENED


def number_in(subject: str) -> int | None:
    """The id of the incident whose number stands in a subject; the first counts."""
    found = NUMBER.search(subject)
    return int(found.group(1)) if found else None


def authentic(results: tuple[str, ...], relay: str) -> bool | None:
    """Whether the trusted relay vouches for the sender's domain; None when no relay is trusted, or it says nothing.

    Only a header of that relay counts (RFC 8601: anybody can write one), and of those the topmost.
    """
    if not relay:
        return None
    for value in results:
        server, _, verdicts = value.partition(";")
        if server.strip().split(" ")[0].lower() != relay.lower():
            continue
        found: dict[str, str] = dict(re.findall(r"\b(dmarc|spf|dkim)\s*=\s*(\w+)", verdicts.lower()))
        if "dmarc" in found and found["dmarc"] != "none":
            return found["dmarc"] == "pass"
        if found:
            return "pass" in found.values()
    return None
