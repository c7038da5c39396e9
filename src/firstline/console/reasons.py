"""Why something was decided, in words: the `why` of an event as pairs of label and text."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from firstline.console import labels
from firstline.core.event_log import DomainEvent

TONES = {
    "decided": {
        *(
            "prioritised",
            "priority_proposed",
            "priority_overridden",
            "override_lifted",
            "categorised",
            "compared",
        ),
        *("assigned", "major_declared", "published", "agreement_applied", "alerts_joined"),
    },
    "warned": {
        *(
            "held",
            "reopened",
            "major_proposed",
            "publish_offered",
            "target_warned",
            "objected",
            "source_silent",
        ),
        *("step_paged", "escalation_started", "page_failed", "page_late", "lowered_late"),
    },
    "breached": {"target_breached", "escalation_exhausted"},
    "done": {
        *("resolved", "closed", "acknowledged", "diagnosed", "major_ended", "confirmed", "rated"),
        *("escalation_acknowledged", "page_answered", "alerts_ended"),
    },
}
_TONE = {verb: tone for tone, verbs in TONES.items() for verb in verbs}


def tone(event: DomainEvent) -> str:
    return _TONE.get(event.verb, "")


def reasons(event: DomainEvent) -> list[tuple[str, str]]:
    """What decided it, a line each; empty when it needs no explanation."""
    found: list[tuple[str, str]] = []
    for key, value in event.why.items():
        if value in (None, "", [], {}):
            continue
        if key in ("impact_reasons", "urgency_reasons"):
            found.extend(_assessed(key, value))
        elif key in ("impact", "urgency"):
            found.append(
                (_words(key).capitalize(), labels.level(value) if isinstance(value, int) else str(value))
            )
        else:
            found.append((_words(key).capitalize(), _value(value)))
    return found


def _assessed(key: str, value: Sequence[Sequence[Any]]) -> list[tuple[str, str]]:
    """[[what was looked at, what it said, the level that follows]]."""
    side = _("for impact") if key == "impact_reasons" else _("for urgency")
    return [
        (f"{_words(what).capitalize()} ({side})", f"{_value(said)} → {labels.level(level)}")
        for what, said, level in value
    ]


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, Mapping):
        return ", ".join(
            f"{_words(str(k))}: {_value(v)}" for k, v in value.items() if v not in (None, "", [], {})
        )
    if isinstance(value, list | tuple):
        return ", ".join(_value(item) for item in value)
    if isinstance(value, float):
        return f"{value:g}"
    return str(value).replace("_", " ")


def _words(key: str) -> str:
    return key.removesuffix("_id").replace("_", " ")
