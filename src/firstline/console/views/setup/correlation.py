"""The ordered list of rules by which alerts belong together, and what another list would make of past alerts."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from firstline.accounts.viewer import Viewer
from firstline.catalog import queries as catalog
from firstline.catalog.editing import values
from firstline.console.access import Request, staff
from firstline.console.shell import page
from firstline.console.views.setup import kit, signals
from firstline.console.views.setup.kit import Button, Cell, Column, Empty, SetupForm, Table
from firstline.console.views.setup.rules import tabs
from firstline.intake import actions_correlation as actions
from firstline.intake import queries_correlation as queries
from firstline.intake.candidates import read_rules
from firstline.intake.grounds import BOUNDS, Ground, Rule
from firstline.intake.models import CorrelationRule

LAST = 500
LIMITS = {name: (least, most) for name, least, most in BOUNDS}
GROUNDS = {
    Ground.ALERT: (
        _l("The same alert"),
        _l("It was part of the incident before: it fires again, so it goes back, and reopens what is resolved."),
    ),
    Ground.GROUP: (
        _l("The source's group"),
        _l("The sender itself says that they belong together, as Alertmanager does by its grouping."),
    ),
    Ground.ENTITY: (
        _l("Shared entities"),
        _l("Addresses, hosts, users, hashes, domains in common. Each has points: a hash 100, an outside address or "
           "URL 80, a domain 70, a user 60, a host or inside address 50, a process 20; well-known accounts, "
           "shells, sensors and what is in very many incidents have none."),
    ),
    Ground.CI: (_l("The same configuration item"), _l("Two alerts about one machine within the window.")),
    Ground.SERVICE: (_l("The same service"), _l("Two alerts about one service within the window.")),
    Ground.DEPENDENCY: (
        _l("Dependent services"),
        _l("The one service needs the other, directly or in a few steps: the database below the shop."),
    ),
    Ground.TEMPLATE: (
        _l("The same wording"),
        _l("Alerts of one source whose titles differ only in numbers, names and addresses, unless their services are "
           "known to differ."),
    ),
}  # fmt: skip


def _number(name: str, label: Any, help_text: Any) -> forms.IntegerField:
    least, most = LIMITS[name]
    return forms.IntegerField(
        label=label, help_text=help_text, min_value=least, max_value=most, initial=getattr(_USUAL, name)
    )


_USUAL = Rule(ground=Ground.SERVICE)


class CorrelationForm(SetupForm):
    name = forms.CharField(
        label=_l("Name"),
        max_length=120,
        help_text=_l("Stands in the explanation at each alert that it joined."),
    )
    active = forms.BooleanField(label=_l("In force"), required=False, initial=True)
    ground = forms.ChoiceField(
        label=_l("What they must have in common"),
        widget=forms.RadioSelect,
        choices=[(ground.value, label) for ground, (label, _help) in GROUNDS.items()],
        initial=Ground.SERVICE.value,
    )
    window = _number(
        "window", _l("Window, minutes"), _l("Since the last signal of the incident. 0: without limit.")
    )
    age = _number("age", _l("Age, minutes"), _l("Since the incident was opened. 0: without limit."))
    limit = _number("limit", _l("At most so many alerts"), _l("Then the next one opens another incident."))
    hops = _number("hops", _l("Steps in the dependency graph"), _l("For dependent services."))
    weight = _number(
        "weight", _l("Points needed"), _l("For shared entities; points of all that are shared add up.")
    )
    common = _number(
        "common",
        _l("Seen everywhere"),
        _l("An entity in more incidents than this within a week has no points."),
    )
    similarity = _number(
        "similarity", _l("Alike, percent"), _l("For the same wording: words that are equal.")
    )
    sources = kit.picks(_l("Sources"), _l("None chosen: all."))
    services = kit.picks(_l("Services"), _l("None chosen: all."))
    security = forms.ChoiceField(
        label=_l("Security"),
        required=False,
        choices=[("", _l("Both kinds")), ("no", _l("Ordinary alerts")), ("yes", _l("Security signals"))],
        help_text=_l("They never join each other, whatever the rules say."),
    )
    reopens = forms.BooleanField(
        label=_l("Reopen an incident that is resolved"),
        required=False,
        help_text=_l("Not one that is closed."),
    )
    soak = _number(
        "soak",
        _l("Soak, minutes"),
        _l("Quiet after the last of its alerts has ended, before it is resolved."),
    )
    resolves = forms.BooleanField(
        label=_l("Resolve it then"),
        required=False,
        initial=True,
        help_text=_l(
            "Otherwise resolution is only proposed. Security incidents are never resolved by their signals."
        ),
    )
    sections: Sequence[tuple[Any, Any, Sequence[str]]] = (
        (_l("Rule"), "", ("name", "active", "ground")),
        (
            _l("Bounds"),
            _l("an alert beyond them opens an incident of its own, or another rule takes it"),
            ("window", "age", "limit", "hops", "weight", "common", "similarity"),
        ),
        (_l("For which alerts"), _l("what is empty asks nothing"), ("sources", "services", "security")),
        (_l("The end of the incident"), "", ("reopens", "soak", "resolves")),
    )

    def __init__(self, *args: Any, viewer: Viewer, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offer("sources", [(source.id, source.name) for source in signals.sources(viewer)])
        self.offer("services", kit.as_choices(catalog.services(viewer)))
        head, bounds, which, end = CorrelationForm.sections
        kept = []
        for name in which[2]:
            choices = getattr(self.fields[name], "choices", [])
            if choices:
                kept.append(name)
            else:
                del self.fields[name]
        self.sections = (head, bounds, (which[0], which[1], tuple(kept)), end)

    def rule(self) -> Rule:
        """What was entered; `Invalid` at the field that can't be."""
        data = {name: self.cleaned_data[name] for name in DIRECT}
        data |= {name: self.cleaned_data.get(name) or () for name in ("sources", "services")}
        data["security"] = {"yes": True, "no": False}.get(self.cleaned_data.get("security", ""))
        return actions.rule_from(data)


DIRECT = (
    *("ground", "window", "age", "limit", "hops", "weight", "common", "similarity"),
    *("reopens", "soak", "resolves"),
)


@require_GET
@staff("correlation.read")
def correlation(request: Request) -> HttpResponse:
    """The list, in the order in which rules are tried."""
    may = request.viewer.may("correlation.edit")
    rows = list(queries.rules(request.viewer))
    trial = queries.dry_run(request.viewer, _read(rows), last=LAST)
    table = Table(
        caption=_("Correlation rules in their order"),
        columns=[
            Column(label=_("Rule")),
            Column(label=_("What they have in common"), wide=True),
            Column(label=_("Within")),
            Column(label=_("Joined"), num=True, wide=True),
            Column(label=_("Order"), hush=True),
        ],
        rows=[_row(n, row, len(rows), may, trial) for n, row in enumerate(rows)],
        empty=Empty(
            icon="git-merge",
            title=_("The built-in rules are in force"),
            text=_("They are saved here as soon as Firstline starts, to be ordered and changed."),
        ),
    )
    return kit.list_page(
        request,
        title=_("Correlation"),
        section="rules",
        table=table,
        tabs=tabs("correlation"),
        intro=_intro(trial),
        new=(reverse("console:correlation_new"), _("Write a rule")) if may else None,
    )


def _intro(trial: queries.Trial) -> str:
    said = _(
        "An alert joins the open incident that the first matching rule names, or opens one; it keeps the reason."
    )
    if not trial.alerts:
        return said
    figures = {"n": trial.alerts, "incidents": trial.found.after, "largest": trial.found.largest_after}
    return f"{said} " + (
        _("By these rules the last %(n)s alerts make %(incidents)s incidents; the largest has %(largest)s.")
        % figures
    )


def _read(rows: Sequence[CorrelationRule]) -> list[Rule]:
    return list(read_rules(rows))


def _row(number: int, row: CorrelationRule, count: int, may: bool, trial: queries.Trial) -> list[Cell]:
    buttons = []
    if may and number > 0:
        buttons.append(_move(row, "up", _("Try “%(name)s” earlier") % {"name": row.name}, "arrow-up"))
    if may and number < count - 1:
        buttons.append(_move(row, "down", _("Try “%(name)s” later") % {"name": row.name}, "arrow-down"))
    found = read_rules([row])
    label, text = GROUNDS[found[0].ground] if found else (_("can't be read"), "")
    taken = {rule.id: trial.taken[n] for n, rule in enumerate(trial.rules)}
    tags = () if row.active else (_("off"),)
    return [
        Cell(
            text=f"{number + 1}. {row.name}",
            href=reverse("console:correlation_rule", args=[row.pk]),
            tags=(*tags, *scope_words(found[0])) if found else tags,
        ),
        Cell(text=str(label), sub=str(text)),
        Cell(text=within_words(found[0]) if found else "–"),
        Cell(text=str(taken.get(row.pk, 0))),
        Cell(buttons=tuple(buttons)),
    ]


def _move(row: CorrelationRule, way: str, label: str, icon: str) -> Button:
    address = reverse("console:correlation_move", args=[row.pk])
    return Button(label=label, icon=icon, action=address, name="way", value=way)


def scope_words(rule: Rule) -> tuple[str, ...]:
    """What it is restricted to, a word each."""
    words = []
    if rule.security is not None:
        words.append(_("security") if rule.security else _("ordinary"))
    if rule.sources:
        count = len(rule.sources)
        words.append(ngettext("%(n)s source", "%(n)s sources", count) % {"n": count})
    if rule.services:
        count = len(rule.services)
        words.append(ngettext("%(n)s service", "%(n)s services", count) % {"n": count})
    return tuple(words)


def within_words(rule: Rule) -> str:
    """The window and the age in a phrase."""
    window = duration(rule.window) if rule.window else _("any time")
    if not rule.age:
        return window
    return _("%(window)s, incidents up to %(age)s old") % {"window": window, "age": duration(rule.age)}


def duration(minutes: int) -> str:
    """Minutes as a person says them: 90 → 90 min, 1440 → 24 h, 4320 → 3 days."""
    if minutes % 1440 == 0 and minutes > 1440:
        return ngettext("%(n)s day", "%(n)s days", minutes // 1440) % {"n": minutes // 1440}
    return _("%(n)s h") % {"n": minutes // 60} if minutes % 60 == 0 else _("%(n)s min") % {"n": minutes}


@require_http_methods(["GET", "POST"])
@staff("correlation.read", write="correlation.edit")
def rule(request: Request, rule_id: int | None = None) -> HttpResponse:
    """Write or change a rule; `try` shows what would change before it is saved."""
    row = queries.rule(request.viewer, rule_id) if rule_id is not None else None
    form = CorrelationForm(kit.posted(request), viewer=request.viewer, initial=_initial(row))
    helps = [(str(label), str(text)) for label, text in GROUNDS.values()]
    more: dict[str, Any] = {"rule": row, "grounds": helps, "wide": True}
    if request.method == "POST" and "try" in request.POST:
        return _tried(request, form, row, more)

    def save(data: dict[str, Any]) -> None:
        common = {
            "actor": request.actor,
            "now": request.moment,
            "name": data["name"],
            "active": data["active"],
        }
        if row is None:
            actions.create_rule(rule=form.rule(), **common)
        else:
            actions.edit_rule(row.pk, seen=data["seen"], rule=form.rule(), **common)

    return kit.form_page(
        request,
        form,
        title=row.name if row else _("Write a correlation rule"),
        section="rules",
        back=reverse("console:correlation"),
        save=save,
        done=_("Saved. It is in force for the next alert; what has joined stays where it is."),
        may_edit=request.viewer.may("correlation.edit"),
        template="console/setup/correlation_rule.html",
        more=more,
    )


def _initial(row: CorrelationRule | None) -> dict[str, Any]:
    if row is None:
        return {}
    kept = values(row, actions.RULE)
    asked = dict(row.definition)
    asked["security"] = {True: "yes", False: "no"}.get(asked.get("security"), "")  # type: ignore[arg-type]
    return {**asked, **kept, "seen": kit.seen_of(kept)}


def _tried(
    request: Request, form: CorrelationForm, row: CorrelationRule | None, more: dict[str, Any]
) -> HttpResponse:
    made: list[Rule] = []
    status = kit.attempt(form, lambda data: made.append(form.rule()))
    if made:
        rows = list(queries.rules(request.viewer))
        changed = made if form.cleaned_data["active"] else []
        listed: list[Rule] = []
        for each in rows:
            listed += changed if row is not None and each.pk == row.pk else read_rules([each])
        more["trial"] = queries.dry_run(request.viewer, listed if row else [*listed, *changed], last=LAST)
    context = {
        **more,
        "title": row.name if row else _("Write a correlation rule"),
        "form": form,
        "back": reverse("console:correlation"),
        "may_edit": request.viewer.may("correlation.edit"),
        "submit": _("Save"),
    }
    return page(request, "console/setup/correlation_rule.html", context, section="rules", status=status)


@require_POST
@staff("correlation.edit")
def move(request: Request, rule_id: int) -> HttpResponse:
    up = request.POST.get("way") == "up"
    return kit.do_and_return(
        request,
        lambda: actions.move(rule_id, up=up, actor=request.actor, now=request.moment),
        _("The order is changed."),
        reverse("console:correlation"),
    )


@require_POST
@staff("correlation.edit")
def delete(request: Request, rule_id: int) -> HttpResponse:
    return kit.do_and_return(
        request,
        lambda: actions.delete_rule(rule_id, actor=request.actor, now=request.moment),
        _("The rule is gone. What it joined stays as it is."),
        reverse("console:correlation"),
    )
