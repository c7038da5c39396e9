"""Problems and known errors: the list, one problem, and the verbs on it."""

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
from firstline.console import markdown
from firstline.console.access import Request, staff
from firstline.console.components import Tab
from firstline.console.shell import page
from firstline.console.views.setup import kit
from firstline.console.views.setup.kit import Cell, Column, Empty, SetupForm, Table
from firstline.core.errors import Invalid
from firstline.incidents import queries as incidents
from firstline.problems import actions, queries
from firstline.problems.models import Problem

MOST = 200


def tabs(current: str) -> list[Tab]:
    base = reverse("console:problems")
    views = [
        ("live", _("Open")),
        ("known_error", _("Known errors")),
        ("solved", _("Solved")),
        ("closed", _("Closed")),
    ]
    found = [Tab(label=label, href=f"{base}?state={key}", current=key == current) for key, label in views]
    found.append(
        Tab(
            label=_("Preventive actions"), href=reverse("console:preventive"), current=current == "preventive"
        )
    )
    return found


def state_words(state: str) -> str:
    return {
        "open": _("Open"),
        "known_error": _("Known error"),
        "solved": _("Solved"),
        "closed": _("Closed"),
    }.get(state, state)


class ProblemForm(SetupForm):
    title = forms.CharField(label=_l("Title"), max_length=255, help_text=_l("What goes wrong, in a line."))
    description = kit.text(_l("Description"), rows=3)
    service_id = kit.pick(_l("Service"))
    category_id = kit.pick(_l("Category"))
    group_id = kit.pick(_l("Support group"))
    owner_id = kit.pick(_l("Owner"), _l("Finds the cause and sees it through."))
    root_cause = kit.text(_l("Root cause"), _l("Why it really happens."), rows=4)
    workaround = kit.text(
        _l("Workaround"),
        _l("What helps until the cause is gone, in Markdown. Published as the known error."),
        rows=4,
    )
    match_words = forms.CharField(
        label=_l("Found by"),
        max_length=255,
        required=False,
        help_text=_l("Phrases of reports, separated by commas, such as error 809, vpn drops."),
    )
    version = forms.IntegerField(required=False, widget=forms.HiddenInput)
    sections = (
        (_l("Problem"), "", ("title", "description", "service_id", "category_id", "group_id", "owner_id")),
        (_l("What is known"), "", ("root_cause", "workaround", "match_words")),
    )

    def __init__(self, *args: Any, viewer: Viewer, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offer("service_id", kit.as_choices(catalog.services(viewer)), nothing=_("None"))
        self.offer("category_id", kit.as_choices(catalog.categories(viewer)), nothing=_("None"))
        self.offer("group_id", kit.as_choices(accounts.groups(viewer)), nothing=_("None"))
        self.offer("owner_id", kit.as_choices(accounts.staff(viewer)), nothing=_("Nobody"))


class ActionForm(SetupForm):
    title = forms.CharField(
        label=_l("What is to be done"),
        max_length=255,
        error_messages={"required": _l("Say what is to be done.")},
    )
    owner = kit.pick(_l("Who"), required=True)
    due_on = forms.DateField(
        label=_l("Until"),
        widget=forms.DateInput(attrs={"type": "date"}),
        error_messages={"required": _l("Say until when.")},
    )


@require_GET
@staff("problem.read")
def problems(request: Request) -> HttpResponse:
    state, text = request.GET.get("state", "live"), request.GET.get("q", "")
    rows, pages = kit.pages_of(request, queries.problems(request.viewer, state=state, text=text))
    table = Table(
        caption=_("Problems"),
        columns=[
            Column(label=_("Problem")),
            Column(label=_("State")),
            Column(label=_("Service"), wide=True),
            Column(label=_("Owner"), wide=True),
            Column(label=_("Incidents"), num=True),
            Column(label=_("Actions open"), num=True, wide=True),
        ],
        rows=[
            [
                Cell(
                    text=row.title,
                    href=reverse("console:problem", args=[row.pk]),
                    sub=row.number,
                    tags=(_("security"),) if row.security else (),
                ),
                Cell(text=state_words(row.state)),
                Cell(text=row.service.name if row.service else "–"),
                Cell(text=row.owner.name if row.owner else _("nobody"), tone="" if row.owner else "risk"),
                Cell(text=str(row.linked)),
                Cell(text=str(row.actions_open)),
            ]
            for row in rows
        ],
        empty=Empty(
            icon="book-open",
            title=_("No problem here") if not text else _("Nothing found"),
            text=_(
                "When the same thing comes back, open a problem from its incidents: its cause is found once."
            ),
            href=reverse("console:problem_new") if request.viewer.may("problem.work") and not text else "",
            action=_("Open a problem"),
        ),
        page=pages,
    )
    new = (
        (reverse("console:problem_new"), _("Open a problem")) if request.viewer.may("problem.work") else None
    )
    return kit.list_page(
        request, title=_("Problems"), section="problems", table=table, tabs=tabs(state), new=new, search=text
    )


@require_http_methods(["GET", "POST"])
@staff("problem.work")
def problem_new(request: Request) -> HttpResponse:
    """Open one, usually `?incident=17&incident=23` from a report, a list or an incident."""
    ids = [int(text) for text in request.GET.getlist("incident") if text.isdecimal()][:MOST]
    rows = list(incidents.visible(request.viewer).filter(id__in=ids))
    first = rows[0] if rows else None
    initial: dict[str, Any] = {"owner_id": request.person.pk}
    if first is not None:
        initial |= {"title": first.title, "service_id": first.service_id, "category_id": first.category_id}
    form = ProblemForm(kit.posted(request), viewer=request.viewer, initial=initial)
    made: list[Problem] = []

    def save(data: dict[str, Any]) -> None:
        fields = {name: data[name] for name in actions.EDITABLE - {"title"}}
        made.append(
            actions.open_problem(
                title=data["title"],
                incident_ids=[row.pk for row in rows],
                actor=request.actor,
                now=request.moment,
                **fields,
            )
        )

    return kit.form_page(
        request,
        form,
        title=_("Open a problem"),
        section="problems",
        back=reverse("console:problems"),
        save=save,
        done=_("The problem is open."),
        onward=lambda: reverse("console:problem", args=[made[0].pk]),
        template="console/learn/problem_new.html",
        more={"incidents": rows, "submit": _("Open it")},
    )


@require_GET
@staff("problem.read")
def problem(request: Request, problem_id: int) -> HttpResponse:
    """One problem: what is known, its incidents, preventive actions, history."""
    return _shown(request, problem_id)


def _shown(
    request: Request, problem_id: int, *, action: ActionForm | None = None, status: int = 200
) -> HttpResponse:
    row = queries.problem(request.viewer, problem_id)
    linked, hidden = queries.incidents_of(request.viewer, row.pk)
    may = request.viewer.may("problem.work")
    form = action or ActionForm(initial={"owner": row.owner_id})
    form.offer("owner", kit.as_choices(accounts.staff(request.viewer)), nothing=_("Choose …"))
    context = {
        "title": row.title,
        "problem": row,
        "state": state_words(row.state),
        "incidents": linked,
        "hidden": hidden,
        "actions": queries.actions_of(request.viewer, row.pk),
        "entries": queries.timeline(request.viewer, row.pk),
        "workaround": markdown.render(row.workaround) if row.workaround else "",
        "root_cause": markdown.render(row.root_cause) if row.root_cause else "",
        "may_work": may,
        "action_form": form,
        "today": request.moment.date(),
        "ended": row.state in ("solved", "closed"),
    }
    return page(request, "console/learn/problem.html", context, section="problems", status=status)


@require_http_methods(["GET", "POST"])
@staff("problem.work")
def problem_edit(request: Request, problem_id: int) -> HttpResponse:
    row = queries.problem(request.viewer, problem_id)
    initial = {name: getattr(row, name) for name in (*actions.EDITABLE, "version")}
    form = ProblemForm(kit.posted(request), viewer=request.viewer, initial=initial)

    def save(data: dict[str, Any]) -> None:
        fields = {name: data[name] for name in actions.EDITABLE}
        actions.edit_problem(row.pk, fields, version=data["version"], actor=request.actor, now=request.moment)

    return kit.form_page(
        request,
        form,
        title=row.title,
        section="problems",
        back=reverse("console:problem", args=[row.pk]),
        save=save,
        done=_("Saved."),
    )


@require_POST
@staff("problem.work")
def problem_act(request: Request, problem_id: int, verb: str) -> HttpResponse:
    """The buttons of a problem's page."""
    back = reverse("console:problem", args=[problem_id])
    common: dict[str, Any] = {"actor": request.actor, "now": request.moment}
    reason = request.POST.get("reason", "")
    verbs: dict[str, tuple[Any, str]] = {
        "publish": (
            lambda: actions.publish_known_error(
                problem_id, public=bool(request.POST.get("public")), **common
            ),
            _("Published: it stands beside every incident that it probably explains."),
        ),
        "withdraw": (lambda: actions.withdraw_known_error(problem_id, **common), _("No longer published.")),
        "solve": (
            lambda: actions.solve(problem_id, **common),
            _("Solved. Its workaround is no longer offered."),
        ),
        "close": (lambda: actions.close(problem_id, reason=reason, **common), _("Closed.")),
        "reopen": (lambda: actions.reopen(problem_id, reason=reason, **common), _("Open again.")),
        "link": (lambda: _link(request, problem_id), _("Linked.")),
        "unlink": (
            lambda: actions.unlink_incident(problem_id, _number(request, "incident"), **common),
            _("No longer linked."),
        ),
        "done": (
            lambda: actions.finish_action(problem_id, _number(request, "action"), **common),
            _("Done."),
        ),
        "undone": (
            lambda: actions.finish_action(problem_id, _number(request, "action"), done=False, **common),
            _("Open again."),
        ),
    }
    if verb not in verbs:
        messages.error(request, _("There is no such action."))
        return redirect(back)
    do, done = verbs[verb]
    return kit.do_and_return(request, do, done, back)


def _number(request: Request, name: str) -> int:
    """A row's id from one of the small forms; 0, which is no row, for anything else."""
    text = request.POST.get(name, "")
    return int(text) if text.isdecimal() else 0


def _link(request: Request, problem_id: int) -> None:
    """By numbers as people write them: INC-000017, 17."""
    parts = request.POST.get("incidents", "").replace(",", " ").split()
    ids = [part.upper().removeprefix("INC-").lstrip("0") for part in parts]
    if not ids or not all(text.isdecimal() for text in ids):
        raise Invalid(_("Write numbers such as INC-000017, separated by blanks."))
    actions.link_incidents(problem_id, [int(text) for text in ids], actor=request.actor, now=request.moment)


@require_POST
@staff("problem.work")
def action_new(request: Request, problem_id: int) -> HttpResponse:
    """Add a preventive action; what is missing is marked on the problem's page."""
    form = ActionForm(request.POST)
    form.offer("owner", kit.as_choices(accounts.staff(request.viewer)), nothing=_("Choose …"))

    def save(data: dict[str, Any]) -> None:
        actions.add_action(
            problem_id,
            title=data["title"],
            owner_id=data["owner"],
            due_on=data["due_on"],
            actor=request.actor,
            now=request.moment,
        )

    status = kit.attempt(form, save)
    if status == 200:
        return kit.told(request, _("Added."), reverse("console:problem", args=[problem_id]))
    return _shown(request, problem_id, action=form, status=status)


@require_GET
@staff("problem.read")
def preventive(request: Request) -> HttpResponse:
    """What was promised so that it doesn't come back, the earliest due first."""
    today = request.moment.date()
    rows, pages = kit.pages_of(request, queries.open_actions(request.viewer))
    table = Table(
        caption=_("Preventive actions"),
        columns=[Column(label=_("Action")), Column(label=_("Who")), Column(label=_("Until"))],
        rows=[
            [
                Cell(
                    text=row.title,
                    href=reverse("console:problem", args=[row.problem_id]),
                    sub=f"{row.problem.number} {row.problem.title}",
                ),
                Cell(text=row.owner.name if row.owner else "–"),
                Cell(
                    text=row.due_on.isoformat() if row.due_on else "–",
                    tone="late" if row.due_on and row.due_on < today else "",
                    sub=_("overdue") if row.due_on and row.due_on < today else "",
                ),
            ]
            for row in rows
        ],
        empty=Empty(
            icon="list-checks",
            title=_("Nothing is owed"),
            text=_("Every preventive action is done. They are added on a problem's page."),
        ),
        page=pages,
    )
    return kit.list_page(
        request, title=_("Preventive actions"), section="problems", table=table, tabs=tabs("preventive")
    )
