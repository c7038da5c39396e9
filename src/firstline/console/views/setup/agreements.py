"""Agreements towards callers, and the priority matrix."""

from typing import Any

from django import forms
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from firstline.accounts import queries as accounts
from firstline.accounts.viewer import Viewer
from firstline.catalog import queries as catalog
from firstline.console import labels
from firstline.console.access import Request, staff
from firstline.console.components import Tab
from firstline.console.shell import page
from firstline.console.views.setup import kit
from firstline.console.views.setup.kit import Button, Cell, Column, Empty, SetupForm, Table
from firstline.core.errors import Invalid
from firstline.incidents.actions.matrix import save_matrix
from firstline.incidents.actions.register import CHANNELS
from firstline.incidents.actions.triage import matrix_in_force
from firstline.incidents.priority import Matrix
from firstline.sla import configure, configured
from firstline.sla.agreement import DEFAULT, Agreement

PRIORITIES = (1, 2, 3, 4, 5)
TARGETS = ("response", "resolution")
UNITS = (("minutes", _l("working minutes")), ("hours", _l("working hours")), ("days", _l("working days")))


def tabs(current: str) -> list[Tab]:
    return kit.area(
        current,
        [
            ("settings", _("Installation")),
            ("channels", _("Channels")),
            ("agreements", _("Agreements")),
            ("matrix", _("Priority matrix")),
        ],
    )


class AgreementForm(SetupForm):
    name = forms.CharField(label=_l("Name"), max_length=80)
    kind = forms.ChoiceField(
        label=_l("Towards"), choices=[("SLA", _l("callers (SLA)")), ("OLA", _l("other groups (OLA)"))]
    )
    active = forms.BooleanField(label=_l("In force"), required=False, initial=True)
    calendar = kit.pick(_l("Time counts in"), _l("Targets run in these hours."))
    pauses = kit.picks(_l("The resolution target stands still while on hold for"), coerce=str)
    warn = forms.CharField(label=_l("Warn at (per cent of the target)"), initial="75, 90")
    services = kit.picks(_l("Services"))
    categories = kit.picks(_l("Categories"))
    units = kit.picks(_l("Callers of the unit"))
    groups = kit.picks(_l("Groups"))
    channels = kit.picks(_l("Channels"), coerce=str)
    vip = forms.BooleanField(label=_l("Only callers who are VIP"), required=False)
    major = forms.BooleanField(label=_l("Only major incidents"), required=False)

    def __init__(self, *args: Any, viewer: Viewer, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for priority in PRIORITIES:
            for target in TARGETS:
                self.fields[f"{target}_{priority}"] = forms.IntegerField(
                    required=False, min_value=1, label=f"P{priority} {target}"
                )
                self.fields[f"{target}_{priority}_unit"] = forms.ChoiceField(
                    choices=UNITS, initial="minutes", label=f"P{priority} {target}: unit"
                )
        self.offer("calendar", kit.as_choices(catalog.calendars(viewer)), nothing=_("Always (24×7)"))
        self.offer("pauses", [*labels.hold_reasons()])
        self.offer("services", kit.as_choices(catalog.services(viewer)))
        self.offer("categories", kit.as_choices(catalog.categories(viewer)))
        self.offer("units", kit.as_choices(accounts.units(viewer)))
        self.offer("groups", kit.as_choices(accounts.groups(viewer)))
        self.offer("channels", [(c, labels.channel(c)) for c in CHANNELS])

    def grouped(self) -> list[tuple[str, str, list[forms.BoundField]]]:
        asked = ("services", "categories", "units", "groups", "channels")
        conditions = [name for name in asked if list(getattr(self.fields[name], "choices", ()))]
        parts: tuple[tuple[str, str, tuple[str, ...]], ...] = (
            (_("Agreement"), "", ("name", "kind", "active")),
            (_("Time"), "", ("calendar", "pauses", "warn")),
            (
                _("Only for"),
                _("all that is chosen must hold; nothing: for everything"),
                (*conditions, "vip", "major"),
            ),
        )
        return [(title, help, [self[name] for name in names]) for title, help, names in parts]

    def lines(self) -> list[tuple[int, list[forms.BoundField]]]:
        """The grid of targets: a line per priority."""
        return [
            (p, [self[f"{t}_{p}{suffix}"] for t in TARGETS for suffix in ("", "_unit")]) for p in PRIORITIES
        ]

    def clean_warn(self) -> list[int]:
        parts = [part.strip().rstrip("%") for part in self.cleaned_data["warn"].split(",") if part.strip()]
        if not all(part.isdecimal() and 0 < int(part) < 100 for part in parts):
            raise forms.ValidationError(_("Numbers between 1 and 99, separated by commas."))
        return sorted({int(part) for part in parts})

    def definition(self, kept: Agreement | None) -> Agreement:
        """What was entered; parts that this form doesn't show (next update, group targets) stay as they were."""
        data = self.cleaned_data
        promises: dict[str, Any] = {}
        for priority in PRIORITIES:
            before = kept.promise(priority) if kept else None
            promise: dict[str, Any] = {}
            for target in TARGETS:
                if (amount := data.get(f"{target}_{priority}")) is not None:
                    promise[target] = _duration(amount, data[f"{target}_{priority}_unit"])
            for other in ("next_update", "group"):
                if before is not None and getattr(before, other) is not None:
                    promise[other] = getattr(before, other)
            if promise:
                promises[str(priority)] = promise
        asked = {n: data[n] for n in ("services", "categories", "units", "groups", "channels") if data[n]}
        asked |= {name: True for name in ("vip", "major") if data[name]}
        if kept is not None:
            asked = {**_unshown(kept, data), **asked}
        return configure.document_from(
            {
                "promises": promises,
                "conditions": asked,
                "calendar": data["calendar"],
                "pauses": data["pauses"],
                "warn": data["warn"],
                "on_change": kept.on_change if kept else DEFAULT.on_change,
            }
        )


def _unshown(kept: Agreement, data: dict[str, Any]) -> dict[str, Any]:
    """Conditions that the form doesn't show: priorities, kinds, and "not VIP", "not major"."""
    conditions = kept.conditions
    found: dict[str, Any] = {
        n: list(getattr(conditions, n)) for n in ("priorities", "kinds") if getattr(conditions, n)
    }
    return found | {n: False for n in ("vip", "major") if getattr(conditions, n) is False and not data[n]}


def _duration(amount: int, unit: str) -> dict[str, int]:
    return {"days": amount} if unit == "days" else {"minutes": amount * (60 if unit == "hours" else 1)}


@require_GET
@staff("configuration.read")
def agreements(request: Request) -> HttpResponse:
    may = request.viewer.may("configuration.edit")
    rows = configured.agreements(request.viewer)
    table = Table(
        caption=_("Agreements in their order"),
        columns=[
            Column(label=_("Agreement")),
            Column(label=_("For")),
            Column(label="P1", wide=True),
            Column(label="P3", wide=True),
            Column(label=_("Order"), hush=True),
        ],
        rows=[_row(n, row, document, len(rows), may) for n, (row, document) in enumerate(rows)],
        empty=Empty(
            icon="clock",
            title=_("No agreement yet"),
            text=_("Without one there are no targets, and nothing is ever late."),
            href=reverse("console:agreement_new") if may else "",
            action=_("Add the first agreement"),
        ),
    )
    new = (reverse("console:agreement_new"), _("Add an agreement")) if may else None
    return kit.list_page(
        request,
        title=_("Agreements"),
        section="settings",
        table=table,
        tabs=tabs("agreements"),
        intro=_(
            "Tried from top to bottom; the first whose conditions hold gives the targets. Put special ones first."
        ),
        new=new,
    )


def _row(number: int, row: Any, document: Agreement, count: int, may: bool) -> list[Cell]:
    moves = [
        Button(
            label=label % {"name": row.name},
            icon=icon,
            action=reverse("console:agreement_move", args=[row.pk]),
            name="way",
            value=way,
        )
        for way, icon, label, shown in (
            ("up", "arrow-up", _("Try “%(name)s” earlier"), number > 0),
            ("down", "arrow-down", _("Try “%(name)s” later"), number < count - 1),
        )
        if shown and may
    ]
    asked = [name for name in document.conditions.__struct_fields__ if getattr(document.conditions, name)]
    return [
        Cell(
            text=f"{number + 1}. {row.name}",
            href=reverse("console:agreement", args=[row.pk]),
            tags=() if row.active else (_("off"),),
        ),
        Cell(text=", ".join(_(name) for name in asked) or _("everything")),
        Cell(text=_promise(document, 1)),
        Cell(text=_promise(document, 3)),
        Cell(buttons=tuple(moves)),
    ]


def _promise(document: Agreement, priority: int) -> str:
    promise = document.promise(priority)
    return " / ".join(_words(d) for d in (promise.response, promise.resolution))


def _words(duration: Any) -> str:
    if duration is None:
        return "–"
    if duration.days is not None:
        return _("%(n)s d") % {"n": duration.days}
    hours, minutes = divmod(duration.minutes, 60)
    return _("%(n)s h") % {"n": hours} if not minutes else _("%(n)s min") % {"n": duration.minutes}


@require_http_methods(["GET", "POST"])
@staff("configuration.read", write="configuration.edit")
def agreement(request: Request, agreement_id: int | None = None) -> HttpResponse:
    row, document = (
        configured.agreement(request.viewer, agreement_id) if agreement_id is not None else (None, None)
    )
    form = AgreementForm(
        kit.posted(request), viewer=request.viewer, initial=_initial(row, document or DEFAULT)
    )

    def save(data: dict[str, Any]) -> None:
        common = {
            "name": data["name"],
            "kind": data["kind"],
            "active": data["active"],
            "definition": form.definition(document),
            "actor": request.actor,
            "now": request.moment,
        }
        if row is None:
            configure.create_agreement(**common)
        else:
            configure.edit_agreement(row.pk, seen=data["seen"], **common)

    return kit.form_page(
        request,
        form,
        title=row.name if row else _("Add an agreement"),
        section="settings",
        back=reverse("console:agreements"),
        save=save,
        done=_("Saved. Running clocks follow the new targets."),
        may_edit=request.viewer.may("configuration.edit"),
        template="console/setup/agreement.html",
        more={"wide": True},
    )


def _initial(row: Any, document: Agreement) -> dict[str, Any]:
    found: dict[str, Any] = {
        "calendar": document.calendar,
        "pauses": list(document.pauses),
        "warn": ", ".join(str(share) for share in document.warn),
    }
    for priority in PRIORITIES:
        promise = document.promise(priority)
        for target in TARGETS:
            duration = getattr(promise, target)
            if duration is None:
                continue
            if duration.days is not None:
                amount, unit = duration.days, "days"
            elif duration.minutes % 60:
                amount, unit = duration.minutes, "minutes"
            else:
                amount, unit = duration.minutes // 60, "hours"
            found |= {f"{target}_{priority}": amount, f"{target}_{priority}_unit": unit}
    if row is not None:
        conditions = document.conditions
        found |= {
            n: list(getattr(conditions, n)) for n in ("services", "categories", "units", "groups", "channels")
        }
        found |= {"vip": bool(conditions.vip), "major": bool(conditions.major)}
        facts = configure.facts(row, row.in_force[0].definition)
        found |= {"name": row.name, "kind": row.kind, "active": row.active, "seen": kit.seen_of(facts)}
    return found


@require_POST
@staff("configuration.edit")
def agreement_move(request: Request, agreement_id: int) -> HttpResponse:
    def move() -> None:
        up = request.POST.get("way") == "up"
        configure.move_agreement(agreement_id, up=up, actor=request.actor, now=request.moment)

    return kit.do_and_return(request, move, _("The order is changed."), reverse("console:agreements"))


@require_http_methods(["GET", "POST"])
@staff("configuration.read", write="configuration.edit")
def matrix(request: Request) -> HttpResponse:
    """Impact × urgency → priority. A cell that breaks the order is marked."""
    now = matrix_in_force()
    wrong: dict[str, str] = {}
    status = 200
    may = request.viewer.may("configuration.edit")
    if request.method == "POST" and may:
        wanted = _entered(request, now)
        try:
            save_matrix(wanted, actor=request.actor, now=request.moment)
        except Invalid as error:
            wrong, status, now = {**error.fields, "": str(error)}, 422, wanted
        else:
            return kit.told(request, _("Saved. The next assessment uses it."), reverse("console:matrix"))
    lines = [
        (
            impact,
            [(f"cell-{i}-{u}", cell, wrong.get(f"cell-{i}-{u}", "")) for u, cell in enumerate(now.cells[i])],
        )
        for i, impact in enumerate(now.impacts)
    ]
    context = {
        "title": _("Priority matrix"),
        "tabs": tabs("matrix"),
        "matrix": now,
        "lines": lines,
        "error": wrong.get("", ""),
        "may_edit": may,
        "priorities": PRIORITIES,
    }
    return page(request, "console/setup/matrix.html", context, section="settings", status=status)


def _entered(request: Request, now: Matrix) -> Matrix:
    def cell(i: int, u: int) -> int:
        text = request.POST.get(f"cell-{i}-{u}", "")
        return int(text) if text.isdecimal() else 0

    rows = range(len(now.impacts))
    cells = tuple(tuple(cell(i, u) for u in range(len(now.urgencies))) for i in rows)
    return Matrix(now.impacts, now.urgencies, cells)
