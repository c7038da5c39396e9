"""Which operation of Opsgenie's Alert API a request is: https://docs.opsgenie.com/docs/alert-api

An alias may contain anything, slashes too, so a path is read from both ends.
"""

from urllib.parse import parse_qs

import msgspec

BASE = "/v2/alerts"
SENT = {"acknowledge": "Acknowledge", "close": "Close", "notes": "AddNote"}
READ = frozenset({"notes", "logs", "recipients", "attachments"})
IDENTIFIERS = ("id", "tiny", "alias")


class Call(msgspec.Struct, frozen=True):
    """`action`: create, acknowledge, close, notes; get, list, count, request; or `""` for what isn't offered.

    `identifier` names the alert (or the request) and `by` how: id, tiny or alias.
    """

    action: str
    identifier: str = ""
    by: str = "id"

    @property
    def sends(self) -> bool:
        """Whether it changes something, so that it goes through the inbox."""
        return self.action == "create" or self.action in SENT


def call_of(method: str, path: str, query: bytes | str = b"") -> Call:
    """The operation. `path` is decoded and begins with `/v2/alerts`."""
    rest = path.removeprefix(BASE).strip("/")
    if not rest:
        return Call({"GET": "list", "HEAD": "list", "POST": "create"}.get(method, ""))
    text = query.decode("latin-1") if isinstance(query, bytes) else query
    by = parse_qs(text).get("identifierType", ["id"])[-1].lower()
    if method in ("GET", "HEAD"):
        return _reading(rest, by)
    identifier, _, action = rest.rpartition("/")
    if method == "POST" and identifier and action in SENT and by in IDENTIFIERS:
        return Call(action, identifier, by)
    return Call("", rest, by)


def _reading(rest: str, by: str) -> Call:
    first, _, last = rest.partition("/")
    if first == "requests" and last:
        return Call("request", last)
    if rest == "count":
        return Call("count")
    if last and rest.rpartition("/")[2] in READ:
        return Call("", rest, by)
    return Call("get", rest, by) if by in IDENTIFIERS else Call("", rest, by)
