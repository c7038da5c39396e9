"""The verbs that a person can do to an incident: when each is offered, its form, and the action behind it."""

from django.utils.translation import gettext_lazy as _

from firstline.accounts.viewer import Viewer
from firstline.closure import actions as closure
from firstline.console.verbs import alerts, doing, forms
from firstline.console.verbs.verb import Verb, is_living, is_open
from firstline.incidents.actions import editing, majors, people, relating, resolving, working
from firstline.incidents.lifecycle import State
from firstline.incidents.models import Incident
from firstline.oncall import actions as oncall

ALERT_VERBS = (
    Verb(
        key="split",
        label=_("Split alerts out"),
        icon="unlink",
        form=alerts.SplitForm,
        do=alerts.split,
        when=lambda i: is_living(i) and alerts.may_split(i),
        done=_("Split. Undo it from here or from where they went."),
    ),
    Verb(
        key="undo-split",
        label=_("Undo the last split"),
        icon="undo-2",
        do=alerts.undo,
        when=lambda i: is_living(i) and alerts.may_undo(i),
        done=_("The alerts are back."),
    ),
)
VERBS: tuple[Verb, ...] = (
    Verb(
        key="take",
        label=_("Take"),
        icon="user-plus",
        when=lambda i: is_open(i) and i.assignee_id is None,
        done=_("It is yours."),
        do=lambda i, form, actor, now: working.take(i.pk, actor=actor, now=now),
        shortcut="t",
    ),
    Verb(
        key="resolve",
        label=_("Resolve"),
        icon="check",
        when=is_open,
        form=forms.ResolveForm,
        do=doing.resolve,
        done=_("Resolved. The caller is asked whether it works again."),
        shortcut="r",
        tone="primary",
    ),
    Verb(
        key="start",
        label=_("Start work"),
        icon="play",
        when=lambda i: i.state == State.ASSIGNED and i.assignee_id is not None,
        done=_("Work has started."),
        do=lambda i, form, actor, now: working.start(i.pk, actor=actor, now=now),
    ),
    Verb(
        key="resume",
        label=_("Resume"),
        icon="play",
        when=lambda i: i.state == State.ON_HOLD,
        done=_("Back to work."),
        do=lambda i, form, actor, now: working.resume([i.pk], actor=actor, now=now),
    ),
    Verb(
        key="hold",
        label=_("Hold"),
        icon="pause",
        when=is_open,
        form=forms.HoldForm,
        do=doing.hold,
        done=_("On hold."),
        shortcut="h",
    ),
    Verb(
        key="escalate",
        label=_("Escalate"),
        icon="arrow-up-right",
        when=is_open,
        form=forms.EscalateForm,
        do=doing.escalate,
        done=_("Escalated."),
        shortcut="e",
    ),
    Verb(
        key="assign",
        label=_("Assign"),
        icon="user",
        when=is_open,
        form=forms.AssignForm,
        do=doing.assign,
        done=_("Assigned."),
        shortcut="a",
    ),
    Verb(
        key="fixed",
        label=_("Confirmed by phone"),
        icon="phone",
        when=lambda i: i.state == State.RESOLVED,
        form=forms.OptionalTextForm,
        title=_("The caller says: it is fixed"),
        done=_("Confirmed on the caller's behalf; closed."),
        do=lambda i, form, actor, now: closure.confirm_on_behalf(
            i.pk, note=doing.cleaned(form)["text"], actor=actor, now=now
        ),
        tone="primary",
    ),
    Verb(
        key="still-broken",
        label=_("Still broken, by phone"),
        icon="rotate-ccw",
        when=lambda i: i.state == State.RESOLVED,
        form=forms.TextForm,
        title=_("The caller says: still broken"),
        done=_("Reopened on the caller's behalf."),
        do=lambda i, form, actor, now: closure.still_broken_on_behalf(
            i.pk, doing.cleaned(form)["text"], actor=actor, now=now
        ),
    ),
    Verb(
        key="reopen",
        label=_("Reopen"),
        icon="rotate-ccw",
        when=lambda i: i.state == State.RESOLVED,
        form=forms.OptionalTextForm,
        done=_("Reopened."),
        do=lambda i, form, actor, now: resolving.reopen(
            i.pk, comment=doing.cleaned(form)["text"], actor=actor, now=now
        ),
    ),
    Verb(
        key="acknowledge",
        label=_("Acknowledge"),
        icon="check-check",
        permission="incident.acknowledge",
        when=lambda i: is_open(i) and i.acknowledged_at is None,
        done=_("Acknowledged."),
        do=lambda i, form, actor, now: oncall.acknowledge_incident(i.pk, actor=actor, now=now),
    ),
    Verb(
        key="diagnosis",
        label=_("State the diagnosis"),
        icon="activity",
        when=is_living,
        form=forms.DiagnosisForm,
        do=doing.diagnose,
        done=_("The diagnosis is recorded."),
    ),
    Verb(
        key="priority",
        label=_("Override the priority"),
        icon="flame",
        permission="incident.priority",
        when=is_open,
        form=forms.PriorityForm,
        do=doing.priority,
        done=_("The priority stays as you set it until somebody lifts it."),
    ),
    Verb(
        key="lift-priority",
        label=_("Lift the override"),
        icon="undo-2",
        permission="incident.priority",
        when=lambda i: is_open(i) and i.priority_fixed,
        done=_("The priority follows the assessment again."),
        do=lambda i, form, actor, now: editing.lift_override(i.pk, actor=actor, now=now),
    ),
    Verb(
        key="category",
        label=_("Change the category"),
        icon="tag",
        when=is_living,
        form=forms.CategoryForm,
        done=_("The category is changed."),
        do=lambda i, form, actor, now: editing.categorise(
            i.pk,
            doing.cleaned(form)["category"].pk,
            version=doing.cleaned(form)["version"],
            actor=actor,
            now=now,
        ),
    ),
    Verb(
        key="edit",
        label=_("Correct the facts"),
        icon="pencil",
        when=is_living,
        form=forms.EditForm,
        do=doing.edit,
        done=_("Corrected."),
    ),
    Verb(
        key="publish",
        label=_("Publish to callers"),
        icon="megaphone",
        permission="incident.publish",
        when=lambda i: is_living(i) and not i.security,
        form=forms.PublishForm,
        do=doing.publish,
        done=_("Published: others see that it is known."),
    ),
    Verb(
        key="unpublish",
        label=_("Take back from callers"),
        icon="eye-off",
        permission="incident.publish",
        when=lambda i: i.published_at is not None,
        done=_("No longer published."),
        do=lambda i, form, actor, now: editing.publish(
            i.pk, title=i.public_title, status=i.public_status, on=False, actor=actor, now=now
        ),
    ),
    Verb(
        key="task",
        label=_("Add a task"),
        icon="list-checks",
        when=is_open,
        form=forms.TaskForm,
        done=_("The task is added."),
        do=lambda i, form, actor, now: editing.add_task(
            i.pk,
            doing.cleaned(form)["title"],
            assignee_id=doing.cleaned(form)["person"].pk if doing.cleaned(form)["person"] else None,
            actor=actor,
            now=now,
        ),
    ),
    Verb(
        key="link",
        label=_("Link"),
        icon="link",
        when=lambda i: True,
        form=forms.LinkForm,
        done=_("Linked."),
        do=lambda i, form, actor, now: relating.link(
            i.pk,
            kind=doing.cleaned(form)["kind"],
            other_id=doing.cleaned(form)["other"],
            actor=actor,
            now=now,
        ),
    ),
    Verb(
        key="parent",
        label=_("Put under a parent"),
        icon="layers",
        when=is_living,
        form=forms.ParentForm,
        done=_("Done."),
        do=lambda i, form, actor, now: relating.set_parent(
            i.pk, doing.cleaned(form)["parent"], actor=actor, now=now
        ),
    ),
    Verb(
        key="security",
        label=_("Verdict and classification"),
        icon="shield-alert",
        when=lambda i: is_living(i) and i.security,
        form=forms.SecurityForm,
        done=_("Recorded."),
        do=doing.security,
    ),
    Verb(
        key="request",
        label=_("It is a request, not an incident"),
        icon="inbox",
        when=lambda i: is_open(i) and i.kind == "incident" and not i.security,
        done=_("It is a request now, with its own agreement."),
        do=lambda i, form, actor, now: editing.edit(i.pk, {"kind": "request"}, actor=actor, now=now),
    ),
    Verb(
        key="snooze",
        label=_("Snooze the paging"),
        icon="moon",
        permission="incident.acknowledge",
        when=lambda i: is_open(i) and i.acknowledged_at is None,
        form=forms.SnoozeForm,
        done=_("Nobody is paged until then."),
        do=lambda i, form, actor, now: oncall.snooze(
            i.pk, until=doing.cleaned(form)["until"], actor=actor, now=now
        ),
    ),
    Verb(
        key="affected",
        label=_("Add somebody affected"),
        icon="users",
        when=is_living,
        form=forms.AffectedForm,
        done=_("Counted in."),
        do=lambda i, form, actor, now: people.me_too(
            i.pk, person_id=doing.cleaned(form)["person"].pk, actor=actor, now=now
        ),
    ),
    Verb(
        key="merge",
        label=_("Merge into another"),
        icon="git-merge",
        when=is_open,
        form=forms.MergeForm,
        done=_("Merged. Undo it from the duplicate's page."),
        do=lambda i, form, actor, now: relating.merge(
            i.pk, doing.cleaned(form)["original"], actor=actor, now=now
        ),
    ),
    Verb(
        key="unmerge",
        label=_("Undo the merge"),
        icon="undo-2",
        when=lambda i: i.merged_into_id is not None,
        done=_("The merge is undone."),
        do=lambda i, form, actor, now: relating.unmerge(i.pk, actor=actor, now=now),
    ),
    *ALERT_VERBS,
    Verb(
        key="major",
        label=_("Declare a major incident"),
        icon="siren",
        permission="incident.major.declare",
        when=lambda i: is_open(i) and i.major != "declared",
        form=forms.MajorForm,
        do=doing.declare,
        done=_("It is a major incident now."),
        tone="danger",
    ),
    Verb(
        key="withdraw-major",
        label=_("Withdraw: no major incident"),
        icon="undo-2",
        permission="incident.major.withdraw",
        when=lambda i: i.major in ("proposed", "declared"),
        form=forms.TextForm,
        done=_("Withdrawn."),
        do=lambda i, form, actor, now: majors.withdraw(
            i.pk, reason=doing.cleaned(form)["text"], actor=actor, now=now
        ),
    ),
    Verb(
        key="status",
        label=_("Post a status update"),
        icon="megaphone",
        when=lambda i: i.major == "declared",
        form=forms.TextForm,
        done=_("Posted; the update clock starts again."),
        do=lambda i, form, actor, now: majors.post_status(
            i.pk, doing.cleaned(form)["text"], actor=actor, now=now
        ),
    ),
    Verb(
        key="end-major",
        label=_("The major part is over"),
        icon="circle-check",
        when=lambda i: i.major == "declared",
        done=_("No longer major; the incident goes on."),
        do=lambda i, form, actor, now: majors.end(i.pk, actor=actor, now=now),
    ),
    Verb(
        key="cancel",
        label=_("Cancel"),
        icon="ban",
        when=is_open,
        form=forms.CancelForm,
        done=_("Cancelled."),
        do=lambda i, form, actor, now: resolving.cancel(
            i.pk,
            reason=doing.cleaned(form)["reason"],
            note=doing.cleaned(form)["note"],
            version=doing.cleaned(form)["version"],
            actor=actor,
            now=now,
        ),
        tone="danger",
    ),
)
BY_KEY = {verb.key: verb for verb in VERBS}
FIRST = 6  # stand beside the title; the others are under "More"


def offered(incident: Incident, viewer: Viewer) -> list[Verb]:
    """What this person can do to this incident now, the likeliest first."""
    return [verb for verb in VERBS if verb.offered(incident, viewer)]
