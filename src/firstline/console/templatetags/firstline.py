"""Components as template tags:

{% load firstline %}. Small ones are written here, larger ones are templates.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django import template
from django.forms import BoundField
from django.template import Context
from django.templatetags.static import static
from django.utils import formats, timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from firstline.console import wording
from firstline.console.components import Clock, Face, Page
from firstline.console.markdown import render
from firstline.core.clock import now as clock_now

register = template.Library()


def moment(context: Context) -> datetime:
    """The instant of this page: asked of the database once, the same for everything on it."""
    request = context.get("request")
    if request is None:
        return clock_now()
    if not hasattr(request, "moment"):
        request.moment = clock_now()
    found = request.moment
    assert isinstance(found, datetime)
    return found


BASIS = ("reset", "tokens", "base", "layout", "utilities", "print")
SETS: dict[str, tuple[str, ...]] = {
    "plain": ("button", "tag", "priority", "state", "clock", "who", "card", "field", "notice", "bar", "menu"),
    "console": ("rail", "tabs", "table", "setup", "queue", "message", "composer", "incident", "story"),
    "page03": ("page03",),
    "portal": ("message", "composer", "tabs", "table", "incident"),
}
STATES = {
    "new": lambda: _("New"),
    "assigned": lambda: _("Assigned"),
    "in_progress": lambda: _("In progress"),
    "on_hold": lambda: _("On hold"),
    "resolved": lambda: _("Resolved"),
    "closed": lambda: _("Closed"),
    "cancelled": lambda: _("Cancelled"),
    "firing": lambda: _("Firing"),
    "acknowledged": lambda: _("Acknowledged"),
    "expired": lambda: _("Expired"),
    "suppressed": lambda: _("Muted"),
    "failed": lambda: _("Failed"),
    "down": lambda: _("Down"),
    "degraded": lambda: _("Degraded"),
    "suspect": lambda: _("Suspect"),
    "healthy": lambda: _("Healthy"),
    "unknown": lambda: _("Unknown"),
    "running": lambda: _("Running"),
    "overdue": lambda: _("Overdue"),
    "missing": lambda: _("Missing"),
}
HOLDS = {
    "caller": lambda: _("caller"),
    "scheduled": lambda: _("scheduled"),
    "vendor": lambda: _("vendor"),
    "change": lambda: _("change"),
    "problem": lambda: _("problem"),
}


@register.simple_tag
def styles(*sets: str) -> SafeString:
    """The style sheets of a page. Layers make their order irrelevant; they load side by side."""
    names = [f"firstline/css/{name}.css" for name in BASIS]
    parts = dict.fromkeys(part for key in ("plain", *sets) for part in SETS[key])
    names += [f"firstline/css/components/{part}.css" for part in parts]
    return format_html_join("\n", '<link rel="stylesheet" href="{}">', ((static(name),) for name in names))


@register.simple_tag
def icon(name: str, extra: str = "") -> SafeString:
    return format_html(
        '<svg class="icon {}" aria-hidden="true"><use href="{}#{}"></use></svg>',
        extra,
        static("vendor/icons.svg"),
        name,
    )


@register.simple_tag(takes_context=True)
def theme(context: Context) -> str:
    """light, dark, or empty for the system's: from the cookie, so that the first byte already has it."""
    request = context.get("request")
    chosen = request.COOKIES.get("firstline_theme", "") if request is not None else ""
    return chosen if chosen in ("light", "dark") else ""


@register.simple_tag
def priority(value: int | None, size: str = "") -> SafeString:
    if value is None:
        return format_html('<span class="prio none {}" title="{}">–</span>', size, _("No priority yet"))
    return format_html(
        '<span class="prio p{} {}" title="{}">P{}</span>',
        value if value <= 5 else 5,
        size,
        _("Priority {n}").format(n=value),
        value,
    )


@register.simple_tag(takes_context=True)
def state(context: Context, value: str, reason: str = "", until: datetime | None = None) -> SafeString:
    """A state as word and shape; on hold with its reason and the instant of waking."""
    words = STATES[value]() if value in STATES else value
    if value == "on_hold" and reason:
        words = f"{words}: {HOLDS[reason]() if reason in HOLDS else reason}"
        if until is not None:
            return format_html(
                '<span class="state on_hold">{}, {} {}</span>', words, _("until"), soon(context, until)
            )
    return format_html('<span class="state {}">{}</span>', value, words)


@register.simple_tag(takes_context=True)
def clock(context: Context, value: Clock, short: bool = False) -> SafeString:
    now = moment(context)
    ticking = SafeString("")
    if value.due_at is not None and value.state == "running":
        ticking = format_html(
            ' data-due="{}" data-from="{}" data-risk="{}"',
            iso(value.due_at),
            iso(value.from_at or value.due_at),
            iso(value.risk_at or value.due_at),
        )
    return format_html(
        '<span class="clock {}{}"{} title="{}"><span class="words">{}</span>'
        '<progress max="100" value="{}" aria-label="{}"></progress></span>',
        value.tone(now),
        " short" if short else "",
        ticking,
        value.hint(),
        value.words(now),
        value.percent(now),
        _("{label}: time used").format(label=value.label or _("Target")),
    )


@register.simple_tag
def who(value: Face | None, short: bool = False, size: str = "") -> SafeString:
    if value is None or value.kind == "nobody":
        return format_html(
            '<span class="who none"><span class="face none" aria-hidden="true"></span>{}</span>', _("Nobody")
        )
    name = wording.short_name(value.name) if short and value.kind == "person" else value.name
    return format_html(
        '<span class="who{}" title="{}">{}<span class="name">{}</span></span>',
        " none" if value.kind == "group" else "",
        value.name,
        face(value, size),
        name,
    )


@register.simple_tag
def face(value: Face | None, size: str = "") -> SafeString:
    if value is None or value.kind in ("group", "nobody"):
        return format_html('<span class="face none {}" aria-hidden="true"></span>', size)
    if value.kind == "machine":
        return format_html('<span class="face machine {}" aria-hidden="true">{}</span>', size, icon("bot"))
    return format_html(
        '<span class="face hue-{} {}" aria-hidden="true">{}</span>', value.hue, size, value.initials
    )


def iso(instant: datetime) -> str:
    return instant.isoformat(timespec="seconds").replace("+00:00", "Z")


def absolute(instant: datetime) -> str:
    """Date, time and zone in the reader's zone and language."""
    local = timezone.localtime(instant)
    return f"{formats.date_format(local, 'DATETIME_FORMAT')} {local.tzname()}"


@register.simple_tag
def when(instant: datetime | None) -> SafeString:
    """An instant whose text becomes relative ("6 min ago") where there is JavaScript."""
    if instant is None:
        return mark_safe("–")
    return format_html('<time datetime="{}" data-relative>{}</time>', iso(instant), absolute(instant))


@register.simple_tag(takes_context=True)
def at(context: Context, instant: datetime | None, full: bool = False, day: bool = True) -> SafeString:
    """An absolute instant, as short as it is clear: the time today, day and time otherwise."""
    if instant is None:
        return mark_safe("–")
    local, today = timezone.localtime(instant), timezone.localtime(moment(context))
    text = formats.time_format(local, "H:i")
    if full or (day and local.date() != today.date()):
        date = formats.date_format(local, "j M" if local.year == today.year else "j M Y")
        text = f"{date}, {text}"
    return format_html('<time datetime="{}" title="{}">{}</time>', iso(instant), absolute(instant), text)


def soon(context: Context, instant: datetime) -> SafeString:
    """The shortest that is clear: the time today, the day otherwise."""
    local, today = timezone.localtime(instant), timezone.localtime(moment(context))
    text = (
        formats.time_format(local, "H:i")
        if local.date() == today.date()
        else formats.date_format(local, "j M")
    )
    return format_html('<time datetime="{}" title="{}">{}</time>', iso(instant), absolute(instant), text)


@register.simple_tag
def number(value: int) -> str:
    """A count, exact to 999."""
    return wording.count(value)


@register.filter
def hours(value: timedelta) -> str:
    """A duration in whole hours; a dash for none."""
    return f"{value / timedelta(hours=1):.0f}" if value else "–"


@register.filter
def of(values: Mapping[Any, Any], key: Any) -> Any:
    """The value of a key that is a variable: `{{ names|of:row.id }}`."""
    return values.get(key)


@register.filter
def lasting(value: Any) -> str:
    """A timedelta in words."""
    return wording.duration(value) if value is not None else "–"


@register.filter
def prose(text: str) -> SafeString:
    """What a person wrote, as safe HTML."""
    return render(text)


@register.simple_tag
def toned(*parts: str) -> str:
    return " ".join(part for part in parts if part)


@register.simple_tag
def words() -> str:
    """The sentences that the browser's own code says, translated, as JSON."""
    return json.dumps(
        {
            "d": _("d"),
            "h": _("h"),
            "min": _("min"),
            "now": _("under 1 min"),
            "left": _("{time} left"),
            "over": _("{time} over"),
            "signed_out": _("You have been signed out. Sign in in another tab; what you typed is kept here."),
            "forbidden": _("You may not do this. Reload the page to see what has changed."),
            "missing": _("It is not there any more, or you may not see it."),
            "too_large": _("The file is too large."),
            "too_many": _("Too many requests at once. Wait a moment and try again."),
            "failed": _("The server could not do this. What you typed is kept; try again."),
            "offline": _("No answer from the server. What you typed is kept; try again when connected."),
        }
    )


@register.simple_tag(takes_context=True)
def now_iso(context: Context) -> str:
    """The server's instant, from which the page's clocks count."""
    return iso(moment(context))


@register.inclusion_tag("firstline/components/tabs.html")
def tabs(items: Sequence[Any], label: str = "") -> dict[str, Any]:
    return {"items": items, "label": label or _("Views")}


@register.inclusion_tag("firstline/components/chips.html")
def chips(items: Sequence[Any]) -> dict[str, Any]:
    return {"items": items}


@register.inclusion_tag("firstline/components/field.html")
def field(bound: BoundField, label: str = "", help: str = "", draft: str = "") -> dict[str, Any]:
    """Label, control, help, error. Django puts aria-describedby and aria-invalid on the control."""
    if draft:
        bound.field.widget.attrs["data-draft"] = draft
    kind = getattr(bound.field.widget, "input_type", "")
    return {
        "field": bound,
        "label": label or bound.label,
        "help": help or bound.help_text,
        "check": kind == "checkbox" and not hasattr(bound.field, "choices"),
        "group": kind in ("radio", "checkbox") and hasattr(bound.field, "choices"),
    }


@register.inclusion_tag("firstline/components/errors.html")
def errors(form: Any) -> dict[str, Any]:
    """What is wrong with a form as a whole."""
    return {"form": form}


@register.inclusion_tag("firstline/components/pager.html")
def pager(page: Page) -> dict[str, Any]:
    return {"page": page}


@register.inclusion_tag("firstline/components/empty.html")
def empty(name: str, title: str, text: str = "", href: str = "", action: str = "") -> dict[str, Any]:
    """An empty list says what to do first."""
    return {"icon": name, "title": title, "text": text, "href": href, "action": action}


@register.simple_block_tag
def card(
    content: str, title: str, note: str = "", tone: str = "", fold: bool = False, id: str = ""
) -> SafeString:
    """A titled group; `fold` makes it a closed disclosure, `tone` is alarm or good."""
    tag, head = ("details", "summary") if fold else ("section", "header")
    return format_html(
        '<{} class="card {}"{}><{}><h2>{}</h2>{}</{}>{}</{}>',
        tag,
        tone,
        format_html(' id="{}"', id) if id else "",
        head,
        title,
        format_html("<small>{}</small>", note) if note else "",
        head,
        mark_safe(content),  # noqa: S308 - already rendered by the template
        tag,
    )


NOTICE_ICONS = {"info": "info", "good": "circle-check", "warn": "triangle-alert", "bad": "octagon-alert"}


@register.simple_block_tag
def notice(content: str, tone: str = "info") -> SafeString:
    role = "alert" if tone == "bad" else "status"
    return format_html(
        '<div class="notice {}" role="{}">{}<div>{}</div></div>',
        tone,
        role,
        icon(NOTICE_ICONS[tone]),
        mark_safe(content),  # noqa: S308 - already rendered by the template
    )
