"""What values can be: how well a value fits what a field of a mapping is, and what a state's word means.

Each `…_value` gives points to add to a column's score; -50 or less: it cannot be that.
"""

import re
from functools import lru_cache
from typing import Any

from firstline.intake.sources.generic import names
from firstline.intake.sources.generic.mapping import ACKNOWLEDGED, RESOLVED, UNFILLED
from firstline.intake.sources.generic.severity import SEVERITIES
from firstline.intake.sources.parsing import instant, text_of

FIRING = frozenset((
    "firing", "alerting", "open", "opened", "active", "activated", "triggered", "trigger", "down", "critical", "fired",
    "problem", "error", "failed", "failure", "warning", "warn", "bad", "new", "reopened", "unknown", "alarm", "created",
    "nodata", "no data", "pending", "unhealthy", "degraded", "create", "started", "start", "raised", "raise", "set",
    "unreachable", "offline", "breached", "anomalous", "insufficient data", "insufficient_data", "major", "minor",
    "outage", "timeout", "exceeded", "unresolved", "true positive", "in alarm",
))  # fmt: skip
OVER = frozenset(RESOLVED) | frozenset(
    (
        "ended",
        "end",
        "online",
        "available",
        "passing",
        "pass",
        "done",
        "stopped",
        "solved",
        "restored",
        "reset",
        "back",
    )
)
DOING = frozenset(ACKNOWLEDGED)
OPAQUE = re.compile(
    r"[0-9a-f]{16,}|[0-9a-f]{8}-[0-9a-f-]{20,}|arn:\S+|https?://\S+|[\d.:/-]+|\S+@\S+|[A-Za-z0-9+/=_-]{40,}",
    re.I,
)


def is_unfilled(value: Any) -> bool:
    return isinstance(value, str) and UNFILLED.fullmatch(value.strip()) is not None


def title_value(value: Any) -> float:
    if not isinstance(value, str) or len(value.strip()) < 2:
        return -100
    text = value.strip()
    if OPAQUE.fullmatch(text):
        return -60 if text.lower().startswith(("http", "arn:")) else -45
    if text.lower() in FIRING | OVER | DOING or text.lower() in SEVERITIES:
        return -40
    if len(text) > 400:
        return -30
    return 6 if " " in text else -4


def text_value(value: Any) -> float:
    return 0 if isinstance(value, str) and len(value.strip()) > 1 and not value.startswith("http") else -100


def severity_value(value: Any) -> float:
    text = text_of(value).lower()
    if isinstance(value, bool) or not isinstance(value, str | int | float) or len(text) > 30:
        return -100
    return 20 if text in SEVERITIES else 0 if text.replace(".", "", 1).isdigit() else -30


def short_value(value: Any) -> float:
    text = text_of(value)
    if (
        isinstance(value, bool)
        or not isinstance(value, str | int)
        or not 0 < len(text) <= 200
        or "\n" in text
    ):
        return -100
    return -30 if text.startswith(("http://", "https://")) else 0


def name_value(value: Any) -> float:
    """Something that a person would call a service or a machine: it has a letter, or is an address."""
    text = text_of(value)
    return short_value(value) if re.search(r"[^\W\d_]|\d\.\d|::", text) else -100


def key_value(value: Any) -> float:
    text = text_of(value)
    return (
        0 if isinstance(value, str | int) and not isinstance(value, bool) and 0 < len(text) <= 4000 else -100
    )


def time_value(value: Any) -> float:
    return 0 if instant(value) is not None else -100


def link_value(value: Any) -> float:
    if not isinstance(value, str) or not value.startswith(("https://", "http://")):
        return -100
    return -40 if re.search(r"//api\.|/api/|\.(?:png|jpe?g|svg|gif|ico)\b|avatar|icon", value) else 0


@lru_cache(maxsize=8192)
def meaning(word: str) -> str:
    """What a state's word says: `over`, `doing`, `going`; nothing for a word that isn't known.

    Also of `incident.resolved`, `ALERT_CLEARED`, `ResolvedCritical`: a word for over among them decides, unless the
    state goes from one to another (`ok to critical`): then, and without such a word, the last that is known.
    """
    plain = word.strip().lower()
    for choices, said in ((OVER, "over"), (DOING, "doing"), (FIRING, "going")):
        if plain in choices:
            return said
    parts = names.words_of(word)
    if len(parts) < 2 or len(word) > 60 or " " in word.strip():
        return ""
    known = [said for part in parts if (said := meaning(part))]
    if "over" in known and not {"to", "not", "un"} & set(parts):
        return "over"
    return known[-1] if known else ""


def state_value(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, str):
        return -100
    return 20 if meaning(value) else -60
