"""What the set-up pages share: tables as values, forms whose domain refusals stand at their fields, tabs of an area."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _

from firstline.catalog.editing import fingerprint
from firstline.console.access import Request, status_of
from firstline.console.components import Page, Tab
from firstline.console.shell import page
from firstline.core.errors import Conflict, DomainError, Invalid, InvalidTransition

PER_PAGE = 50
Choices = Iterable[tuple[Any, str]]


@dataclass(frozen=True, kw_only=True)
class Button:
    """A small form in a row: one POST, one button."""

    label: str
    action: str
    icon: str = ""
    name: str = ""
    value: str = ""
    tone: str = ""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One cell: text with what is shown beside it. `sub` is a grey second line, `state` a word with a shape."""

    text: str = ""
    href: str = ""
    sub: str = ""
    state: str = ""
    tags: tuple[str, ...] = ()
    tone: str = ""
    at: datetime | None = None
    mono: bool = False
    buttons: tuple[Button, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Column:
    label: str
    num: bool = False
    hush: bool = False  # the head is for screen readers only
    wide: bool = False  # not on a phone


@dataclass(frozen=True, kw_only=True)
class Empty:
    """What an empty list says to do first."""

    icon: str
    title: str
    text: str
    href: str = ""
    action: str = ""


@dataclass(frozen=True, kw_only=True)
class Table:
    caption: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    empty: Empty
    page: Page = field(default_factory=Page)

    @property
    def lines(self) -> list[list[tuple[Column, Cell]]]:
        return [list(zip(self.columns, row, strict=True)) for row in self.rows]


def area(current: str, entries: Sequence[tuple[str, str]]) -> list[Tab]:
    """The tabs of an area from (URL name, label)."""
    return [
        Tab(label=label, href=reverse(f"console:{name}"), current=name == current) for name, label in entries
    ]


def pages_of(request: Request, rows: QuerySet[Any], per_page: int = PER_PAGE) -> tuple[list[Any], Page]:
    """One page of a list of configuration (hundreds of rows, not millions): by number, `?page=2`."""
    paginator = Paginator(rows, per_page)
    shown = paginator.get_page(request.GET.get("page"))
    query = request.GET.copy()

    def address(number: int) -> str:
        query["page"] = str(number)
        return f"?{query.urlencode()}"

    neighbours = Page(
        newer=address(1) if shown.has_previous() else "",
        older=address(shown.next_page_number()) if shown.has_next() else "",
        shown=len(shown.object_list),
        total=paginator.count if paginator.num_pages > 1 else None,
    )
    return list(shown.object_list), neighbours


def list_page(
    request: Request,
    *,
    title: str,
    section: str,
    table: Table,
    tabs: Sequence[Tab] = (),
    intro: str = "",
    new: tuple[str, str] | None = None,
    search: str | None = None,
    more: Mapping[str, Any] | None = None,
    template: str = "console/setup/list.html",
) -> HttpResponse:
    """A list. `new` is (address, label) of what adds one; `search` the present search text, None: no search."""
    context = {
        "title": title,
        "table": table,
        "tabs": tabs,
        "intro": intro,
        "new": new,
        "search": search,
        **(more or {}),
    }
    return page(request, template, context, section=section)


class SetupForm(forms.Form):
    """A form of configuration. `sections`: (title, help, field names); without, all fields in one."""

    sections: Sequence[tuple[Any, Any, Sequence[str]]] = ()
    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    def offer(self, name: str, choices: Choices, *, nothing: str | None = None) -> None:
        """Give a choice field its choices; `nothing` is the label of the empty one."""
        listed = list(choices)
        listed += self._kept(name, {str(value) for value, _label in listed})
        if nothing is not None:
            listed = [("", nothing), *listed]
        chosen = cast(forms.ChoiceField, self.fields[name])
        chosen.choices = listed
        if isinstance(chosen, forms.MultipleChoiceField) and len(listed) > 30:
            chosen.widget = forms.SelectMultiple(attrs={"size": 10})
            chosen.widget.choices = listed

    def _kept(self, name: str, known: set[str]) -> list[tuple[Any, str]]:
        """What is chosen already and can't be chosen anew (a service out of use): a save must not lose it."""
        chosen = self.initial.get(name)
        values = chosen if isinstance(chosen, list | tuple) else [chosen]
        return [
            (value, _("%(value)s (no longer there)") % {"value": value})
            for value in values
            if value not in (None, "") and str(value) not in known
        ]

    def lock(self) -> None:
        """Show it to those who may look but not edit."""
        for shown in self.fields.values():
            shown.disabled = True

    def grouped(self) -> list[tuple[str, str, list[forms.BoundField]]]:
        """The visible fields by section."""
        if not self.sections:
            return [("", "", self.visible_fields())]
        return [(str(t), str(h), [self[name] for name in names]) for t, h, names in self.sections]


def pick(label: Any, help_text: Any = "", *, required: bool = False) -> forms.TypedChoiceField:
    """One of some rows, by id; nothing chosen is None."""
    return forms.TypedChoiceField(
        label=label, help_text=help_text, required=required, coerce=int, empty_value=None
    )


def picks(
    label: Any, help_text: Any = "", *, coerce: Callable[[Any], Any] = int
) -> forms.TypedMultipleChoiceField:
    """Any number of some rows."""
    return forms.TypedMultipleChoiceField(
        label=label,
        help_text=help_text,
        required=False,
        coerce=coerce,
        empty_value=[],
        widget=forms.CheckboxSelectMultiple,
    )


def text(
    label: Any, help_text: Any = "", *, rows: int = 3, code: bool = False, required: bool = False
) -> forms.CharField:
    attributes: dict[str, Any] = {"rows": rows}
    if code:
        attributes |= {"class": "code", "spellcheck": "false"}
    return forms.CharField(
        label=label,
        help_text=help_text,
        required=required,
        widget=forms.Textarea(attrs=attributes),
        strip=True,
    )


def moment_input() -> forms.DateTimeInput:
    """A local date and time with the browser's own picker."""
    return forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")


def attempt(form: forms.Form, do: Callable[[dict[str, Any]], object]) -> int:
    """Do it with the form's values. A refusal of the domain is put at its field; returns the status, 200 if done."""
    if not form.is_valid():
        return 422
    try:
        do(form.cleaned_data)
    except Invalid as error:
        _put(form, error)
        return 422
    except (Conflict, InvalidTransition) as error:
        form.add_error(None, str(error))
        return status_of(error)
    return 200


def _put(form: forms.Form, error: Invalid) -> None:
    placed = False
    for name, message in error.fields.items():
        at = next((n for n in (name, name.removesuffix("_id"), f"{name}_id") if n in form.fields), None)
        if at is not None:
            form.add_error(at, message[:1].upper() + message[1:])
            placed = True
    if not placed:
        form.add_error(None, str(error))


def form_page(
    request: Request,
    form: SetupForm,
    *,
    title: str,
    section: str,
    back: str,
    save: Callable[[dict[str, Any]], object],
    done: str,
    may_edit: bool = True,
    template: str = "console/setup/form.html",
    more: Mapping[str, Any] | None = None,
    onward: Callable[[], str] | None = None,
    lock: bool = True,
) -> HttpResponse:
    """Show the form; on POST save and go back (or `onward`), or show it again with what is wrong at the field."""
    status = 200
    if not may_edit and lock:
        form.lock()
    if request.method == "POST" and may_edit:
        status = attempt(form, save)
        if status == 200:
            messages.success(request, done)
            return redirect(onward() if onward else back)
    context = {
        "title": title,
        "form": form,
        "back": back,
        "may_edit": may_edit,
        "submit": _("Save"),
        **(more or {}),
    }
    return page(request, template, context, section=section, status=status)


def told(request: Request, text_: str, back: str) -> HttpResponse:
    """Say that it is done, and go there."""
    messages.success(request, text_)
    return redirect(back)


def row_errors() -> Invalid:
    """What a form says when rows below it have errors of their own."""
    return Invalid(_("Some of the rows below need mending."))


def do_and_return(
    request: Request, do: Callable[[], object], done: str | Callable[[], str], back: str
) -> HttpResponse:
    """One action of a button. A refusal is told on the page that it returns to. `done` may be found afterwards."""
    try:
        do()
    except (Invalid, Conflict, InvalidTransition) as error:
        messages.error(request, str(error))
    else:
        messages.success(request, done if isinstance(done, str) else done())
    return redirect(back)


def posted(request: Request) -> Any:
    """The form's data: None on GET, so that the form is not bound."""
    return request.POST if request.method == "POST" else None


def seen_of(values: Mapping[str, Any]) -> str:
    return fingerprint(values)


def as_choices(rows: Iterable[Any], label: Callable[[Any], str] = str) -> list[tuple[int, str]]:
    return [(row.pk, label(row)) for row in rows]


def refused(error: DomainError) -> str:
    return str(error)
