"""The ordered list of rules that categorise, and its dry-run."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from firstline.accounts import queries as accounts
from firstline.accounts.viewer import Viewer
from firstline.catalog import queries as catalog
from firstline.catalog.editing import values
from firstline.classification import actions, queries
from firstline.classification.actions import condition_from
from firstline.classification.rules import Condition
from firstline.classification.rules import Rule as RuleValue
from firstline.console import labels
from firstline.console.access import Request, staff
from firstline.console.components import Tab
from firstline.console.shell import page
from firstline.console.views.setup import kit, signals
from firstline.console.views.setup.kit import Button, Cell, Column, Empty, SetupForm, Table
from firstline.incidents.actions.register import CHANNELS

LAST = 50


def tabs(current: str) -> list[Tab]:
    return kit.area(
        current,
        [
            ("rules", _("Rules")),
            ("correlation", _("Correlation")),
            ("categories", _("Categories")),
            ("codes", _("Resolution codes")),
        ],
    )


class RuleForm(SetupForm):
    name = forms.CharField(
        label=_l("Name"), max_length=120, help_text=_l("Stands in the timeline of what it decides.")
    )
    active = forms.BooleanField(label=_l("In force"), required=False, initial=True)
    contains = kit.text(
        _l("The text contains"),
        _l("Any of these phrases, one a line, as whole words in title or description."),
    )
    pattern = forms.CharField(
        label=_l("The text matches"),
        max_length=300,
        required=False,
        help_text=_l("A regular expression, such as error \\d{3}\\b. Letters match in either case."),
        widget=forms.TextInput(attrs={"class": "mono", "spellcheck": "false", "autocomplete": "off"}),
    )
    channels = kit.picks(_l("Channel"), coerce=str)
    source_kinds = kit.picks(_l("Kind of source"), coerce=str)
    sources = kit.picks(_l("Source"))
    services = kit.picks(_l("Service"))
    units = kit.picks(_l("Caller's unit"))
    labels = kit.text(
        _l("Labels of the signal"), _l("One a line as name=value; name=* for any value."), rows=2, code=True
    )
    category_id = kit.pick(_l("Category"))
    group_id = kit.pick(_l("Support group"), _l("Empty: the category's, else the service's."))
    service_id = kit.pick(_l("Service, where none is known"))
    security = forms.BooleanField(
        label=_l("It is a security incident"),
        required=False,
        help_text=_l("Only security groups see it from then on."),
    )
    sections: Sequence[tuple[Any, Any, Sequence[str]]] = (
        (_l("Rule"), "", ("name", "active")),
        (
            _l("When all of this holds"),
            _l("what is empty asks nothing"),
            ("contains", "pattern", "channels", "source_kinds", "sources", "services", "units", "labels"),
        ),
        (_l("Then"), "", ("category_id", "group_id", "service_id", "security")),
    )

    def __init__(self, *args: Any, viewer: Viewer, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        services = kit.as_choices(catalog.services(viewer))
        sources = signals.sources(viewer)
        self.offer("channels", [(c, labels.channel(c)) for c in CHANNELS])
        self.offer("source_kinds", signals.kinds())
        self.offer("sources", [(source.id, source.name) for source in sources])
        self.offer("services", services)
        self.offer("units", kit.as_choices(accounts.units(viewer)))
        self.offer("category_id", kit.as_choices(catalog.categories(viewer)), nothing=_("Leave as it is"))
        self.offer("group_id", kit.as_choices(accounts.groups(viewer)), nothing=_("By category or service"))
        self.offer("service_id", services, nothing=_("Leave as it is"))
        for name in ("channels", "source_kinds", "sources", "services", "units"):
            if not self.fields[name].choices:  # type: ignore[attr-defined]
                del self.fields[name]
        head, asked, then = RuleForm.sections
        kept = tuple(name for name in asked[2] if name in self.fields)
        self.sections = (head, (asked[0], asked[1], kept), then)

    def clean_contains(self) -> list[str]:
        return [line.strip() for line in self.cleaned_data["contains"].splitlines() if line.strip()]

    def clean_labels(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for line in filter(None, (line.strip() for line in self.cleaned_data["labels"].splitlines())):
            name, equals, value = line.partition("=")
            if not (name.strip() and equals and value.strip()):
                raise forms.ValidationError(_("“%(line)s” is not name=value.") % {"line": line})
            found[name.strip()] = value.strip()
        return found

    def condition(self) -> Condition:
        """What was entered, as a condition; `Invalid` at the pattern when that can't be used."""
        names = ("contains", "pattern", "channels", "source_kinds", "sources", "services", "units", "labels")
        entered = {name: self.cleaned_data.get(name) for name in names}
        return condition_from({name: value for name, value in entered.items() if value})

    def sets(self) -> dict[str, Any]:
        return {
            n: self.cleaned_data[n] for n in ("category_id", "group_id", "service_id", "security", "active")
        }


@require_GET
@staff("configuration.read")
def rules(request: Request) -> HttpResponse:
    """The list, in the order in which rules are tried."""
    may = request.viewer.may("configuration.edit")
    rows = list(queries.rules(request.viewer))
    table = Table(
        caption=_("Rules in their order"),
        columns=[
            Column(label=_("Rule")),
            Column(label=_("When"), wide=True),
            Column(label=_("Then")),
            Column(label=_("Order"), hush=True),
        ],
        rows=[_row(n, row, len(rows), may) for n, row in enumerate(rows)],
        empty=Empty(
            icon="route",
            title=_("No rule yet"),
            text=_(
                "Rules put a category on what is reported. The first that matches decides, and the timeline says which."
            ),
            href=reverse("console:rule_new") if may else "",
            action=_("Write the first rule"),
        ),
    )
    return kit.list_page(
        request,
        title=_("Rules"),
        section="rules",
        table=table,
        tabs=tabs("rules"),
        intro=_("Tried from top to bottom; the first that matches decides."),
        new=(reverse("console:rule_new"), _("Write a rule")) if may else None,
        template="console/setup/rules.html",
    )


def _row(number: int, row: Any, count: int, may: bool) -> list[Cell]:
    buttons = []
    if may and number > 0:
        buttons.append(_move(row, "up", _("Try “%(name)s” earlier") % {"name": row.name}, "arrow-up"))
    if may and number < count - 1:
        buttons.append(_move(row, "down", _("Try “%(name)s” later") % {"name": row.name}, "arrow-down"))
    then = [part for part in (row.category and row.category.path, row.group and row.group.name) if part]
    if row.service:
        then.append(row.service.name)
    return [
        Cell(
            text=f"{number + 1}. {row.name}",
            href=reverse("console:rule", args=[row.pk]),
            tags=() if row.active else (_("off"),),
        ),
        Cell(text=asked_words(row.condition)),
        Cell(text=" · ".join(then) or "–", tags=(_("security"),) if row.security else ()),
        Cell(buttons=tuple(buttons)),
    ]


def _move(row: Any, way: str, label: str, icon: str) -> Button:
    return Button(
        label=label, icon=icon, action=reverse("console:rule_move", args=[row.pk]), name="way", value=way
    )


def asked_words(condition: dict[str, Any]) -> str:
    """What a condition asks, in a line."""
    parts = []
    if condition.get("contains"):
        parts.append("“" + "”, “".join(condition["contains"][:3]) + "”")
    if condition.get("pattern"):
        parts.append(f"/{condition['pattern']}/")
    if condition.get("channels"):
        parts.append(", ".join(labels.channel(c) for c in condition["channels"]))
    parts += [f"{name}={value}" for name, value in condition.get("labels", {}).items()]
    names = {
        "source_kinds": _("kind of source"),
        "sources": _("source"),
        "services": _("service"),
        "units": _("unit"),
    }
    parts += [name for key, name in names.items() if condition.get(key)]
    return " · ".join(parts) or _("always")


@require_http_methods(["GET", "POST"])
@staff("configuration.read", write="configuration.edit")
def rule(request: Request, rule_id: int | None = None) -> HttpResponse:
    """Write or change a rule; `try` shows what it would have decided before it is saved."""
    row = queries.rule(request.viewer, rule_id) if rule_id is not None else None
    form = RuleForm(kit.posted(request), viewer=request.viewer, initial=_initial(row))
    more: dict[str, Any] = {"rule": row, "wide": True}
    if request.method == "POST" and "try" in request.POST:
        return _tried(request, form, row, more)

    def save(data: dict[str, Any]) -> None:
        common = {
            "actor": request.actor,
            "now": request.moment,
            "name": data["name"],
            "condition": form.condition(),
        }
        if row is None:
            actions.create_rule(**common, **form.sets())
        else:
            actions.edit_rule(row.pk, seen=data["seen"], **common, **form.sets())

    return kit.form_page(
        request,
        form,
        title=row.name if row else _("Write a rule"),
        section="rules",
        back=reverse("console:rules"),
        save=save,
        done=_("Saved. It is in force for the next report."),
        may_edit=request.viewer.may("configuration.edit"),
        template="console/setup/rule.html",
        more=more,
    )


def _initial(row: Any) -> dict[str, Any]:
    if row is None:
        return {}
    kept = values(row, actions.RULE)
    asked = dict(row.condition)
    asked["contains"] = "\n".join(asked.get("contains", []))
    asked["labels"] = "\n".join(f"{name}={value}" for name, value in asked.get("labels", {}).items())
    return {**kept, **asked, "seen": kit.seen_of(kept)}


def _tried(request: Request, form: RuleForm, row: Any, more: dict[str, Any]) -> HttpResponse:
    candidate: list[RuleValue] = []

    def build(data: dict[str, Any]) -> None:
        sets = form.sets()
        sets.pop("active")
        candidate.append(
            RuleValue(id=row.pk if row else 0, name=data["name"], condition=form.condition(), **sets)
        )

    status = kit.attempt(form, build)
    if candidate:
        lines = queries.dry_run(
            request.viewer, candidate, last=LAST, signals=signals.subjects(request.viewer, LAST)
        )
        more |= {"tried": [line for line in lines if line.rule is not None], "of": len(lines)}
    context = {
        **more,
        "title": row.name if row else _("Write a rule"),
        "form": form,
        "back": reverse("console:rules"),
        "may_edit": request.viewer.may("configuration.edit"),
        "submit": _("Save"),
    }
    return page(request, "console/setup/rule.html", context, section="rules", status=status)


@require_GET
@staff("configuration.read")
def dry_run(request: Request) -> HttpResponse:
    """What the whole list says about the last incidents and signals. Nothing is changed."""
    wanted = request.GET.get("last", "")
    last = min(int(wanted), 500) if wanted.isdecimal() else LAST
    found = signals.subjects(request.viewer, last)
    lines = queries.dry_run(request.viewer, queries.active_rules(), last=last, signals=found)
    context = {
        "title": _("Dry-run of the rules"),
        "lines": lines,
        "last": last,
        "choices": (20, 50, 200, 500),
        "matched": sum(line.rule is not None for line in lines),
        "differing": sum(line.differs for line in lines),
        "tabs": tabs("rules"),
        "categories": dict(catalog.categories(request.viewer, inactive=True).values_list("id", "path")),
    }
    return page(request, "console/setup/dry_run.html", context, section="rules")


@require_POST
@staff("configuration.edit")
def rule_move(request: Request, rule_id: int) -> HttpResponse:
    def move() -> None:
        up = request.POST.get("way") == "up"
        actions.move(rule_id, up=up, actor=request.actor, now=request.moment)

    return kit.do_and_return(request, move, _("The order is changed."), reverse("console:rules"))


@require_POST
@staff("configuration.edit")
def rule_delete(request: Request, rule_id: int) -> HttpResponse:
    actions.delete_rule(rule_id, actor=request.actor, now=request.moment)
    messages.success(request, _("The rule is gone. What it decided stays as it is."))
    return redirect("console:rules")
