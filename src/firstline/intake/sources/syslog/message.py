"""Syslog messages as values: RFC 5424, RFC 3164, and what devices send instead. Pure.

RFC 3164 describes what was found in the wild, so nothing about it is certain: dates without year or zone, dates in
ISO 8601, Cisco's with sequence number and milliseconds, missing hosts. Whatever is not recognised stays text.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from firstline.intake.sources.parsing import instant

USER_NOTICE = 13  # the priority that RFC 3164 (4.3.3) gives to a message without one
HIGHEST = 191
NIL = "-"
PRIORITY = re.compile(r"<(\d{1,3})>")
NEW = re.compile(
    r"(?P<version>[1-9]\d?) (?P<at>\S+) (?P<host>\S+) (?P<app>\S+) (?P<proc>\S+) (?P<msgid>\S+)(?: (?P<rest>.*))?",
    re.DOTALL,
)
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
OLD_DATE = re.compile(
    r"(?:\d{1,10}: )?[*.]?(?:(?P<before>(?:19|20)\d\d) )?(?P<month>[A-Z][a-z]{2}) {1,2}(?P<day>\d{1,2}) "
    r"(?:(?P<year>(?:19|20)\d\d) )?(?P<time>\d{1,2}:\d\d:\d\d)(?:\.(?P<fraction>\d{1,9}))?"
    r"(?: (?P<zone>UTC|GMT|Z))?(?: (?P<behind>(?:19|20)\d\d)(?=[ :]))?:?(?: |$)"
)
ISO_DATE = re.compile(r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?):? ")
TAG = re.compile(r"(?P<app>[^\s:\[\]]{1,128})(?:\[(?P<proc>[^\]\s]{0,128})\])?:(?: |$)")
CISCO = re.compile(r"%(?P<app>[A-Z0-9_]+(?:-[A-Z0-9_]+)*?)-(?P<severity>[0-7])-(?P<msgid>[A-Z0-9_]+): ?")
PARAMETER = re.compile(r'([^\s=\]"]{1,64})="((?:\\.|[^"\\\]])*)"')
ESCAPED = re.compile(r'\\(["\\\]])')
MOST_ELEMENTS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message. `severity` is syslog's (0 emergency … 7 debug); `data` has the elements of RFC 5424 by their id;
    what a sender left out is empty, and `at` None.
    """

    facility: int
    severity: int
    at: datetime | None = None
    host: str = ""
    app: str = ""
    proc: str = ""
    msgid: str = ""
    data: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    text: str = ""


def message_of(text: str, received_at: datetime, settings: Mapping[str, Any]) -> Message:
    """The message in `text`. A date without year is the last such date before `received_at` (and a day beyond); one
    without zone is in the source's `time_zone`, else UTC.
    """
    priority, rest = _priority(text)
    if priority is None:
        return _old(USER_NOTICE, text, received_at, zone_of(settings))
    if (match := NEW.match(rest)) is not None and (message := _new(priority, match)) is not None:
        return message
    return _old(priority, rest, received_at, zone_of(settings))


def zone_of(settings: Mapping[str, Any]) -> tzinfo:
    """The zone in which a source's devices write dates without one."""
    name = settings.get("time_zone")
    return ZoneInfo(name) if isinstance(name, str) and is_zone(name) else UTC


def is_zone(name: str) -> bool:
    """Whether there is a time zone of this name here."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True


def _priority(text: str) -> tuple[int | None, str]:
    match = PRIORITY.match(text)
    if match is None or int(match[1]) > HIGHEST:
        return None, text
    return int(match[1]), text[match.end() :]


def _new(priority: int, match: re.Match[str]) -> Message | None:
    """RFC 5424; None when its date is neither missing nor a date, which is what tells it from the older form."""
    at = None
    if match["at"] != NIL:
        at = instant(match["at"])
        if at is None:
            return None
    data, text = _structured(match["rest"] or "")
    return Message(
        facility=priority >> 3,
        severity=priority & 7,
        at=at,
        host=_named(match["host"]),
        app=_named(match["app"]),
        proc=_named(match["proc"]),
        msgid=_named(match["msgid"]),
        data=data,
        text=text.removeprefix("\ufeff").strip(),
    )


def _named(value: str) -> str:
    return "" if value == NIL else value


def _structured(rest: str) -> tuple[dict[str, dict[str, str]], str]:
    """The elements of structured data and the text behind them; what is not well-formed stays text."""
    if rest == NIL or rest.startswith("- "):
        return {}, rest[2:]
    found: dict[str, dict[str, str]] = {}
    place = 0
    while rest.startswith("[", place) and len(found) < MOST_ELEMENTS:
        name = re.compile(r"[^\s=\]\"]{1,64}").match(rest, place + 1)
        if name is None:
            return {}, rest
        place = name.end()
        parameters: dict[str, str] = {}
        while rest.startswith(" ", place) and (pair := PARAMETER.match(rest, place + 1)) is not None:
            parameters[pair[1]] = ESCAPED.sub(r"\1", pair[2])
            place = pair.end()
        if not rest.startswith("]", place):
            return {}, rest
        found[name[0]] = parameters
        place += 1
    return found, rest[place:].lstrip(" ")


def _old(priority: int, rest: str, received_at: datetime, zone: tzinfo) -> Message:
    at, rest = _date(rest, received_at, zone)
    host = ""
    if at is not None:
        host, rest = _host(rest)
    severity = priority & 7
    if (cisco := CISCO.match(rest)) is not None:
        app, proc, msgid, severity = cisco["app"], "", cisco["msgid"], int(cisco["severity"])
        rest = rest[cisco.end() :]
    elif (tag := TAG.match(rest)) is not None and (at is not None or tag["proc"] is not None):
        app, proc, msgid = tag["app"], tag["proc"] or "", ""
        rest = rest[tag.end() :]
    else:
        app = proc = msgid = ""
    return Message(
        facility=priority >> 3,
        severity=severity,
        at=at,
        host=host,
        app=app,
        proc=proc,
        msgid=msgid,
        text=rest.removeprefix("\ufeff").strip(),
    )


def _host(rest: str) -> tuple[str, str]:
    """The word behind the date, unless it is a tag or the text already."""
    word, _, behind = rest.partition(" ")
    if not word or word.endswith(":") or "[" in word or word.startswith(("%", "{", "CEF:", "LEEF:")):
        return "", rest
    return word, behind


def _date(rest: str, received_at: datetime, zone: tzinfo) -> tuple[datetime | None, str]:
    if (match := ISO_DATE.match(rest)) is not None:
        found = instant(match[1].replace(",", "."))
        return (found, rest[match.end() :]) if found else (None, rest)
    if (match := OLD_DATE.match(rest)) is None or match["month"] not in MONTHS:
        return None, rest
    year = match["before"] or match["year"] or match["behind"]
    for candidate in [int(year)] if year else range(received_at.year + 1, received_at.year - 8, -1):
        found = _instant(match, candidate, UTC if match["zone"] else zone)
        if found is not None and (year or found <= received_at + timedelta(days=1)):
            return found, rest[match.end() :]
    return None, rest


def _instant(match: re.Match[str], year: int, zone: tzinfo) -> datetime | None:
    hour, minute, second = (int(part) for part in match["time"].split(":"))
    micros = int((match["fraction"] or "0").ljust(6, "0")[:6])
    month = MONTHS.index(match["month"]) + 1
    try:
        found = datetime(year, month, int(match["day"]), hour, minute, min(second, 59), micros, tzinfo=zone)
        return found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
