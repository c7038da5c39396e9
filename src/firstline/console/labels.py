"""Words for the values of the domain, in the reader's language."""

from django.utils.translation import gettext as _


def sorts() -> list[tuple[str, str]]:
    return [
        ("work_next", _("work next")),
        ("updated", _("last change")),
        ("opened", _("registration")),
        ("resolved", _("resolution")),
    ]


def channel(value: str) -> str:
    return {
        "portal": _("by the portal"),
        "e-mail": _("by mail"),
        "mail": _("by mail"),
        "phone": _("by phone"),
        "chat": _("by chat"),
        "monitoring": _("by monitoring"),
        "siem": _("by the SIEM"),
        "api": _("by the API"),
        "console": _("in the console"),
        "link": _("by a link"),
    }.get(value.lower(), value)


def hold_reasons() -> list[tuple[str, str]]:
    return [
        ("caller", _("the caller")),
        ("vendor", _("a vendor")),
        ("change", _("a change")),
        ("problem", _("a problem")),
        ("scheduled", _("an agreed time")),
    ]


def cancel_reasons() -> list[tuple[str, str]]:
    return [
        ("false_alarm", _("False alarm")),
        ("withdrawn", _("Withdrawn by the caller")),
        ("spam", _("Spam")),
        ("not_an_incident", _("Not an incident")),
    ]


def level(value: int | None) -> str:
    return {1: _("high"), 2: _("medium"), 3: _("low")}.get(value or 0, _("not known"))


def extent(value: str) -> str:
    return {
        "one": _("one person"),
        "several": _("several people"),
        "site": _("a site"),
        "all": _("everybody"),
    }.get(value, value)


def extents() -> list[tuple[str, str]]:
    return [(value, extent(value)) for value in ("one", "several", "site", "all")]


def degradations() -> list[tuple[str, str]]:
    return [("down", _("down")), ("degraded", _("degraded"))]


def can_work() -> list[tuple[str, str]]:
    return [("yes", _("yes")), ("difficulty", _("with difficulty")), ("no", _("no"))]


def link_kinds() -> list[tuple[str, str]]:
    return [("related", _("related to")), ("recurrence", _("a recurrence of"))]


def override_reasons() -> list[tuple[str, str]]:
    return [
        ("wider_than_known", _("It reaches wider than known")),
        ("smaller_than_known", _("It is smaller than known")),
        ("business_event", _("A business event depends on it")),
        ("agreement_with_caller", _("Agreed with the caller")),
        ("management", _("Decided by management")),
    ]


def waited_for(reason: str) -> str:
    return dict(hold_reasons()).get(reason, reason)


def verdicts() -> list[tuple[str, str]]:
    return [
        ("", _("not yet")),
        ("true_positive", _("true positive")),
        ("benign", _("benign")),
        ("false_positive", _("false positive")),
    ]


def tlps() -> list[tuple[str, str]]:
    return [("", _("none")), ("clear", "CLEAR"), ("green", "GREEN"), ("amber", "AMBER"), ("red", "RED")]
