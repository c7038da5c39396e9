"""The canonical signal: what every format is parsed into, and all that is known past the parser.

A signal is a value. It says what a machine claimed, in our words, and where the claim is kept (`row`,
`position`).
"""

from datetime import datetime
from enum import StrEnum

import msgspec


class SignalKind(StrEnum):
    """What the sender wants to happen."""

    TRIGGER = "trigger"
    ACKNOWLEDGE = "acknowledge"
    RESOLVE = "resolve"
    NOTE = "note"
    CHANGE = "change"


class Severity(StrEnum):
    """The four severities that every format's scale is mapped to, worst first."""

    CRITICAL = "critical"
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"

    @property
    def rank(self) -> int:
        """0 is the worst; for comparing."""
        return SEVERITY_ORDER.index(self)


SEVERITY_ORDER: tuple[Severity, ...] = tuple(Severity)


class EntityKind(StrEnum):
    """What an observable is; the kinds that security tools have in common."""

    HOST = "host"
    IP = "ip"
    USER = "user"
    PROCESS = "process"
    FILE_HASH = "file_hash"
    URL = "url"
    DOMAIN = "domain"


class Entity(msgspec.Struct, frozen=True, order=True):
    """One observable, with the part that it plays where the format tells (`source`, `target`, …)."""

    kind: EntityKind
    value: str
    role: str = ""


class Link(msgspec.Struct, frozen=True):
    """A place to read more, as the sender gave it; shown, never fetched."""

    href: str
    text: str = ""


OPENABLE = ("http://", "https://", "mailto:")


def openable(links: tuple[Link, ...]) -> list[Link]:
    """The links that a browser may follow.

    A sender must not be able to put a script behind a click, here or in whatever reads alerts from here. What is left
    out is still in the stored request.
    """
    return [link for link in links if link.href[:8].lower().startswith(OPENABLE)]


class Signal(msgspec.Struct, frozen=True, kw_only=True):
    """One claim of a source about one thing.

    `key` identifies the alert within its source. `group` is the source's own grouping key
    (Alertmanager's group) and `""` when it has none. `service` and `ci` are hints as the sender wrote
    them, not ids. `occurred_at` is never later than the moment of receipt; `clock_ahead` holds by how
    many seconds the sender's clock had to be clamped. `ends_at` is when the alert counts as expired
    unless it is sent again; None: never by itself.
    """

    kind: SignalKind
    key: str
    title: str
    occurred_at: datetime
    description: str = ""
    severity: Severity = Severity.ERROR
    service: str = ""
    ci: str = ""
    group: str = ""
    security: bool = False
    entities: tuple[Entity, ...] = ()
    tactics: tuple[str, ...] = ()
    techniques: tuple[str, ...] = ()
    labels: dict[str, str] = {}
    links: tuple[Link, ...] = ()
    ends_at: datetime | None = None
    clock_ahead: float = 0.0
    row: int = 0
    position: int = 0
