"""The living styleguide: every component in every state, on one page."""

from datetime import datetime, timedelta

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from firstline.console.components import Chip, Clock, ClockState, Face, Page, Tab
from firstline.console.shell import page
from firstline.core import clock


class SampleForm(forms.Form):
    title = forms.CharField(label=_("Title"), help_text=_("What is wrong, in one line."))
    group = forms.ChoiceField(label=_("Group"), choices=[("1", "First line"), ("2", "Network")])
    reach = forms.ChoiceField(
        label=_("Who is affected?"),
        choices=[
            ("one", _("Only me")),
            ("several", _("My team")),
            ("site", _("My site")),
            ("all", _("Everyone")),
        ],
        widget=forms.RadioSelect,
        initial="several",
    )
    notes = forms.CharField(label=_("Notes"), widget=forms.Textarea(attrs={"rows": 3}), required=False)
    tell = forms.BooleanField(label=_("Tell the caller"), required=False, initial=True)


def _clocks(now: datetime) -> list[tuple[str, Clock]]:
    def running(minutes: int, of: int) -> Clock:
        due = now + timedelta(minutes=minutes)
        start = due - timedelta(minutes=of)
        return Clock(
            state=ClockState.RUNNING,
            from_at=start,
            due_at=due,
            risk_at=start + timedelta(minutes=of * 0.75),
            label="Resolution",
        )

    return [
        ("in time", running(130, 240)),
        ("at risk", running(18, 120)),
        ("late", running(-12, 60)),
        ("paused", Clock(state=ClockState.PAUSED, length=timedelta(hours=3), used=0.3)),
        ("met", Clock(state=ClockState.MET, length=timedelta(minutes=16), used=0.53)),
        ("missed", Clock(state=ClockState.MISSED, length=timedelta(minutes=25), used=1)),
        ("none", Clock()),
    ]


@login_required
def styleguide(request: HttpRequest) -> HttpResponse:
    """Shown to anybody who is signed in; it contains nothing but samples."""
    now = clock.now()
    bound = SampleForm({"title": "", "reach": "site", "notes": "Typed and kept"})
    bound.add_error(None, "Somebody else changed the group meanwhile.")
    return page(
        request,
        "console/styleguide.html",
        {
            "now": now,
            "priorities": [1, 2, 3, 4, 5, None],
            "states": ["new", "assigned", "in_progress", "resolved", "closed", "cancelled"],
            "alert_states": [
                "firing",
                "acknowledged",
                "suppressed",
                "expired",
                "failed",
                "degraded",
                "healthy",
                "unknown",
            ],
            "clocks": _clocks(now),
            "faces": [
                Face(name="Olena Kovalenko", id=3),
                Face(name="Andrii Melnyk", id=4),
                Face(name="Network", kind="group"),
                Face(name="Alertmanager", kind="machine"),
            ],
            "hues": [Face(name=f"{chr(65 + n)} {chr(75 + n)}", id=n) for n in range(12)],
            "tabs": [
                Tab(label="First line", href="#", current=True, count=38),
                Tab(label="Mine", href="#", count=7),
                Tab(label="Unassigned", href="#", count=4, hot=True),
                Tab(label="All open", href="#", count=1412),
            ],
            "chips": [Chip(label="is:open", without="#"), Chip(label="group:first-line", without="#")],
            "form": SampleForm(),
            "wrong": bound,
            "pages": Page(newer="#", older="#", shown=50, total=1412),
            "soon": now + timedelta(hours=3),
            "past": now - timedelta(minutes=6),
        },
        section="styleguide",
    )
