"""How one is paged: ways to be reached, each proven by a code; rules by urgency; quiet hours; what was sent lately."""

from collections.abc import Callable, Sequence
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l
from django.views.decorators.http import require_GET, require_POST

from firstline.console.access import Request, staff
from firstline.console.shell import page
from firstline.core.errors import Conflict, Invalid, NotFound
from firstline.notifications import methods, queries
from firstline.notifications.models import ContactMethod

RULES = 6
URGENCIES = (("high", _l("P1 and P2")), ("low", _l("P3 to P5")))
CHANNELS = [
    ("sms", _l("text message")),
    ("voice", _l("call")),
    ("email", _l("mail")),
    ("webhook", _l("webhook")),
    ("apprise", _l("chat or push, by an Apprise address")),
]


class MethodForm(forms.Form):
    channel = forms.ChoiceField(label=_l("Way"), choices=CHANNELS)
    address = forms.CharField(label=_l("Number or address"), max_length=500)


class RuleForm(forms.Form):
    """One line: through what, how many minutes after the page. An empty way leaves it out."""

    method = forms.TypedChoiceField(label=_l("Way"), coerce=int, empty_value=None, required=False)
    minutes = forms.IntegerField(
        label=_l("Minutes after the page"), min_value=0, max_value=1440, required=False
    )

    def __init__(self, *args: Any, ways: Sequence[tuple[Any, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["method"].choices = [("", "–"), *ways]  # type: ignore[attr-defined]


class QuietForm(forms.Form):
    start = forms.TimeField(label=_l("From"), required=False, widget=forms.TimeInput(attrs={"type": "time"}))
    end = forms.TimeField(label=_l("Until"), required=False, widget=forms.TimeInput(attrs={"type": "time"}))


@require_GET
@staff()
def reach(request: Request) -> HttpResponse:
    return _shown(request)


def _shown(request: Request, *, added: MethodForm | None = None, status: int = 200) -> HttpResponse:
    person = request.person
    rows = list(queries.methods_of(request.viewer, person.pk))
    known = queries.reachability([person.pk]).get(person.pk)
    preferences = known.preferences if known else ()
    context = {
        "methods": rows,
        "names": dict(CHANNELS),
        "ways": known.ways if known else (),
        "form": added or MethodForm(),
        "urgencies": [(key, label, _rule_forms(rows, preferences, key)) for key, label in URGENCIES],
        "quiet": QuietForm(
            initial=dict(zip(("start", "end"), known.quiet, strict=True)) if known and known.quiet else {}
        ),
        "deliveries": queries.my_deliveries(request.viewer),
    }
    return page(request, "console/me/reach.html", context, section="me", status=status)


def _rule_forms(
    rows: Sequence[ContactMethod], preferences: Sequence[queries.Preference], urgency: str
) -> list[RuleForm]:
    ways = _ways(rows)
    kept = [p for p in preferences if p.urgency == urgency]
    return [
        RuleForm(
            prefix=f"{urgency}{n}",
            ways=ways,
            initial={"method": kept[n].way.method_id, "minutes": kept[n].minutes} if n < len(kept) else {},
        )
        for n in range(min(RULES, len(kept) + 2))
    ]


def _ways(rows: Sequence[ContactMethod]) -> list[tuple[int, str]]:
    named = dict(CHANNELS)
    return [
        (row.pk, f"{named.get(row.channel, row.channel)} {row.address}") for row in rows if row.verified_at
    ]


@require_POST
@staff()
def method(request: Request, method_id: int) -> HttpResponse:
    """Prove a way with its code, ask for another code, or drop it. 0 adds one."""
    do = request.POST.get("do", "")
    if method_id == 0:
        return _add(request)
    steps: dict[str, tuple[Callable[[], object], str]] = {
        "verify": (
            lambda: methods.verify(
                method_id, request.POST.get("code", ""), actor=request.actor, now=request.moment
            ),
            _("Proven: pages can reach you this way."),
        ),
        "again": (lambda: _again(request, method_id), _("A new code is on its way.")),
        "remove": (lambda: methods.remove(method_id, actor=request.actor, now=request.moment), _("Removed.")),
    }
    if do not in steps:
        raise NotFound(_("There is no such button."))
    act, done = steps[do]
    return _done(request, act, done)


def _add(request: Request) -> HttpResponse:
    form = MethodForm(request.POST)
    if form.is_valid():
        try:
            methods.add(request.person.pk, actor=request.actor, now=request.moment, **form.cleaned_data)
        except Invalid as error:
            form.add_error("address", str(error))
        else:
            messages.success(request, _("A code is on its way there. Enter it to prove that it reaches you."))
            return redirect("console:reach")
    return _shown(request, added=form, status=422)


def _again(request: Request, method_id: int) -> None:
    row = queries.methods_of(request.viewer, request.person.pk).filter(id=method_id).first()
    if row is None:
        raise NotFound(_("There is no such way to reach you."))
    methods.send_code(row, now=request.moment)


@require_POST
@staff()
def rules(request: Request) -> HttpResponse:
    """Replace the rules of one urgency."""
    urgency = request.POST.get("urgency", "")
    ways = _ways(list(queries.methods_of(request.viewer, request.person.pk)))
    forms_ = [RuleForm(request.POST, prefix=f"{urgency}{n}", ways=ways) for n in range(RULES)]

    def keep() -> None:
        if not all(form.is_valid() for form in forms_):
            raise Invalid(_("Minutes are whole numbers from 0 to 1440."))
        wanted = [
            (f.cleaned_data["method"], f.cleaned_data["minutes"] or 0)
            for f in forms_
            if f.cleaned_data["method"]
        ]
        methods.set_rules(
            request.person.pk,
            urgency,
            sorted(wanted, key=lambda rule: rule[1]),
            actor=request.actor,
            now=request.moment,
        )

    return _done(request, keep, _("Kept."))


@require_POST
@staff()
def quiet(request: Request) -> HttpResponse:
    """Hours in which low urgency waits; both empty: none."""
    form = QuietForm(request.POST)

    def keep() -> None:
        if not form.is_valid():
            raise Invalid(_("Times are such as 22:00."))
        start, end = form.cleaned_data["start"], form.cleaned_data["end"]
        if (start is None) != (end is None) or (start is not None and start == end):
            raise Invalid(_("Quiet hours begin at one time and end at another; leave both empty for none."))
        hours = (f"{start:%H:%M}", f"{end:%H:%M}") if start is not None and end is not None else None
        methods.set_quiet_hours(request.person.pk, hours, actor=request.actor, now=request.moment)

    return _done(request, keep, _("Kept."))


def _done(request: Request, act: Callable[[], object], said: str) -> HttpResponse:
    try:
        act()
    except (Invalid, Conflict) as error:
        messages.error(request, str(error))
    else:
        messages.success(request, said)
    return redirect("console:reach")
