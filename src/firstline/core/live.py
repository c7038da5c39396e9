"""Live updates: who may hear what (tickets), and what is said (nudges: that something changed, never what).

A nudge is made after the commit of the change, travels by PostgreSQL to every gateway, and reaches
those streams whose ticket names its visibility class. A page that is nudged asks for the new state by
its ordinary way.
"""

import re
from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec
from django.core.signing import BadSignature, Signer
from django.db import connection, transaction
from psycopg import conninfo as psycopg_conninfo

from firstline.core.errors import NotAllowed
from firstline.core.notify import Notifier

CHANNEL = "firstline_live"
ENGINE = "firstline_engine"
LIFETIME = timedelta(minutes=5)
TOPIC = re.compile(r"[a-z][a-z_]{0,30}")


class Ticket(msgspec.Struct, frozen=True):
    """Who listens, the visibility classes that they may hear of, and until when (seconds since 1970, UTC)."""

    viewer: int
    classes: tuple[str, ...]
    expires: int

    def hears(self, visibility: str) -> bool:
        """Whether it names this class, or all of its kind (`group:*` for `group:7`)."""
        return visibility in self.classes or f"{visibility.partition(':')[0]}:*" in self.classes


class Nudge(msgspec.Struct, frozen=True):
    """`topic` (`incident`, `alert`, `queue`, …) of this id has a new version. `visibility` is one class."""

    topic: str
    id: int
    version: int
    visibility: str


def sign_ticket(*, key: str, viewer: int, classes: Iterable[str], now: datetime) -> str:
    """A text for `/events/stream?ticket=…`, good for five minutes from `now`."""
    ticket = Ticket(viewer, tuple(classes), int((now + LIFETIME).timestamp()))
    return _signer(key).sign_object(msgspec.to_builtins(ticket))


def read_ticket(text: str, *, key: str, now: datetime) -> Ticket:
    """The ticket that was signed. Raises NotAllowed when it was not signed by this key, or is too old."""
    try:
        ticket = msgspec.convert(_signer(key).unsign_object(text), Ticket)
    except (BadSignature, ValueError):  # msgspec's errors are ValueErrors
        raise NotAllowed("this ticket for live updates was not issued here") from None
    if ticket.expires <= now.timestamp():
        raise NotAllowed("this ticket for live updates has run out")
    return ticket


def nudge(topic: str, id: int, version: int, visibility: str) -> None:
    """Tell open pages once the present transaction has committed.

    A nudge may be lost; it never raises then.
    """
    if not TOPIC.fullmatch(topic):
        raise ValueError(f"{topic!r} can't be the name of an event")
    said = Nudge(topic, id, version, visibility)
    transaction.on_commit(
        lambda: _notifier().put((topic, id, visibility), msgspec.json.encode(said).decode())
    )


def wake_engine() -> None:
    """Let the engine look now instead of at its next tick, once the present transaction has committed."""
    transaction.on_commit(lambda: _notifier(ENGINE).put("wake"))


def flush() -> bool:
    """Wait until what this process has to say in this database is said (for programs that end)."""
    here = _place()
    return all(notifier.flush() for key, notifier in _notifiers.items() if key[:-1] == here)


_notifiers: dict[tuple[str, str, str, str], Notifier] = {}


def _notifier(channel: str = CHANNEL) -> Notifier:
    """The one of this channel in the database that Django uses now."""
    key = (*_place(), channel)
    if key not in _notifiers:
        parameters = connection.get_connection_params()
        names = ("dbname", "user", "password", "host", "port", "sslmode", "sslrootcert", "sslcert", "sslkey")
        given = {name: parameters[name] for name in names if name in parameters}
        _notifiers[key] = Notifier(psycopg_conninfo.make_conninfo(**given), channel)
    return _notifiers[key]


def _place() -> tuple[str, str, str]:
    settings = connection.settings_dict
    return settings["HOST"], str(settings["PORT"]), settings["NAME"]


def _signer(key: str) -> Signer:
    return Signer(key=key, fallback_keys=[], salt="firstline.core.live")
