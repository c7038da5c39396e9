"""Splitting alerts out of an incident: the form, and when it is offered."""

from datetime import datetime

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from firstline.console.verbs.forms import NumberField, VerbForm
from firstline.core.actor import Actor
from firstline.incidents.models import Incident
from firstline.intake import moving
from firstline.intake import queries as intake

SHOWN = 200


class SplitForm(VerbForm):
    """`alerts` that go; `to` an open incident, or empty for a new one."""

    alerts = forms.MultipleChoiceField(
        label=_l("These don't belong here"),
        widget=forms.CheckboxSelectMultiple,
        help_text=_l("At least one stays. They never join this incident again by themselves."),
    )
    to = NumberField(
        label=_l("They go to"),
        required=False,
        help_text=_l("A number; empty: a new incident is opened for them."),
    )

    def prepare(self) -> None:
        edges = intake.edges(self.viewer, self.incident.pk, limit=SHOWN)
        named = {edge.span.alert_id: _("%(title)s – %(source)s") % {
            "title": edge.span.title[:100], "source": edge.span.source.name,
        } for edge in edges}  # fmt: skip
        self.fields["alerts"].choices = [(str(alert), label) for alert, label in named.items()]  # type: ignore[attr-defined]


def may_split(incident: Incident) -> bool:
    """A machine opened it, so it has alerts."""
    return incident.source_id is not None


def may_undo(incident: Incident) -> bool:
    return incident.source_id is not None and moving.last_move(incident.pk) is not None


def split(incident: Incident, form: VerbForm | None, actor: Actor, now: datetime) -> object:
    assert form is not None
    data = form.cleaned_data
    return moving.split(
        incident.pk,
        [int(alert) for alert in data["alerts"]],
        to_id=data["to"],
        version=data["version"],
        actor=actor,
        now=now,
    )


def undo(incident: Incident, form: VerbForm | None, actor: Actor, now: datetime) -> object:
    return moving.undo_split(incident.pk, actor=actor, now=now)
