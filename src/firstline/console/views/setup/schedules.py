"""On call: who is on now, the final schedule of four weeks, overrides, and the layers behind it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from firstline.accounts import queries as accounts
from firstline.catalog.calendar import DAY_NAMES
from firstline.console.access import Request, staff
from firstline.console.components import Face, Tab
from firstline.console.shell import page
from firstline.console.views.setup import kit
from firstline.console.views.setup.kit import SetupForm
from firstline.console.views.setup.people import zones
from firstline.core.errors import Invalid
from firstline.oncall import changing, configure, duty_queries, queries
from firstline.oncall.models import Schedule
from firstline.oncall.rotation import Rotation, Unit, Window
from firstline.oncall.schedule import Layer, OnDuty, gaps
from firstline.oncall.schedule import Schedule as Document

WEEKS = 4
SLOTS = 4


def tabs(current: str) -> list[Tab]:
    return kit.area(
        current,
        [
            ("oncall", _("On call")),
            ("oncall_load", _("Load")),
            ("policies", _("Policies")),
            ("paging", _("What pages")),
        ],
    )


@dataclass(frozen=True, slots=True)
class Part:
    """Somebody's part of one day: the local times are empty for the whole day."""

    face: Face
    start: str
    end: str
    laid_over: bool


@dataclass(frozen=True, slots=True)
class Day:
    day: date
    today: bool
    past: bool
    parts: list[Part]
    gap: bool


@require_GET
@staff("oncall.read")
def oncall(request: Request) -> HttpResponse:
    """Every schedule with who is on now and until when."""
    found = queries.on_call_now(request.viewer, request.moment)
    people = _people(request, [duty.person for _schedule, duties in found for duty in duties])
    rows = [(row, [(people.get(duty.person), duty) for duty in duties]) for row, duties in found]
    context = {
        "title": _("On call"),
        "tabs": tabs("oncall"),
        "rows": rows,
        "may_edit": request.viewer.may("oncall.edit"),
    }
    return page(request, "console/setup/oncall.html", context, section="oncall")


def _people(request: Request, ids: Sequence[int]) -> dict[int, Face]:
    rows = accounts.people(request.viewer).filter(id__in=set(ids)) if ids else []
    return {row.pk: Face(name=row.name, id=row.pk) for row in rows}


@require_GET
@staff("oncall.read")
def schedule(request: Request, schedule_id: int) -> HttpResponse:
    """The final schedule, four weeks at a time, and what is laid over it."""
    return _shown(request, schedule_id)


def _shown(
    request: Request, schedule_id: int, *, override: "OverrideForm | None" = None, status: int = 200
) -> HttpResponse:
    row = queries.schedule(request.viewer, schedule_id)
    zone = ZoneInfo(row.zone)
    first = _monday(request, zone)
    start, end = _midnight(first, zone), _midnight(first + timedelta(weeks=WEEKS), zone)
    duties = queries.who(request.viewer, row.pk, start, end)
    people = _people(request, [duty.person for duty in duties])
    today = request.moment.astimezone(zone).date()
    holes = gaps(duties, max(start, request.moment), end)
    days = [_day(first + timedelta(days=n), duties, holes, people, zone, today) for n in range(7 * WEEKS)]
    form = override or OverrideForm()
    form.offer_people(request)
    context = {
        "title": row.name,
        "schedule": row,
        "tabs": tabs("oncall"),
        "weeks": [days[at : at + 7] for at in range(0, len(days), 7)],
        "earlier": (first - timedelta(weeks=WEEKS)).isoformat(),
        "later": (first + timedelta(weeks=WEEKS)).isoformat(),
        "now": [(people.get(d.person), d) for d in duties if d.start <= request.moment < d.end],
        "holes": [(max(a, request.moment), b) for a, b in holes if b > request.moment][:5],
        "overrides": queries.overrides(request.viewer, row.pk, request.moment),
        "override_form": form,
        "may_override": request.viewer.may("oncall.override"),
        "offers": duty_queries.offers(request.viewer, row.pk, request.moment),
        "mine": [d for d in duties if d.person == request.person.pk and d.end > request.moment][:1],
        "may_edit": _may_edit(request, row),
    }
    return page(request, "console/setup/schedule.html", context, section="oncall", status=status)


def _may_edit(request: Request, row: Schedule | None) -> bool:
    viewer = request.viewer
    return viewer.may("configuration.edit") or (
        viewer.may("oncall.edit") and (row is None or row.group_id is None or row.group_id in viewer.leads)
    )


def _monday(request: Request, zone: ZoneInfo) -> date:
    try:
        day = date.fromisoformat(request.GET.get("from", ""))
    except ValueError:
        day = request.moment.astimezone(zone).date()
    return day - timedelta(days=day.weekday())


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone)


def _day(
    day: date,
    duties: Sequence[OnDuty],
    holes: Sequence[tuple[datetime, datetime]],
    people: dict[int, Face],
    zone: ZoneInfo,
    today: date,
) -> Day:
    start, end = _midnight(day, zone), _midnight(day + timedelta(days=1), zone)
    parts = [
        Part(
            people.get(duty.person, Face(name=f"#{duty.person}", id=duty.person)),
            "" if duty.start <= start else f"{duty.start.astimezone(zone):%H:%M}",
            "" if duty.end >= end else f"{duty.end.astimezone(zone):%H:%M}",
            duty.because.kind != "layer",
        )
        for duty in duties
        if duty.start < end and duty.end > start
    ]
    return Day(day, day == today, day < today, parts, any(a < end and b > start for a, b in holes))


class OverrideForm(SetupForm):
    kind = forms.ChoiceField(
        label=_l("What"),
        choices=[
            ("replace", _l("somebody stands in")),
            ("add", _l("somebody joins")),
            ("remove", _l("somebody is off")),
        ],
    )
    person = kit.pick(_l("Instead of, or who is off"), _l("Empty for standing in: instead of everybody."))
    by = kit.pick(_l("Who stands in or joins"))
    start = forms.DateTimeField(label=_l("From"), widget=kit.moment_input())
    end = forms.DateTimeField(label=_l("Until"), widget=kit.moment_input())

    def offer_people(self, request: Request) -> None:
        people = kit.as_choices(accounts.staff(request.viewer))
        self.offer("person", people, nothing=_("Everybody"))
        self.offer("by", people, nothing=_("Nobody"))


@require_POST
@staff("oncall.override")
def override_new(request: Request, schedule_id: int) -> HttpResponse:
    form = OverrideForm(request.POST)
    form.offer_people(request)

    def save(data: dict[str, Any]) -> None:
        changing.add_override(
            schedule_id,
            kind=data["kind"],
            person_id=data["person"],
            by_id=data["by"],
            start=data["start"],
            end=data["end"],
            actor=request.actor,
            now=request.moment,
        )

    status = kit.attempt(form, save)
    if status == 200:
        return kit.told(
            request, _("In force. The grid shows it."), reverse("console:schedule", args=[schedule_id])
        )
    return _shown(request, schedule_id, override=form, status=status)


@require_POST
@staff("oncall.override")
def override_cancel(request: Request, schedule_id: int, override_id: int) -> HttpResponse:
    return kit.do_and_return(
        request,
        lambda: changing.cancel_override(override_id, actor=request.actor, now=request.moment),
        _("Taken back; the layers decide again."),
        reverse("console:schedule", args=[schedule_id]),
    )


class ScheduleForm(SetupForm):
    name = forms.CharField(label=_l("Name"), max_length=80)
    group_id = kit.pick(_l("Support group"), _l("A page to the group goes to who is on call here."))
    zone = forms.ChoiceField(label=_l("Time zone"), help_text=_l("Handoffs are at its local time."))


class LayerForm(forms.Form):
    """One layer: a rotation, and the hours in which it counts. An empty name leaves it out."""

    name = forms.CharField(label=_l("Layer"), max_length=60, required=False)
    every = forms.IntegerField(
        label=_l("Each turn lasts"), min_value=1, max_value=400, initial=1, required=False
    )
    unit = forms.ChoiceField(
        label=_l("Unit"),
        choices=[("week", _l("weeks")), ("day", _l("days")), ("month", _l("months")), ("hour", _l("hours"))],
        required=False,
    )
    start = forms.DateTimeField(label=_l("First handoff"), required=False, widget=kit.moment_input())
    days = forms.MultipleChoiceField(
        label=_l("Only on"),
        choices=[(d, d.capitalize()) for d in DAY_NAMES],
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    opens = forms.CharField(label=_l("from"), max_length=5, required=False, help_text=_l("such as 09:00"))
    closes = forms.CharField(label=_l("until"), max_length=5, required=False, help_text=_l("such as 17:00"))

    def __init__(
        self,
        *args: Any,
        people: Sequence[tuple[Any, str]] = (),
        kept: Layer | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.kept = kept
        rotation = kept.rotation if kept else None
        slots = max(SLOTS, len(rotation.participants) + 2) if rotation else SLOTS
        known = {value for value, _name in people}
        gone = [p for p in rotation.participants if p not in known] if rotation else []
        people = [*people, *((p, _("%(id)s (no longer there)") % {"id": p}) for p in gone)]
        self.turns = []
        for n in range(slots):
            name = f"turn_{n}"
            self.fields[name] = kit.pick(_("Turn %(n)s") % {"n": n + 1})
            self.fields[name].choices = [("", "–"), *people]  # type: ignore[attr-defined]
            self.turns.append(name)

    def turn_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in self.turns]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        takes_turns = any(data.get(name) for name in self.turns)
        if data.get("name") and not takes_turns and not (self.kept and self.kept.shifts):
            self.add_error(self.turns[0], _("Choose at least one person."))
        if data.get("name") and takes_turns and not data.get("start"):
            self.add_error("start", _("Say when the first turn begins."))
        return data

    def layer(self) -> Layer:
        """What was entered; what this form doesn't show (fixed shifts, further windows) stays as it was."""
        data, kept = self.cleaned_data, self.kept
        windows: tuple[Window, ...] = kept.windows[1:] if kept else ()
        if data["days"] or data["opens"] or data["closes"]:
            first = Window(
                start=data["opens"] or "00:00", end=data["closes"] or "24:00", days=tuple(data["days"])
            )
            windows = (first, *windows)
        shifts = kept.shifts if kept else ()
        return Layer(name=data["name"], rotation=self._rotation(), shifts=shifts, windows=windows)

    def _rotation(self) -> Rotation | None:
        data = self.cleaned_data
        participants = tuple(data[name] for name in self.turns if data.get(name))
        if not participants:
            return None
        before = self.kept.rotation if self.kept else None
        unit: Unit = data["unit"] or "week"
        return Rotation(
            every=data["every"] or 1,
            unit=unit,
            start=timezone.make_naive(data["start"], timezone.get_current_timezone()),
            participants=participants,
            days=before.days if before and unit == "day" else (),
            offset=before.offset if before else 0,
        )


@require_http_methods(["GET", "POST"])
@staff("oncall.edit")
def schedule_form(request: Request, schedule_id: int | None = None) -> HttpResponse:
    row = queries.schedule(request.viewer, schedule_id) if schedule_id is not None else None
    document = queries.schedule_in_force(request.viewer, row.pk)[1] if row else None
    zone = ZoneInfo(row.zone) if row else timezone.get_current_timezone()
    form = ScheduleForm(kit.posted(request), initial=_initial(request, row, document))
    form.offer("zone", zones())
    form.offer("group_id", kit.as_choices(accounts.groups(request.viewer)), nothing=_("None"))
    layers = _layer_forms(request, document)

    def save(data: dict[str, Any]) -> None:
        if not all(shown.is_valid() for shown in layers):
            raise kit.row_errors()
        definition = _definition(data["zone"], layers)
        common: dict[str, Any] = {
            "name": data["name"],
            "group_id": data["group_id"],
            "definition": definition,
            "actor": request.actor,
            "now": request.moment,
        }
        if row is None:
            configure.create_schedule(**common)
        else:
            configure.edit_schedule(row.pk, seen=data["seen"], **common)

    with timezone.override(zone):
        return kit.form_page(
            request,
            form,
            title=row.name if row else _("Add a schedule"),
            section="oncall",
            back=reverse("console:schedule", args=[row.pk]) if row else reverse("console:oncall"),
            save=save,
            done=_("Saved. Whoever is on now stays on."),
            may_edit=_may_edit(request, row),
            template="console/setup/schedule_edit.html",
            more={"layers": layers, "wide": True},
        )


def _layer_forms(request: Request, document: Document | None) -> list[LayerForm]:
    """The layers there are and one empty one, the highest first: it is what wins."""
    people = kit.as_choices(accounts.staff(request.viewer))
    known = list(reversed(document.layers)) if document else []
    found = []
    for n, layer in enumerate([None, *known]):
        number = n if layer is not None else len(known) + 1
        initial = (
            _layer_initial(layer) if layer else {"start": f"{request.moment:%Y-%m-%d}T09:00", "unit": "week"}
        )
        found.append(
            LayerForm(
                kit.posted(request), prefix=f"layer{number}", people=people, kept=layer, initial=initial
            )
        )
    return found


def _layer_initial(layer: Layer) -> dict[str, Any]:
    rotation = layer.rotation
    found: dict[str, Any] = {"name": layer.name}
    if rotation is not None:
        found |= {"every": rotation.every, "unit": rotation.unit, "start": rotation.start}
        found |= {f"turn_{n}": person for n, person in enumerate(rotation.participants)}
    if layer.windows:
        window = layer.windows[0]
        found |= {"days": list(window.days), "opens": window.start, "closes": window.end}
    return found


def _definition(zone: str, layers: Sequence[LayerForm]) -> Document:
    """The document of the layers that have a name, in the zone that was entered."""
    try:
        entered = [shown.layer() for shown in layers if shown.cleaned_data["name"]]
        return Document(zone=zone, layers=tuple(reversed(entered)))
    except ValueError as error:
        raise Invalid(f"{error}.") from error


def _initial(request: Request, row: Schedule | None, document: Document | None) -> dict[str, Any]:
    if row is None:
        return {"zone": request.person.zone}
    version, _document = queries.schedule_in_force(request.viewer, row.pk)
    facts = {"name": row.name, "group_id": row.group_id, "definition": version.definition}
    return {"name": row.name, "group_id": row.group_id, "zone": row.zone, "seen": kit.seen_of(facts)}
