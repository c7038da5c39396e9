"""Splunk's webhook alert action → signals.

One request is one triggered search with its first result row. The identity is the app, the search and what the
result names as the machine (`host`, `dest`, `src`, …); the `sid` is of one run and never an identity. Splunk never
says that it is over: a field `status` or `state` in the result may (ok, resolved, closed …), else the alert expires
a day after it was last sent (`expires_after` of the source, in seconds). Ad-hoc searches have no name.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import msgspec

from firstline.intake.entities import observed
from firstline.intake.signal import EntityKind, Signal, SignalKind
from firstline.intake.sources.building import built
from firstline.intake.sources.generic.mapping import RESOLVED
from firstline.intake.sources.parsing import (
    ParseError,
    Received,
    decode_as,
    digest,
    instant,
    string_map,
    text_of,
)
from firstline.intake.sources.splunk.severity import severity_of

PLACES = ("host", "dest", "dvc", "src", "orig_host", "instance")
SERVICES = ("service", "service_name", "app_name", "application")
DAY = timedelta(days=1)


class Payload(msgspec.Struct, frozen=True):
    """The documented fields; `result` is the first row that the search found."""

    result: dict[str, Any] | None = None
    results: list[dict[str, Any]] | None = None
    sid: Any = None
    results_link: Any = None
    search_name: Any = None
    owner: Any = None
    app: Any = None


def parse(row: Received, settings: Mapping[str, Any]) -> list[Signal]:
    """The one signal of a triggered search."""
    payload = decode_as(row.body, Payload)
    if payload.result is None and payload.results is None and payload.sid is None:
        raise ParseError("expected what Splunk's webhook action sends: result, sid, search_name", "$")
    result = string_map(payload.result or next(iter(payload.results or []), {}))
    name = text_of(payload.search_name) or result.get("title") or result.get("message") or ""
    place = next((result[each] for each in PLACES if result.get(each)), "")
    title = name or "Splunk search without a name"
    resolved = (result.get("status") or result.get("state") or "").lower() in RESOLVED
    return [
        built(
            row,
            kind=SignalKind.RESOLVE if resolved else SignalKind.TRIGGER,
            key="/".join(each for each in (text_of(payload.app), name or digest(result), place) if each),
            title=f"{title}: {place}" if place and place not in title else title,
            happened=instant(result.get("_time")),
            texts=(
                result.get("description", ""),
                "\n".join(f"{field}: {text}" for field, text in result.items() if not field.startswith("_")),
            ),
            severity=severity_of(result.get("urgency") or result.get("severity") or ""),
            service=next((result[each] for each in SERVICES if result.get(each)), ""),
            ci=place,
            group=name,
            entities=tuple(observed(EntityKind.HOST, place, "target")),
            labels={"search": name, "app": payload.app, "owner": payload.owner, **result},
            links=[(payload.results_link, "results")],
            ends_at=None if resolved else row.received_at + expiry(settings),
        )
    ]


def expiry(settings: Mapping[str, Any]) -> timedelta:
    """How long an alert lives after it was last sent."""
    seconds = settings.get("expires_after")
    if isinstance(seconds, int | float) and not isinstance(seconds, bool) and 0 < seconds < 1e8:
        return timedelta(seconds=seconds)
    return DAY
