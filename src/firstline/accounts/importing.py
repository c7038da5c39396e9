"""People from a CSV file: read, checked row by row, shown before anything is written, then written."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import available_timezones

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils.translation import gettext as _

from firstline.accounts.actions import create_person, edit_person, ensure_unit
from firstline.accounts.models import Membership, Person, SupportGroup
from firstline.accounts.permissions import GRANTABLE
from firstline.accounts.viewer import viewer_for
from firstline.core.actor import Actor
from firstline.core.errors import Invalid

MOST_ROWS = 5000
COLUMNS = ("email", "name", "phone", "place", "unit", "roles", "groups", "zone", "language", "vip")
# Headings that other tools write, as ours
_ALIASES = {
    "e-mail": "email",
    "mail": "email",
    "email address": "email",
    "full name": "name",
    "display name": "name",
    "telephone": "phone",
    "location": "place",
    "department": "unit",
    "group": "groups",
    "role": "roles",
    "timezone": "zone",
    "time zone": "zone",
}
_YES = {"1", "yes", "true", "x", "y", "ja"}


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the file. `errors` by column; a row with errors is not written. `new`: nobody has this address."""

    line: int
    email: str = ""
    given: Mapping[str, str] = field(default_factory=dict)
    roles: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    errors: Mapping[str, str] = field(default_factory=dict)
    new: bool = True

    @property
    def ok(self) -> bool:
        return not self.errors


def read(content: str) -> list[Row]:
    """The rows of a CSV text with a heading line, each checked. `Invalid` when it is not such a file at all.

    Comma, semicolon and tabulator are told apart by the heading. Several roles or groups are separated by `|`.
    """
    content = content.lstrip("\ufeff")
    heading = content.split("\n", 1)[0]
    delimiter = max(",;\t", key=heading.count)
    reader = csv.reader(io.StringIO(content, newline=""), delimiter=delimiter)
    try:
        lines = [line for line in reader if any(cell.strip() for cell in line)]
    except csv.Error as error:
        raise Invalid(
            _("This is not a CSV file: %(error)s.") % {"error": error}, {"file": str(error)}
        ) from error
    names = [_ALIASES.get(n.strip().lower(), n.strip().lower()) for n in lines[0]] if lines else []
    if "email" not in names:
        message = _("The first line must name the columns; “email” is missing. Known: %(columns)s.") % {
            "columns": ", ".join(COLUMNS)
        }
        raise Invalid(message, {"file": message})
    if len(lines) - 1 > MOST_ROWS:
        message = _("At most %(most)s people at a time; split the file.") % {"most": MOST_ROWS}
        raise Invalid(message, {"file": message})
    return _checked([dict(zip(names, line, strict=False)) for line in lines[1:]])


def _checked(raw: Sequence[Mapping[str, str]]) -> list[Row]:
    known = {email.lower() for email in Person.objects.values_list("email", flat=True)}
    groups = {
        name.lower() for name in SupportGroup.objects.filter(active=True).values_list("name", flat=True)
    }
    seen: set[str] = set()
    rows = []
    for number, line in enumerate(raw, start=2):
        given = {name: " ".join(line.get(name, "").split()) for name in COLUMNS if line.get(name, "").strip()}
        email = given.get("email", "").lower()
        errors = _errors(given, groups)
        if email in seen:
            errors["email"] = _("stands in the file twice")
        seen.add(email)
        rows.append(
            Row(
                line=number,
                email=email,
                given=given,
                roles=_several(given.get("roles", "")),
                groups=_several(given.get("groups", "")),
                errors=errors,
                new=email not in known,
            )
        )
    return rows


def _errors(given: Mapping[str, str], groups: set[str]) -> dict[str, str]:
    errors: dict[str, str] = {}
    try:
        validate_email(given.get("email", ""))
    except ValidationError:
        errors["email"] = _("not a mail address")
    roles = {role.value for role in GRANTABLE}
    if unknown := [r for r in _several(given.get("roles", "")) if r not in roles]:
        errors["roles"] = _("unknown: %(roles)s") % {"roles": ", ".join(unknown)}
    if unknown := [g for g in _several(given.get("groups", "")) if g.lower() not in groups]:
        errors["groups"] = _("there is no group %(groups)s") % {"groups": ", ".join(unknown)}
    if given.get("zone") and given["zone"] not in available_timezones():
        errors["zone"] = _("not a time zone such as Europe/Kyiv")
    for name, most in (("name", 120), ("phone", 40), ("place", 120), ("unit", 120), ("language", 12)):
        if len(given.get(name, "")) > most:
            errors[name] = _("at most %(most)s characters") % {"most": most}
    return errors


@transaction.atomic
def write(rows: Iterable[Row], *, actor: Actor, now: datetime) -> tuple[int, int]:
    """Add and update the people of the rows without errors; how many of each. An empty cell changes nothing."""
    if actor.is_human:
        viewer_for(actor).require("people.edit")
    added = updated = 0
    people = {p.email.lower(): p.pk for p in Person.objects.only("id", "email")}
    groups = {g.name.lower(): g.pk for g in SupportGroup.objects.filter(active=True).only("id", "name")}
    for row in rows:
        if not row.ok:
            continue
        fields = _fields(row)
        known = people.get(row.email)
        if known is None:
            known = create_person(email=row.email, actor=actor, now=now, **fields).pk
            added += 1
        else:
            edit_person(known, actor=actor, now=now, **fields)
            updated += 1
        for name in row.groups:
            Membership.objects.get_or_create(group_id=groups[name.lower()], person_id=known)
    return added, updated


def _fields(row: Row) -> dict[str, Any]:
    fields: dict[str, Any] = {
        name: row.given[name] for name in ("name", "phone", "place", "zone", "language") if name in row.given
    }
    if "unit" in row.given:
        fields["unit_id"] = ensure_unit(row.given["unit"]).pk
    if "roles" in row.given:
        fields["roles"] = list(row.roles)
    if "vip" in row.given:
        fields["vip"] = row.given["vip"].lower() in _YES
    return fields


def _several(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split("|") if part.strip())
