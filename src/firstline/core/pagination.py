"""Keyset pagination: a page is found by the values of its last row, at any depth at the same cost."""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from django.core.exceptions import ValidationError
from django.db.models import F, Model, Q, QuerySet

from firstline.core.errors import Invalid

M = TypeVar("M", bound=Model)
_FOREIGN = "This page's cursor belongs to another list; start again from the first page."


@dataclass(frozen=True, slots=True)
class Page(Generic[M]):
    """`next` is the cursor of the following page, None on the last."""

    rows: list[M]
    next: str | None


def paginate(rows: QuerySet[M], order: Sequence[str], *, cursor: str | None, size: int) -> Page[M]:
    """A page of `rows` in `order` (field names, `-` for descending, all of one direction, ending in a unique one).

    Null values sort last. `Invalid` when the cursor is not one of ours.
    """
    names = [name.lstrip("-") for name in order]
    descending = order[0].startswith("-")
    nullable = {name: _field(rows.model, name).null for name in names}
    # "nulls last" only where there can be nulls: else no index serves a descending order
    last_if = {name: True if nullable[name] else None for name in names}
    ordering = [
        F(n).desc(nulls_last=last_if[n]) if descending else F(n).asc(nulls_last=last_if[n]) for n in names
    ]
    selected = rows.order_by(*ordering)
    if cursor:
        values = _typed(rows.model, names, _decode(cursor, len(names)))
        selected = selected.filter(_after(names, values, descending, nullable))
    found = list(selected[: size + 1])
    more = len(found) > size
    last = found[size - 1] if more else None
    return Page(found[:size], _encode([_value(last, n) for n in names]) if last is not None else None)


def _after(names: Sequence[str], values: Sequence[Any], descending: bool, nullable: Mapping[str, bool]) -> Q:
    """(a, b) > (x, y) as a disjunction, with nulls last; and a >= x, by which an index finds the place."""
    op = "lt" if descending else "gt"
    found, equal = Q(pk__in=[]), Q()
    bound = Q() if nullable[names[0]] or values[0] is None else Q(**{f"{names[0]}__{op}e": values[0]})
    for name, value in zip(names, values, strict=True):
        if value is None:
            equal &= Q(**{f"{name}__isnull": True})
            continue
        beyond = Q(**{f"{name}__{op}": value})
        found |= equal & (beyond | Q(**{f"{name}__isnull": True}) if nullable[name] else beyond)
        equal &= Q(**{name: value})
    return bound & found


def _field(model: type[Model], name: str) -> Any:
    """The column that a name like `span__id` means."""
    field: Any = model
    for part in name.split("__"):
        field = (field.remote_field.model if hasattr(field, "remote_field") else field)._meta.get_field(part)
    return field


def _typed(model: type[Model], names: Sequence[str], values: Sequence[Any]) -> list[Any]:
    """The values as their columns hold them. `Invalid` for what no such column can hold."""
    typed = []
    for name, value in zip(names, values, strict=True):
        field = _field(model, name)
        try:
            typed.append(None if value is None else field.to_python(value))
        except (ValidationError, TypeError, ValueError, OverflowError) as error:
            raise Invalid(_FOREIGN) from error
        if "\x00" in str(value):
            raise Invalid(_FOREIGN)
    return typed


def _value(row: Any, name: str) -> Any:
    for part in name.split("__"):
        row = getattr(row, part)
    return row


def _encode(values: Sequence[Any]) -> str:
    plain = [v.isoformat() if isinstance(v, datetime) else v for v in values]
    return base64.urlsafe_b64encode(json.dumps(plain).encode()).decode().rstrip("=")


def _decode(cursor: str, size: int) -> list[Any]:
    try:
        values = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError, RecursionError) as error:
        raise Invalid("This page's cursor is damaged; start again from the first page.") from error
    if not isinstance(values, list) or len(values) != size:
        raise Invalid(_FOREIGN)
    return values
