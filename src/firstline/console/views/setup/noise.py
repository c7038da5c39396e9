"""What mutes alerts: rules, maintenance windows, inhibition, flapping; each shown on past alerts before it is saved."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from firstline.catalog.editing import fingerprint
from firstline.console.access import Request, staff
from firstline.console.components import Tab
from firstline.console.shell import page
from firstline.console.views.setup import kit
from firstline.console.views.setup.kit import Cell, Column, Empty, Table
from firstline.console.views.setup.noise_forms import FIELDS, OPS, NoiseForm, Rows, initial_of
from firstline.core.errors import DomainError, Invalid
from firstline.intake import actions_noise as actions
from firstline.intake import queries_noise as queries
from firstline.intake.matching import Condition, Match
from firstline.intake.queries_noise import Listed
from firstline.intake.suppression import (
    KINDS,
    Flapping,
    Inhibition,
    Maintenance,
    Rule,
    Suppression,
    Threshold,
)
from firstline.intake.windows import Once

LASTS = (100, 500, 1000, 5000)
LAST = 500
ONE_CLICK = timedelta(hours=4)
TABS: dict[str, tuple[str, ...]] = {
    "suppression": ("suppression",),
    "maintenance": ("maintenance",),
    "inhibition": ("inhibition", "dependency"),
    "flapping": ("flapping", "threshold"),
}


def kinds() -> dict[str, str]:
    return {
        "suppression": _("Muting rule"),
        "maintenance": _("Maintenance window"),
        "inhibition": _("Inhibition"),
        "dependency": _("Dependency"),
        "flapping": _("Flapping"),
        "threshold": _("Threshold"),
    }


def tabs(current: str) -> list[Tab]:
    labels = {
        "suppression": _("Rules"),
        "maintenance": _("Maintenance"),
        "inhibition": _("One mutes another"),
        "flapping": _("Flapping and thresholds"),
    }
    address = reverse("console:noise")
    found = [
        Tab(label=label, href=f"{address}?kind={name}", current=name == current)
        for name, label in labels.items()
    ]
    return [
        *found,
        Tab(
            label=_("Subscriptions"),
            href=reverse("console:subscriptions"),
            current=current == "subscriptions",
        ),
    ]


def _tab_of(kind: str) -> str:
    return next((name for name, held in TABS.items() if kind in held), "suppression")


def intro(tab: str) -> str:
    return {
        "suppression": _(
            "What is known and needs nobody, until it ends. Muted alerts stay in the list, with the reason."
        ),
        "maintenance": _(
            "Work that is announced. A change mutes its item while it is being implemented, in its planned window."
        ),
        "inhibition": _("When one alert says it all, those that follow from it are muted while it is open."),
        "flapping": _(
            "An alert that comes and goes is held as one; a threshold waits until it was sent often enough."
        ),
    }[tab]


@require_GET
@staff("noise.read")
def noise(request: Request) -> HttpResponse:
    """A tab: its rules, those in force first; of maintenance also what is coming."""
    tab = _tab_of(request.GET.get("kind", "suppression"))
    may = request.viewer.may("noise.edit")
    rows = queries.rules(request.viewer, TABS[tab], now=request.moment)
    table = Table(
        caption=_("Rules that mute"),
        columns=[
            Column(label=_("Rule")),
            Column(label=_("State")),
            Column(label=_("Which alerts"), wide=True),
            Column(label=_("Mutes now"), num=True),
            Column(label=_("Ends")),
            Column(label=_("End it"), hush=True),
        ],
        rows=[_row(each, request, may) for each in rows],
        empty=Empty(
            icon="eye-off",
            title=_("Nothing is muted here"),
            text=_("A rule shows what it would have muted before it is saved."),
            href=f"{reverse('console:noise_new')}?kind={TABS[tab][0]}" if may else "",
            action=_("Write the first one"),
        ),
    )
    labels = kinds()
    news = [(f"{reverse('console:noise_new')}?kind={kind}", labels[kind]) for kind in TABS[tab]]
    more = {
        "upcoming": queries.upcoming(request.viewer, now=request.moment) if tab == "maintenance" else None,
        "more_new": news[1:] if may else [],
    }
    return kit.list_page(
        request,
        title=_("Noise"),
        section="noise",
        table=table,
        tabs=tabs(tab),
        intro=intro(tab),
        new=news[0] if may else None,
        more=more,
        template="console/setup/noise.html",
    )


def _row(each: Listed, request: Request, may: bool) -> list[Cell]:
    labels = kinds()
    words = {
        "in_force": _("in force"),
        "waiting": _("waits"),
        "ended": _("ended"),
        "unreadable": _("can't be read"),
    }
    ends = each.rule.until if each.rule else None
    if each.stretch is not None and each.state == "in_force":
        ends = each.stretch[1]
    buttons: tuple[kit.Button, ...] = ()
    if may and each.state in ("in_force", "waiting") and _may(request, each):
        buttons = (
            kit.Button(
                label=_("End “%(name)s” now") % {"name": each.row.name},
                icon="x",
                action=reverse("console:noise_end", args=[each.row.pk]),
            ),
        )
    return [
        Cell(
            text=each.row.name,
            href=reverse("console:noise_rule", args=[each.row.pk]),
            sub=each.rule.reason if each.rule else "",
            tags=(labels[each.row.kind],) if each.row.kind not in ("suppression", "maintenance") else (),
        ),
        Cell(
            text=words[each.state],
            sub=_("next: %(at)s") % {"at": _short(each.stretch[0], request)}
            if each.state == "waiting" and each.stretch
            else "",
            tone="" if each.state == "in_force" else "muted",
        ),
        Cell(text=asked_words(each.rule) if each.rule else "–"),
        Cell(text=str(each.muting) if each.muting < 10_000 else "10 000+"),
        Cell(at=ends) if ends else Cell(text="–"),
        Cell(buttons=buttons),
    ]


def _may(request: Request, each: Listed) -> bool:
    return (
        each.rule is None
        or not actions.needs_administrator(each.rule, request.moment)
        or request.viewer.may("configuration.edit")
    )


def _short(at: datetime, request: Request) -> str:
    return at.astimezone(ZoneInfo(request.person.zone)).strftime("%Y-%m-%d %H:%M")


def asked_words(rule: Rule) -> str:
    """What a rule means, in a line."""
    match, names = rule.match, queries.names_for(rule.match)
    parts = [", ".join(listed) for listed in names.values() if listed]
    if match.services and match.dependents:
        parts.append(_("and what needs it"))
    parts += [condition_words(each) for each in match.conditions]
    if isinstance(rule, Inhibition):
        parts.append(
            _("while: %(cause)s") % {"cause": " · ".join(condition_words(c) for c in rule.cause.conditions)}
        )
        if rule.equal:
            parts.append(_("same %(labels)s") % {"labels": ", ".join(rule.equal)})
    if isinstance(rule, Flapping):
        parts.append(_("%(n)s changes in %(m)s min") % {"n": rule.changes, "m": rule.minutes})
    if isinstance(rule, Threshold):
        parts.append(_("%(n)s signals in %(m)s min") % {"n": rule.times, "m": rule.minutes})
    if match.security != "no":
        parts.append(_("security alerts too") if match.security == "both" else _("security alerts alone"))
    return " · ".join(parts) or _("every alert")


def condition_words(condition: Condition) -> str:
    what = condition.label or str(dict(FIELDS)[condition.field])
    return f"{what} {dict(OPS)[condition.op]} {', '.join(condition.values)}".strip()


# --- writing one


@require_http_methods(["GET", "POST"])
@staff("noise.edit")
def noise_new(request: Request) -> HttpResponse:
    """Write a rule; `?alert=` and `?service=` fill in what is meant."""
    kind = request.GET.get("kind", "suppression")
    kind = kind if kind in KINDS else "suppression"
    return _form(request, kind, None, _prefilled(request, kind))


@require_http_methods(["GET", "POST"])
@staff("noise.read", write="noise.edit")
def noise_rule(request: Request, rule_id: int) -> HttpResponse:
    found = queries.rule(request.viewer, rule_id, now=request.moment)
    return _form(request, found.row.kind, found, found.rule)


def _prefilled(request: Request, kind: str) -> Rule | None:
    """What *mute alerts like this* and *maintenance of this service* begin with: an end in a few hours."""
    until = (request.moment + ONE_CLICK).replace(second=0, microsecond=0)
    alert, service = request.GET.get("alert", ""), request.GET.get("service", "")
    if kind == "suppression":
        match = queries.match_like(request.viewer, int(alert)) if alert.isdecimal() else Match()
        return Suppression(match=match, until=until)
    if kind == "maintenance":
        services = (int(service),) if service.isdecimal() else ()
        window = Once(request.moment.replace(second=0, microsecond=0), until)
        return Maintenance(match=Match(services=services, dependents=bool(services)), window=window)
    return None


def _form(request: Request, kind: str, found: Listed | None, rule: Rule | None) -> HttpResponse:
    zone = request.person.zone
    kept = actions.seen_values(found.row, found.version) if found else {}
    initial: dict[str, Any] = {"zone": zone, "security": "no", "down": "critical"}
    initial |= initial_of(rule, zone) if rule else {}
    initial |= {"name": found.row.name, "seen": kit.seen_of(kept)} if found else {}
    data = kit.posted(request)
    may = request.viewer.may("noise.edit") and (found is None or _may(request, found))
    form = NoiseForm(
        data,
        viewer=request.viewer,
        kind=kind,
        zone=zone,
        ends=not request.viewer.may("configuration.edit") or "alert" in request.GET,
        initial=initial,
    )
    rows = Rows(data, "c", rule.match.conditions if rule else ())
    causes = Rows(data, "k", rule.cause.conditions if isinstance(rule, Inhibition) else ())
    more: dict[str, Any] = {
        "rows": rows,
        "causes": causes if kind == "inhibition" else None,
        "rule": found,
        "wide": True,
        "lasts": LASTS,
        "last": _last(request),
        "tabs": tabs(_tab_of(kind)),
        "muted_now": found.muting if found else 0,
        "versions": queries.versions(request.viewer, found.row.pk) if found else (),
    }
    status = 200
    if request.method == "POST" and may:
        answer, status = _post(request, form, rows, causes, found, more)
        if answer is not None:
            return answer
    if not may:
        form.lock()
    title = found.row.name if found else kinds()[kind]
    context = {
        **more,
        "title": title,
        "form": form,
        "back": f"{reverse('console:noise')}?kind={_tab_of(kind)}",
        "may_edit": may,
        "submit": _("Save") if more.get("preview") else _("Show what it mutes, then save"),
    }
    return page(request, "console/setup/noise_rule.html", context, section="noise", status=status)


def _last(request: Request) -> int:
    wanted = request.POST.get("last", "")
    return min(int(wanted), LASTS[-1]) if wanted.isdecimal() and int(wanted) else LAST


def _post(
    request: Request, form: NoiseForm, rows: Rows, causes: Rows, found: Listed | None, more: dict[str, Any]
) -> tuple[HttpResponse | None, int]:
    """Show what it would have muted; saved is only what was shown, as it stands."""
    made: list[Rule] = []

    def build(_data: dict[str, Any]) -> None:
        if not (rows.is_valid() and (more["causes"] is None or causes.is_valid())):
            raise kit.row_errors()
        try:
            made.append(form.rule(rows.conditions(), causes.conditions()))
        except (ValueError, msgspec.ValidationError) as error:
            raise Invalid(str(error)) from error

    status = kit.attempt(form, build)
    if not made:
        return None, status
    tried = fingerprint(msgspec.to_builtins(made[0]))
    if "try" in request.POST or request.POST.get("tried") != tried:
        more |= {"preview": queries.preview(request.viewer, made[0], last=_last(request)), "tried": tried}
        return None, 200

    def save(data: dict[str, Any]) -> None:
        common = {"name": data["name"], "actor": request.actor, "now": request.moment}
        if found is None:
            actions.create_rule(kind=form.kind, definition=made[0], **common)
        else:
            actions.edit_rule(found.row.pk, definition=made[0], seen=data["seen"], **common)

    status = kit.attempt(form, save)
    if status != 200:
        return None, status
    messages.success(request, _("Saved. It is in force from now on."))
    return redirect(f"{reverse('console:noise')}?kind={_tab_of(form.kind)}"), 200


@require_POST
@staff("noise.edit")
def noise_end(request: Request, rule_id: int) -> HttpResponse:
    """It mutes nothing from now on, and stays in the list."""
    found = queries.rule(request.viewer, rule_id, now=request.moment)

    def end() -> None:
        actions.end_rule(rule_id, actor=request.actor, now=request.moment)

    text = ngettext(
        "It has ended; %(n)s alert is looked at again.",
        "It has ended; %(n)s alerts are looked at again.",
        found.muting,
    ) % {"n": found.muting}
    back = f"{reverse('console:noise')}?kind={_tab_of(found.row.kind)}"
    return kit.do_and_return(request, end, text, back)


@require_POST
@staff("noise.edit")
def noise_delete(request: Request, rule_id: int) -> HttpResponse:
    found = queries.rule(request.viewer, rule_id, now=request.moment)
    back = f"{reverse('console:noise')}?kind={_tab_of(found.row.kind)}"
    try:
        actions.delete_rule(rule_id, actor=request.actor, now=request.moment)
    except DomainError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("It is gone. What it muted is looked at again."))
    return redirect(back)
