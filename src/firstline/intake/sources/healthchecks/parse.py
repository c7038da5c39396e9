"""Healthchecks' webhook → signals: the help page's template, or the placeholder `$JSON` (a check as its API has it).

The identity is the check's code (UUID), else its unique key, slug or name. `down` triggers, `up` resolves; `new`,
`paused`, `grace` and `started` are no outage and give no signal. A body that is no JSON is one alert of its own text.
"""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from firstline.intake.signal import Signal, SignalKind
from firstline.intake.sources.building import built
from firstline.intake.sources.healthchecks.severity import severity_of
from firstline.intake.sources.parsing import ParseError, Received, decode_as, digest, instant, text_of

UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.I)
UNFILLED = re.compile(r"\$[A-Z][A-Z0-9_]*")
KINDS = {"down": SignalKind.TRIGGER, "up": SignalKind.RESOLVE}
KNOWN = ("down", "up", "new", "paused", "grace", "started")


class Check(msgspec.Struct, frozen=True):
    """The template's fields and those of the API's check."""

    code: Any = None
    uuid: Any = None
    unique_key: Any = None
    slug: Any = None
    name: Any = None
    status: Any = None
    now: Any = None
    tags: Any = None
    desc: Any = None
    body: Any = None
    last_ping: Any = None
    ping_url: Any = None
    update_url: Any = None
    url: Any = None
    exitstatus: Any = None
    check: Any = None


def parse(row: Received, settings: Mapping[str, Any]) -> list[Signal]:
    """At most one signal. Raises ParseError for a status that Healthchecks doesn't have."""
    if row.content_type.lower().startswith("text/") and not row.body.lstrip().startswith(b"{"):
        return [_from_text(row)]
    check = decode_as(row.body, Check)
    if isinstance(check.check, dict):
        check = msgspec.convert(check.check, Check)
    status = _said(check.status).lower()
    if status not in KNOWN:
        raise ParseError("expected a status: down or up", "$.status")
    kind = KINDS.get(status)
    return [] if kind is None else [_signal(row, check, kind)]


def _said(value: object) -> str:
    text = text_of(value)
    return "" if UNFILLED.fullmatch(text) else text


def _signal(row: Received, check: Check, kind: SignalKind) -> Signal:
    found = UUID.search(_said(check.ping_url) or _said(check.update_url))
    code = _said(check.code) or _said(check.uuid) or _said(check.unique_key) or (found[0] if found else "")
    name = _said(check.name) or _said(check.slug) or code
    if not name:
        raise ParseError("a check needs a name or a code", "$.name")
    tags = _said(check.tags)
    return built(
        row,
        kind=kind,
        key=f"check/{code or name}",
        title=f"{name} is {'down' if kind is SignalKind.TRIGGER else 'up'}",
        happened=instant(_said(check.now)),
        texts=(_said(check.desc), _said(check.body)),
        severity=severity_of(tags),
        service=next((tag.partition(":")[2] for tag in tags.split() if tag.startswith("service:")), ""),
        ci=name,
        labels={"tags": tags, "last_ping": _said(check.last_ping), "exit_status": _said(check.exitstatus)},
        links=[(_said(check.url), "check")],
    )


def _from_text(row: Received) -> Signal:
    text = text_of(row.body.decode("utf-8", "replace"))
    if not text:
        raise ParseError("the body is empty", "$")
    over = re.search(r"\bup\b", text, re.I) is not None and re.search(r"\bdown\b", text, re.I) is None
    stable = re.sub(r"\b(?:up|down)\b|[0-9]+", "", text.partition("\n")[0], flags=re.I)
    return built(
        row, kind=SignalKind.RESOLVE if over else SignalKind.TRIGGER, key=digest(stable.split()), title=text
    )
