"""What every channel is: it takes an envelope to an address and says how it went. No database in here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """One delivery as a channel sees it. The same `idempotency_key` is the same message, however often it is
    tried.
    """

    address: str
    subject: str
    body: str
    idempotency_key: str
    now: datetime
    kind: str = ""
    urgency: str = "low"
    html: str = ""
    incident_id: int | None = None
    person_id: int | None = None
    context: Mapping[str, object] = field(default_factory=dict)
    settings: Mapping[str, object] = field(default_factory=dict)
    secret: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """`answer`: what the other side said, for the ledger. `permanent`: trying again would not help."""

    ok: bool
    answer: str = ""
    permanent: bool = False
    message_id: str = ""


class Channel(Protocol):
    """`timeout`: seconds after which an attempt has ended one way or the other."""

    kind: str
    timeout: int

    def send(self, envelope: Envelope) -> Outcome:
        """Try once. Never raises for what the other side or the network does."""

    def check(self, address: str, settings: Mapping[str, object]) -> str:
        """Why an address can't be used, for people; empty when it can."""
