"""Escalation policies, and which of them pages for what."""

from typing import Any

import msgspec
from django import forms
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from firstline.accounts import queries as accounts
from firstline.catalog import queries as catalog
from firstline.console.access import Request, staff
from firstline.console.shell import page
from firstline.console.views.setup import kit
from firstline.console.views.setup.kit import Cell, Column, Empty, SetupForm, Table
from firstline.console.views.setup.schedules import tabs
from firstline.core.errors import Invalid, NotFound
from firstline.oncall import configure, queries
from firstline.oncall.policy import DEFAULT, Policy, Step, Target

TARGETS = 3
BLANK = 1


class PolicyForm(SetupForm):
    name = forms.CharField(label=_l("Name"), max_length=80)
    owner_id = kit.pick(_l("Owner"), _l("Hears when a step reaches nobody."))
    repeat = forms.IntegerField(
        label=_l("Starts over"),
        min_value=0,
        max_value=100,
        initial=1,
        help_text=_l("How often, when nobody answers."),
    )
    ack_timeout = forms.IntegerField(
        label=_l("An acknowledgement counts for (minutes)"),
        min_value=1,
        required=False,
        help_text=_l("Without work after it, paging goes on. Empty: for ever."),
    )


class StepForm(forms.Form):
    """One step. Without a target it is left out."""

    delay = forms.IntegerField(label=_l("Then wait (minutes)"), min_value=1, initial=15, required=False)
    must_acknowledge = forms.ChoiceField(
        label=_l("Answered when"),
        choices=[("any", _l("one answers")), ("all", _l("all answer"))],
        required=False,
    )
    priorities = forms.CharField(
        label=_l("Only for"), required=False, max_length=20, help_text=_l("such as P1, P2; empty: for all")
    )

    def __init__(self, *args: Any, choices: Any = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for n in range(TARGETS):
            self.fields[f"target_{n}"] = forms.ChoiceField(
                label=_("Target %(n)s") % {"n": n + 1}, choices=choices, required=False
            )
        self.fields["webhook"] = forms.URLField(
            label=_("Or a webhook"), required=False, assume_scheme="https"
        )

    def target_fields(self) -> list[forms.BoundField]:
        return [*(self[f"target_{n}"] for n in range(TARGETS)), self["webhook"]]

    def clean_priorities(self) -> tuple[int, ...]:
        parts = [
            part.strip().lower().removeprefix("p") for part in self.cleaned_data["priorities"].split(",")
        ]
        wanted = [part for part in parts if part]
        if not all(part in "12345" and len(part) == 1 for part in wanted):
            raise forms.ValidationError(_("Write priorities such as P1, P2."))
        return tuple(sorted({int(part) for part in wanted}))

    def targets(self, kept: Step | None = None) -> tuple[Target, ...]:
        """Those chosen, and those of the step that this form has no room for."""
        found = []
        for n in range(TARGETS):
            kind, _colon, id = self.cleaned_data.get(f"target_{n}", "").partition(":")
            if kind:
                found.append(msgspec.convert({"kind": kind, "id": int(id) if id else None}, Target))
        if self.cleaned_data.get("webhook"):
            found.append(Target("webhook", address=self.cleaned_data["webhook"]))
        if found and kept is not None:
            people, sinks = _apart(kept)
            found += [*people[TARGETS:], *sinks[1:], *(t for t in kept.targets if t.kind == "channel")]
        return tuple(found)

    def step(self, kept: Step | None) -> Step:
        """What was entered; its hours and turns stay as they were."""
        data = self.cleaned_data
        return Step(
            targets=self.targets(kept),
            delay=data["delay"] or 15,
            priorities=data["priorities"],
            hours=kept.hours if kept else None,
            round_robin=kept.round_robin if kept else False,
            must_acknowledge=data["must_acknowledge"] or "any",
        )


@require_GET
@staff("oncall.read")
def policies(request: Request) -> HttpResponse:
    may = request.viewer.may("oncall.edit")
    rows, pages = kit.pages_of(request, queries.policies(request.viewer).prefetch_related("versions"))
    documents = [queries.document_of(row) for row in rows]
    table = Table(
        caption=_("Escalation policies"),
        columns=[
            Column(label=_("Policy")),
            Column(label=_("Steps"), num=True),
            Column(label=_("Starts over"), num=True, wide=True),
            Column(label=_("Owner"), wide=True),
        ],
        rows=[
            [
                Cell(text=row.name, href=reverse("console:policy", args=[row.pk])),
                Cell(text=str(len(document.steps))),
                Cell(text=str(document.repeat)),
                Cell(text=row.owner.name if row.owner else "–"),
            ]
            for row, document in zip(rows, documents, strict=True)
        ],
        empty=Empty(
            icon="siren",
            title=_("No policy yet"),
            text=_(
                "Until there is one, pages go to the group's on-call people, after 15 minutes to its leads, twice."
            ),
            href=reverse("console:policy_new") if may else "",
            action=_("Write the first policy"),
        ),
        page=pages,
    )
    new = (reverse("console:policy_new"), _("Write a policy")) if may else None
    return kit.list_page(
        request, title=_("Policies"), section="policies", table=table, tabs=tabs("policies"), new=new
    )


@require_http_methods(["GET", "POST"])
@staff("oncall.read", write="oncall.edit")
def policy(request: Request, policy_id: int | None = None) -> HttpResponse:
    version, document = (
        queries.policy_in_force(request.viewer, policy_id) if policy_id is not None else (None, DEFAULT)
    )
    row = version.policy if version else None
    form = PolicyForm(kit.posted(request), initial=_initial(row, version, document))
    form.offer("owner_id", kit.as_choices(accounts.staff(request.viewer)), nothing=_("Nobody"))
    steps = _step_forms(request, document)

    def save(data: dict[str, Any]) -> None:
        if not all(shown.is_valid() for shown in steps):
            raise kit.row_errors()
        before = list(document.steps) if row else []
        kept = [before[n] if n < len(before) else None for n in range(len(steps))]
        made = [shown.step(old) for shown, old in zip(steps, kept, strict=True) if shown.targets()]
        if not made:
            raise Invalid(_("A policy needs a step with a target."))
        definition = configure.policy_from(
            {
                "steps": [msgspec.to_builtins(step) for step in made],
                "repeat": data["repeat"],
                "ack_timeout": data["ack_timeout"],
            }
        )
        common: dict[str, Any] = {
            "name": data["name"],
            "owner_id": data["owner_id"],
            "definition": definition,
            "actor": request.actor,
            "now": request.moment,
        }
        if row is None:
            configure.create_policy(**common)
        else:
            configure.edit_policy(row.pk, seen=data["seen"], **common)

    return kit.form_page(
        request,
        form,
        title=row.name if row else _("Write a policy"),
        section="policies",
        back=reverse("console:policies"),
        save=save,
        done=_("Saved. What is under way keeps the policy that it started with."),
        may_edit=request.viewer.may("oncall.edit"),
        template="console/setup/policy.html",
        more={"steps": steps, "wide": True},
    )


def _initial(row: Any, version: Any, document: Policy) -> dict[str, Any]:
    found: dict[str, Any] = {"repeat": document.repeat, "ack_timeout": document.ack_timeout}
    if row is not None:
        facts = {"name": row.name, "owner_id": row.owner_id, "definition": version.definition}
        found |= {"name": row.name, "owner_id": row.owner_id, "seen": kit.seen_of(facts)}
    return found


def _step_forms(request: Request, document: Policy) -> list[StepForm]:
    """The steps there are, and an empty one; `steps` in the address asks for more of them."""
    choices = _target_choices(request, document)
    asked = request.POST.get("steps", "") or request.GET.get("steps", "")
    count = min(int(asked), 20) if asked.isdigit() else len(document.steps) + BLANK
    found = []
    for n in range(max(count, len(document.steps), 1)):
        initial = _step_initial(document.steps[n]) if n < len(document.steps) else {}
        found.append(StepForm(kit.posted(request), prefix=f"step{n}", choices=choices, initial=initial))
    return found


def _target_choices(request: Request, document: Policy) -> list[tuple[str, Any]]:
    """Whom a step can page. What the policy already names is always there, even if it is gone otherwise."""
    groups = list(accounts.groups(request.viewer))
    choices: list[tuple[str, list[tuple[str, str]]]] = [
        (
            _("Of the incident"),
            [("group:", _("Its group's on-call people")), ("lead:", _("Its group's leads"))],
        ),
        (_("Schedules"), [(f"schedule:{s.pk}", s.name) for s in queries.schedules(request.viewer)]),
        (_("Groups"), [(f"group:{g.pk}", g.name) for g in groups]),
        (_("Leads of"), [(f"lead:{g.pk}", _("Leads of %(group)s") % {"group": g.name}) for g in groups]),
        (_("People"), [(f"person:{p.pk}", p.name) for p in accounts.staff(request.viewer)]),
    ]
    known = {value for _label, pairs in choices for value, _name in pairs}
    named = {_value(target) for step in document.steps for target in _apart(step)[0]}
    if gone := sorted(named - known):
        choices.append((_("No longer there"), [(value, value.replace(":", " ")) for value in gone]))
    return [("", "–"), *choices]


def _value(target: Target) -> str:
    return f"{target.kind}:{target.id or ''}"


def _apart(step: Step) -> tuple[list[Target], list[Target]]:
    """The targets of a step that are people in some way, and its webhooks."""
    people = [target for target in step.targets if target.kind not in ("webhook", "channel")]
    return people, [target for target in step.targets if target.kind == "webhook"]


def _step_initial(step: Step) -> dict[str, Any]:
    found: dict[str, Any] = {
        "delay": step.delay,
        "must_acknowledge": step.must_acknowledge,
        "priorities": ", ".join(f"P{p}" for p in step.priorities),
    }
    people, sinks = _apart(step)
    for n, target in enumerate(people[:TARGETS]):
        found[f"target_{n}"] = _value(target)
    return {**found, "webhook": sinks[0].address if sinks else ""}


class AssignmentForm(SetupForm):
    service_id = kit.pick(_l("Service"))
    priority = kit.pick(_l("Priority"))
    policy_id = kit.pick(_l("Policy"), _l("Nobody is paged: it waits in the queue."))
    hours = forms.ChoiceField(
        label=_l("Pages"), choices=[("any", _l("at any hour")), ("group", _l("in the group's hours"))]
    )


@require_http_methods(["GET", "POST"])
@staff("oncall.read", write="oncall.edit")
def paging(request: Request) -> HttpResponse:
    """Which policy pages for (service, priority), with the form to say so."""
    may = request.viewer.may("oncall.edit")
    form = AssignmentForm(kit.posted(request))
    form.offer("service_id", kit.as_choices(catalog.services(request.viewer)), nothing=_("Any service"))
    form.offer("priority", [(p, f"P{p}") for p in range(1, 6)], nothing=_("Any priority"))
    form.offer("policy_id", kit.as_choices(queries.policies(request.viewer)), nothing=_("Queue only"))
    status = 200
    if request.method == "POST":

        def save(data: dict[str, Any]) -> None:
            data.pop("seen")
            configure.assign_policy(actor=request.actor, now=request.moment, **data)

        status = kit.attempt(form, save)
        if status == 200:
            return kit.told(request, _("Saved."), reverse("console:paging"))
    rows = list(queries.assignments(request.viewer))
    table = Table(
        caption=_("What pages"),
        columns=[
            Column(label=_("Service")),
            Column(label=_("Priority")),
            Column(label=_("Policy")),
            Column(label=_("When"), wide=True),
            Column(label=_("Take away"), hush=True),
        ],
        rows=[_assignment(row, may) for row in rows],
        empty=Empty(
            icon="siren",
            title=_("The defaults hold"),
            text=_("P1 and P2 page the group at any hour, P3 in its hours, P4 and P5 wait in the queue."),
        ),
    )
    context = {
        "title": _("What pages"),
        "tabs": tabs("paging"),
        "table": table,
        "form": form,
        "may_edit": may,
    }
    return page(request, "console/setup/paging.html", context, section="policies", status=status)


def _assignment(row: Any, may: bool) -> list[Cell]:
    away = kit.Button(
        label=_("Take away"), icon="x", action=reverse("console:paging_withdraw", args=[row.pk]), tone="quiet"
    )
    return [
        Cell(text=row.service.name if row.service else _("Any service")),
        Cell(text=f"P{row.priority}" if row.priority else _("any")),
        Cell(text=row.policy.name if row.policy else _("Queue only")),
        Cell(text=row.get_hours_display()),
        Cell(buttons=(away,) if may else ()),
    ]


@require_POST
@staff("oncall.edit")
def paging_withdraw(request: Request, assignment_id: int) -> HttpResponse:
    def withdraw() -> None:
        try:
            configure.withdraw_assignment(assignment_id, actor=request.actor, now=request.moment)
        except NotFound:
            return  # gone already is what was wanted

    return kit.do_and_return(
        request, withdraw, _("What is less particular decides again."), reverse("console:paging")
    )
