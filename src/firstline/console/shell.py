"""What surrounds every page of the console:

the places of the rail, who is signed in, and the rendering of a page.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _

from firstline.accounts.models import Person
from firstline.console.components import Face, Place


@dataclass(frozen=True, kw_only=True)
class PlaceGroup:
    label: str
    places: tuple[Place, ...]


@dataclass(frozen=True, kw_only=True)
class Shell:
    me: Face
    places: tuple[PlaceGroup, ...]
    shortcuts: bool


SETS_UP = frozenset({"administrator"})


def _place(key: str, label: str, icon: str, *, wide: bool = False) -> Place | None:
    """A place of the rail, or None while no page has that name."""
    try:
        return Place(key=key, label=label, href=reverse(f"console:{key}"), icon=icon, wide=wide)
    except NoReverseMatch:
        return None


def places(roles: frozenset[str]) -> tuple[PlaceGroup, ...]:
    """Work first, then what is learnt, then what is set up (for those who may)."""
    work = [
        _place("queue", _("Queue"), "inbox"),
        _place("alerts", _("Alerts"), "bell-ring"),
        _place("to_confirm", _("To confirm"), "phone"),
        _place("mail", _("Late replies"), "mail", wide=True),
        _place("oncall", _("On call"), "calendar-clock", wide=True),
        _place("services", _("Services"), "network", wide=True),
    ]
    learn = [
        _place("problems", _("Problems"), "book-open", wide=True),
        _place("reports", _("Reports"), "chart-column", wide=True),
    ]
    set_up = [
        _place("sources", _("Sources"), "plug", wide=True),
        _place("rules", _("Rules"), "route", wide=True),
        _place("noise", _("Noise"), "eye-off", wide=True),
        _place("policies", _("Policies"), "siren", wide=True),
        _place("groups", _("Groups"), "users", wide=True),
        _place("people", _("People"), "user", wide=True),
        _place("settings", _("Settings"), "settings", wide=True),
        _place("audit", _("Audit"), "scroll-text", wide=True),
    ]
    groups = [("", work), (_("Learn"), learn)]
    if roles & SETS_UP or "auditor" in roles:
        groups.append((_("Set up"), set_up))
    found = [(label, tuple(p for p in items if p is not None)) for label, items in groups]
    return tuple(PlaceGroup(label=label, places=items) for label, items in found if items)


def shell_of(person: Person) -> Shell:
    return Shell(
        me=Face(name=person.name or person.email, id=person.pk),
        places=places(frozenset(person.roles)),
        shortcuts=person.shortcuts,
    )


def page(
    request: HttpRequest,
    template: str,
    context: Mapping[str, Any] | None = None,
    *,
    section: str = "",
    status: int = 200,
) -> HttpResponse:
    """Render a full page of the console inside its shell."""
    person = request.user
    assert isinstance(person, Person)
    whole = {"shell": shell_of(person), "section": section, **(context or {})}
    return render(request, template, whole, status=status)


def part(
    request: HttpRequest, template: str, context: Mapping[str, Any] | None = None, *, status: int = 200
) -> HttpResponse:
    """Render a fragment for a swap."""
    return render(request, template, dict(context or {}), status=status)
