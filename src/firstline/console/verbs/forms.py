"""The forms of the verbs on an incident. Each carries the version that the person saw."""

from datetime import timedelta
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from firstline.accounts import queries as accounts
from firstline.accounts.models import SupportGroup
from firstline.accounts.viewer import Viewer
from firstline.catalog import queries as catalog
from firstline.console import labels
from firstline.core import clock
from firstline.core.errors import Conflict, DomainError, Invalid
from firstline.desk.filters import parse
from firstline.incidents import queries as incidents
from firstline.incidents.models import Incident


def choose(label: Any, *, required: bool = True, help_text: Any = "") -> Any:
    """A choice among rows; which ones, the form says when it knows the viewer."""
    return forms.ModelChoiceField(
        queryset=None, label=label, required=required, help_text=help_text, empty_label=_("Choose…")
    )


class Moment(forms.DateTimeInput):
    """A local date and time, as browsers offer them."""

    input_type = "datetime-local"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%dT%H:%M")


class VerbForm(forms.Form):
    """`incident` as the person sees it now; `version` is the one that their page showed."""

    version = forms.IntegerField(widget=forms.HiddenInput, required=False)
    ours: tuple[str, ...] = ()

    def __init__(self, *args: Any, incident: Incident, viewer: Viewer, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.incident, self.viewer = incident, viewer
        self.theirs: dict[str, object] = {}
        self.fields["version"].initial = incident.version
        self.prepare()

    def prepare(self) -> None:
        """Fill choices and what is known already."""

    def take_over(self, error: DomainError) -> None:
        """Show a refusal where the person looks; what a colleague wrote meanwhile beside it."""
        if isinstance(error, Conflict):
            self.theirs = error.theirs
            # the next attempt is made in the knowledge of theirs
            if isinstance(self.data, QueryDict):
                renewed = self.data.copy()
                renewed["version"] = str(self.incident.version)
                self.data = renewed
        placed = False
        if isinstance(error, Invalid):
            for name, text in error.fields.items():
                if name in self.fields:
                    self.add_error(name, text)
                    placed = True
        if not placed:
            self.add_error(None, str(error))


class NumberField(forms.CharField):
    """An incident's number in any of its spellings; cleans to its id."""

    def clean(self, value: Any) -> int | None:
        text = super().clean(value)
        if not text:
            return None
        number = parse(text).number
        if number is None:
            raise forms.ValidationError(_("Write a number like INC-000123."))
        return number


def _groups(viewer: Viewer) -> QuerySet[SupportGroup]:
    return accounts.groups(viewer)


def _others(viewer: Viewer, incident: Incident) -> QuerySet[SupportGroup]:
    """Every group but the one that has it."""
    groups = _groups(viewer)
    return groups if incident.group_id is None else groups.exclude(id=incident.group_id)


class AssignForm(VerbForm):
    group = choose(_("Group"), required=False)
    person = choose(_("Person"), required=False, help_text=_("Empty: the group decides."))
    ours = ("group_id", "assignee_id")

    def prepare(self) -> None:
        self.fields["group"].queryset = _groups(self.viewer)  # type: ignore[attr-defined]
        self.fields["person"].queryset = accounts.assignable(self.viewer)  # type: ignore[attr-defined]
        self.initial.setdefault("group", self.incident.group_id)


class EscalateForm(VerbForm):
    group = choose(_("To those who know more"))
    reason = forms.CharField(
        label=_("Why"),
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("What was tried, what is needed. The next group reads this first."),
    )

    def prepare(self) -> None:
        self.fields["group"].queryset = _others(self.viewer, self.incident)  # type: ignore[attr-defined]
        if self.incident.group is not None:
            self.initial.setdefault("group", self.incident.group.escalates_to_id)


class HoldForm(VerbForm):
    hold_reason = forms.ChoiceField(label=_("It waits for"), widget=forms.RadioSelect)
    look_again_at = forms.DateTimeField(
        label=_("Look again at"), widget=Moment(), help_text=_("It wakes by itself then.")
    )
    comment = forms.CharField(
        label=_("Message"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_(
            "Waiting for the caller: they receive this and their answer wakes it. Else it is a work note."
        ),
    )
    caller_wish = forms.BooleanField(label=_("The time is the caller's wish"), required=False)

    def prepare(self) -> None:
        self.fields["hold_reason"].choices = labels.hold_reasons()  # type: ignore[attr-defined]
        self.initial.setdefault("hold_reason", "caller" if self.incident.caller_id else "vendor")
        tomorrow = clock.now() + timedelta(days=1)
        self.initial.setdefault("look_again_at", tomorrow.replace(minute=0, second=0, microsecond=0))


class ResolveForm(VerbForm):
    resolution_code = forms.ChoiceField(label=_("How"))
    resolution_notes = forms.CharField(
        label=_("What was done"),
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("The caller reads this. Plain words; what to do if it comes back."),
    )
    cause = forms.CharField(label=_("Cause"), required=False, widget=forms.Textarea(attrs={"rows": 2}))
    children = forms.MultipleChoiceField(
        label=_("Resolve these with it"), required=False, widget=forms.CheckboxSelectMultiple
    )

    def prepare(self) -> None:
        codes = catalog.resolution_codes(self.viewer)
        known = [("", _("Choose…")), *((code.code, code.name) for code in codes)]
        self.fields["resolution_code"].choices = known  # type: ignore[attr-defined]
        open_children = [
            child for child in incidents.children(self.viewer, self.incident.pk) if child.is_open
        ]
        self.fields["children"].choices = [(str(child.pk), str(child)) for child in open_children]  # type: ignore[attr-defined]
        if not open_children:
            del self.fields["children"]
        category = self.incident.category
        if category is not None and category.cause_required:
            self.fields["cause"].required = True


class TextForm(VerbForm):
    """One text; its label and whether it may be empty come from the verb."""

    text = forms.CharField(label=_("Message"), widget=forms.Textarea(attrs={"rows": 3}))


class OptionalTextForm(VerbForm):
    text = forms.CharField(label=_("Note"), required=False, widget=forms.Textarea(attrs={"rows": 3}))


class CancelForm(VerbForm):
    reason = forms.ChoiceField(label=_("Reason"), widget=forms.RadioSelect)
    note = forms.CharField(label=_("Note"), required=False, widget=forms.Textarea(attrs={"rows": 2}))

    def prepare(self) -> None:
        self.fields["reason"].choices = labels.cancel_reasons()  # type: ignore[attr-defined]


class MergeForm(VerbForm):
    original = NumberField(
        label=_("The original"),
        help_text=_("Its number. The caller of this one becomes affected there; it can be undone."),
    )


class LinkForm(VerbForm):
    kind = forms.ChoiceField(label=_("This one is"), widget=forms.RadioSelect)
    other = NumberField(label=_("Number of the other"))

    def prepare(self) -> None:
        self.fields["kind"].choices = labels.link_kinds()  # type: ignore[attr-defined]
        self.initial.setdefault("kind", "related")


class TaskForm(VerbForm):
    title = forms.CharField(label=_("What is to be done"), max_length=255)
    person = choose(_("By"), required=False)

    def prepare(self) -> None:
        self.fields["person"].queryset = accounts.assignable(self.viewer)  # type: ignore[attr-defined]


class PriorityForm(VerbForm):
    priority = forms.TypedChoiceField(label=_("Priority"), coerce=int, widget=forms.RadioSelect)
    reason = forms.ChoiceField(label=_("Why"), widget=forms.RadioSelect)
    note = forms.CharField(label=_("Note"), required=False, widget=forms.Textarea(attrs={"rows": 2}))

    def prepare(self) -> None:
        self.fields["priority"].choices = [(str(n), f"P{n}") for n in range(1, 6)]  # type: ignore[attr-defined]
        self.fields["reason"].choices = labels.override_reasons()  # type: ignore[attr-defined]
        self.initial.setdefault("priority", self.incident.proposed_priority or self.incident.priority)


class CategoryForm(VerbForm):
    category = choose(_("Category"))

    def prepare(self) -> None:
        self.fields["category"].queryset = catalog.categories(self.viewer)  # type: ignore[attr-defined]
        self.initial.setdefault("category", self.incident.category_id)


class ParentForm(VerbForm):
    parent = NumberField(
        label=_("Its parent"), required=False, help_text=_("Its number; empty: it stands alone again.")
    )

    def prepare(self) -> None:
        if self.incident.parent is not None:
            self.initial.setdefault("parent", self.incident.parent.number)


class SnoozeForm(VerbForm):
    until = forms.DateTimeField(
        label=_("Page nobody until"),
        widget=Moment(),
        help_text=_("At most a day. Then the same step is paged again."),
    )

    def prepare(self) -> None:
        soon = clock.now() + timedelta(hours=1)
        self.initial.setdefault("until", soon.replace(second=0, microsecond=0))


class SecurityForm(VerbForm):
    """What only a security incident has."""

    verdict = forms.ChoiceField(label=_("Verdict"), required=False, widget=forms.RadioSelect)
    tlp = forms.ChoiceField(label=_("Traffic light protocol"), required=False, widget=forms.RadioSelect)
    personal_data = forms.BooleanField(
        label=_("Personal data is involved"),
        required=False,
        help_text=_("Starts a statutory target that never pauses."),
    )

    def prepare(self) -> None:
        self.fields["verdict"].choices = labels.verdicts()  # type: ignore[attr-defined]
        self.fields["tlp"].choices = labels.tlps()  # type: ignore[attr-defined]
        for name in ("verdict", "tlp", "personal_data"):
            self.initial.setdefault(name, getattr(self.incident, name))


class EditForm(VerbForm):
    title = forms.CharField(label=_("Title"), max_length=255)
    description = forms.CharField(
        label=_("Description"), required=False, widget=forms.Textarea(attrs={"rows": 4})
    )
    service_id = choose(_("Service"), required=False)
    degradation = forms.ChoiceField(label=_("The service is"), widget=forms.RadioSelect)
    extent = forms.ChoiceField(label=_("Who is affected"), widget=forms.RadioSelect)
    can_work = forms.ChoiceField(label=_("Can they work"), widget=forms.RadioSelect)
    deadline = forms.DateTimeField(label=_("Needed by"), required=False, widget=Moment())
    caller_phone = forms.CharField(label=_("Call-back number"), max_length=40, required=False)
    caller_place = forms.CharField(label=_("Place"), max_length=120, required=False)
    ours = ("title", "description", "service_id", "degradation", "extent", "can_work")

    def prepare(self) -> None:
        self.fields["service_id"].queryset = catalog.services(self.viewer)  # type: ignore[attr-defined]
        self.fields["degradation"].choices = labels.degradations()  # type: ignore[attr-defined]
        self.fields["extent"].choices = labels.extents()  # type: ignore[attr-defined]
        self.fields["can_work"].choices = labels.can_work()  # type: ignore[attr-defined]
        for name in self.fields:
            if name not in ("version", "service_id"):
                self.initial.setdefault(name, getattr(self.incident, name))
        self.initial.setdefault("service_id", self.incident.service_id)

    def values(self) -> dict[str, Any]:
        """What is to be written: only what this person changed, so that a colleague's fields stay theirs."""
        changed = {name: self.cleaned_data[name] for name in self.changed_data if name != "version"}
        if "service_id" in changed:
            changed["service_id"] = changed["service_id"].pk if changed["service_id"] else None
        return changed


class DiagnosisForm(VerbForm):
    cause = forms.CharField(label=_("Cause"), widget=forms.Textarea(attrs={"rows": 2}))
    confirmed = forms.TypedChoiceField(
        label=_("It is"),
        coerce=lambda value: value == "yes",
        choices=[("no", _("suspected")), ("yes", _("confirmed"))],
        widget=forms.RadioSelect,
        initial="no",
    )
    services = forms.CharField(label=_("Services hit"), required=False)
    users = forms.CharField(label=_("Users hit"), max_length=80, required=False)
    affected_from = forms.DateTimeField(label=_("From"), required=False, widget=Moment())
    affected_to = forms.DateTimeField(label=_("Until"), required=False, widget=Moment())
    steps_taken = forms.CharField(
        label=_("Steps taken"), required=False, widget=forms.Textarea(attrs={"rows": 3})
    )

    def prepare(self) -> None:
        if self.incident.service is not None:
            self.initial.setdefault("services", self.incident.service.name)
        self.initial.setdefault("users", str(self.incident.affected_users))
        self.initial.setdefault("affected_from", self.incident.detected_at)


class PublishForm(VerbForm):
    title = forms.CharField(
        label=_("Public title"),
        max_length=255,
        help_text=_("Your words, never the caller's: everybody reads it."),
    )
    status = forms.CharField(
        label=_("Public status"),
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("What is known, who works on it, what helps meanwhile, when you write again."),
    )

    def prepare(self) -> None:
        self.initial.setdefault("title", self.incident.public_title)
        self.initial.setdefault("status", self.incident.public_status)


class MajorForm(VerbForm):
    commander = choose(_("Commander"))
    every_minutes = forms.IntegerField(
        label=_("Status update every (minutes)"), min_value=5, max_value=240, initial=30
    )

    def prepare(self) -> None:
        self.fields["commander"].queryset = accounts.assignable(self.viewer)  # type: ignore[attr-defined]
        self.initial.setdefault("commander", self.viewer.person_id)


class AffectedForm(VerbForm):
    person = choose(_("Who is hit by it too"))

    def prepare(self) -> None:
        self.fields["person"].queryset = accounts.people(self.viewer)  # type: ignore[attr-defined]
