"""What each verb with a form does: it takes the form apart and calls one action."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from firstline.console.verbs import forms
from firstline.console.verbs.forms import VerbForm
from firstline.core.actor import Actor
from firstline.incidents.actions import editing, majors, resolving, working
from firstline.incidents.models import Incident

Do = Callable[[Incident, VerbForm | None, Actor, datetime], object]


def cleaned(form: VerbForm | None) -> Mapping[str, Any]:
    assert form is not None
    return form.cleaned_data


def assign(incident: Incident, form: VerbForm | None, actor: Actor, now: datetime) -> object:
    data = cleaned(form)
    return working.assign(
        incident.pk,
        group_id=data["group"].pk if data["group"] else None,
        assignee_id=data["person"].pk if data["person"] else None,
        version=data["version"],
        actor=actor,
        now=now,
    )


def escalate(incident: Incident, form: VerbForm | None, actor: Actor, now: datetime) -> object:
    data = cleaned(form)
    return working.assign(
        incident.pk,
        group_id=data["group"].pk,
        reason=data["reason"],
        escalated=True,
        version=data["version"],
        actor=actor,
        now=now,
    )


def hold(incident: Incident, form: VerbForm | None, actor: Actor, now: datetime) -> object:
    data = cleaned(form)
    return working.hold(
        incident.pk,
        reason=data["hold_reason"],
        look_again_at=data["look_again_at"],
        comment=data["comment"],
        caller_wish=data["caller_wish"],
        version=data["version"],
        actor=actor,
        now=now,
    )


def resolve(incident: Incident, form: VerbForm | None, actor: Actor, now: datetime) -> object:
    data = cleaned(form)
    return resolving.resolve(
        incident.pk,
        code=data["resolution_code"],
        notes=data["resolution_notes"],
        cause=data["cause"],
        children=[int(child) for child in data.get("children", [])],
        version=data["version"],
        actor=actor,
        now=now,
    )


def diagnose(incident: Incident, form: VerbForm | None, actor: Actor, now: datetime) -> object:
    data = {name: value for name, value in cleaned(form).items() if name != "version"}
    return editing.diagnose(incident.pk, actor=actor, now=now, **data)


def edit(incident: Incident, form: VerbForm | None, actor: Actor, now: datetime) -> object:
    assert isinstance(form, forms.EditForm)
    return editing.edit(
        incident.pk, form.values(), version=form.cleaned_data["version"], actor=actor, now=now
    )


def security(incident: Incident, form: VerbForm | None, actor: Actor, now: datetime) -> object:
    data = {name: value for name, value in cleaned(form).items() if name != "version"}
    return editing.edit(incident.pk, data, version=cleaned(form)["version"], actor=actor, now=now)


def priority(incident: Incident, form: VerbForm | None, actor: Actor, now: datetime) -> object:
    data = cleaned(form)
    return editing.override_priority(
        incident.pk,
        data["priority"],
        reason=data["reason"],
        note=data["note"],
        version=data["version"],
        actor=actor,
        now=now,
    )


def publish(incident: Incident, form: VerbForm | None, actor: Actor, now: datetime) -> object:
    data = cleaned(form)
    return editing.publish(incident.pk, title=data["title"], status=data["status"], actor=actor, now=now)


def declare(incident: Incident, form: VerbForm | None, actor: Actor, now: datetime) -> object:
    data = cleaned(form)
    return majors.declare(
        incident.pk,
        commander_id=data["commander"].pk,
        every_minutes=data["every_minutes"],
        actor=actor,
        now=now,
    )
