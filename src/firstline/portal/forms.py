"""Forms of the portal, and how a refusal of the domain gets to the field that it is about."""

from collections.abc import Iterable, Sequence
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext_lazy as _

from firstline.accounts.models import Person
from firstline.catalog.models import Service
from firstline.core.errors import DomainError, Invalid


def zones() -> list[tuple[str, str]]:
    """Time zones that a person may choose: the ones with a place's name, and UTC."""
    named = (
        zone
        for zone in available_timezones()
        if "/" in zone and not zone.startswith(("Etc/", "posix/", "right/"))
    )
    return [("UTC", "UTC"), *((zone, zone.replace("_", " ")) for zone in sorted(named))]


def fail(form: forms.Form, error: DomainError) -> None:
    """Put a refusal on its fields; what belongs to no field of this form goes above it."""
    fields: Iterable[tuple[str, str]] = error.fields.items() if isinstance(error, Invalid) else ()
    placed = [(name, text) for name, text in fields if name in form.fields]
    for name, text in placed:
        form.add_error(name, text)
    if not placed:
        form.add_error(None, str(error))


class FilesField(forms.FileField):
    """Any number of files, cleaned one by one."""

    class Widget(forms.ClearableFileInput):
        allow_multiple_selected = True

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(widget=self.Widget(attrs={"multiple": True}), required=False, **kwargs)

    def clean(self, data: Any, initial: Any = None) -> "list[UploadedFile[Any]]":
        rows = data if isinstance(data, list | tuple) else [data]
        return [super(FilesField, self).clean(row, initial) for row in rows if row]


EXTENTS = (("one", _("Only me")), ("several", _("My team")), ("site", _("My site")), ("all", _("Everyone")))
CAN_WORK = (("yes", _("Yes")), ("difficulty", _("With difficulty")), ("no", _("No")))


class ReportForm(forms.Form):
    """Three answers and two taps. Visitors are asked who they are as well; a service may ask up to three more."""

    service = forms.ChoiceField(label=_("Service"), required=False)
    title = forms.CharField(
        label=_("What happens?"),
        max_length=255,
        widget=forms.TextInput({"autocomplete": "off"}),
        error_messages={"required": _("Say in a few words what happens.")},
    )
    extent = forms.ChoiceField(
        label=_("Who is affected?"),
        choices=EXTENTS,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose who is affected.")},
    )
    can_work = forms.ChoiceField(
        label=_("Can you work?"),
        choices=CAN_WORK,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose whether you can work.")},
    )
    details = forms.CharField(
        label=_("Details"),
        required=False,
        max_length=20_000,
        widget=forms.Textarea({"rows": 4}),
        help_text=_("Since when, what exactly you did, the text of the error."),
    )
    phone = forms.CharField(
        label=_("Call-back number"),
        required=False,
        max_length=40,
        widget=forms.TextInput({"autocomplete": "tel"}),
    )
    place = forms.CharField(label=_("Where you are"), required=False, max_length=120)
    attachments = FilesField(label=_("Files"), help_text=_("A screenshot often says most."))
    name = forms.CharField(
        label=_("Your name"), required=False, max_length=120, widget=forms.TextInput({"autocomplete": "name"})
    )
    email = forms.EmailField(
        label=_("Your mail address"),
        help_text=_("We send a link there; the report is registered when you open it and press the button."),
        error_messages={"required": _("We need an address to answer to.")},
    )

    def __init__(self, *args: Any, services: Sequence[Service], person: Person | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(str(row.id), row.name) for row in services]
        self.fields["service"] = forms.ChoiceField(
            label=_("Service"), required=False, choices=[("", _("I don't know")), *choices]
        )
        self.order_fields(["service", "title"])
        chosen = str(self.data.get("service") or self.initial.get("service") or "")
        self.chosen = next((row for row in services if str(row.id) == chosen), None)
        self.questions = add_questions(self, self.chosen)
        if person is not None:
            del self.fields["name"], self.fields["email"]

    def answered(self) -> list[tuple[str, str]]:
        """The service's own questions with their answers."""
        return [(str(self.fields[n].label), str(self.cleaned_data.get(n) or "")) for n in self.questions]


def add_questions(form: forms.Form, service: Service | None) -> list[str]:
    """Add the extra questions of a service as fields `q1` … `q3`; returns their names.

    A question is a text, or {"label": …, "choices": […]}.
    """
    names = []
    for index, question in enumerate((service.questions if service else [])[:3], start=1):
        asked = question if isinstance(question, dict) else {"label": str(question)}
        label, choices = str(asked.get("label", "")), [str(c) for c in asked.get("choices", ())]
        name = f"q{index}"
        form.fields[name] = (
            forms.ChoiceField(label=label, required=False, choices=[("", "–"), *((c, c) for c in choices)])
            if choices
            else forms.CharField(label=label, required=False, max_length=500)
        )
        names.append(name)
    return names


class ReplyForm(forms.Form):
    body = forms.CharField(
        label=_("Write to us"), required=False, max_length=20_000, widget=forms.Textarea({"rows": 3})
    )
    attachments = FilesField(label=_("Files"))


class BrokenForm(forms.Form):
    text = forms.CharField(
        label=_("What is still wrong?"),
        required=False,
        max_length=5000,
        widget=forms.Textarea({"rows": 3}),
        help_text=_("One sentence helps whoever looks at it next."),
    )


class RatingForm(forms.Form):
    rating = forms.TypedChoiceField(
        label=_("How was it handled?"),
        coerce=int,
        choices=[(n, str(n)) for n in range(1, 6)],
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose one to five.")},
    )
    text = forms.CharField(
        label=_("Anything to add?"), required=False, max_length=5000, widget=forms.Textarea({"rows": 3})
    )
