"""Text messages."""

from collections.abc import Mapping

from firstline.notifications.channels.base import Envelope, Outcome
from firstline.notifications.channels.telephony import TIMEOUT, check_number, order

MOST = 600  # characters: four parts of a message


class Sms:
    """Subject and link of a page, cut to a few parts of a message: the link comes last and is never cut."""

    kind = "sms"
    timeout = 2 * TIMEOUT

    def send(self, envelope: Envelope) -> Outcome:
        return order("Messages", envelope, {"Body": short(envelope.subject, envelope.body)})

    def check(self, address: str, settings: Mapping[str, object]) -> str:
        return check_number(address)


def short(subject: str, body: str) -> str:
    """The subject and the last address of the body."""
    links = [word for word in body.split() if word.startswith(("https://", "http://"))]
    link = f"\n{links[-1]}" if links else ""
    text = " ".join(subject.split())
    room = MOST - len(link)
    return (text if len(text) <= room else text[: room - 1] + "…") + link
