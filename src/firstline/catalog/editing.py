"""What every edit of configuration does alike: who may, which fields, made from what, what is taken."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, TypeVar

from django.db.models import Model

from firstline.accounts.viewer import viewer_for
from firstline.core.actor import Actor, ActorKind
from firstline.core.errors import Conflict, Invalid, NotFound
from firstline.core.event_log import plain

M = TypeVar("M", bound=Model)


def authorise(actor: Actor, verb: str) -> None:
    """`NotAllowed` unless this person or token may; rules, clocks and sources act for Firstline itself."""
    if actor.kind in (ActorKind.PERSON, ActorKind.MACHINE):
        viewer_for(actor).require(verb)


def values(row: Any, names: Iterable[str]) -> dict[str, Any]:
    """These fields as the log keeps them; 2.50 and 2.5 are one amount."""
    return {name: _kept(getattr(row, name)) for name in names}


def _kept(value: Any) -> Any:
    return f"{value.normalize():f}" if isinstance(value, Decimal) else value


def fingerprint(seen: Mapping[str, Any]) -> str:
    """What a form carries, so that an edit made from an old page is noticed."""
    text = json.dumps(plain(dict(seen)), sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def check_seen(before: Mapping[str, Any], seen: str) -> None:
    """`Conflict` when the row is no longer what the form was made from. An empty `seen` asks for no check."""
    if seen and seen != fingerprint(before):
        raise Conflict(
            "Somebody changed this meanwhile. Nothing was saved; below is what you typed. "
            "Reload the page to see theirs, then change what you still want changed."
        )


def found(model: type[M], row_id: int, what: str) -> M:
    """The row, locked until the transaction ends."""
    row = model._default_manager.select_for_update().filter(pk=row_id).first()
    if row is None:
        raise NotFound(f"There is no such {what}.")
    return row


def apply(row: Any, fields: Mapping[str, Any], allowed: set[str]) -> None:
    """Set these fields; a field that can't be changed is a mistake of the caller and said so."""
    for name, value in fields.items():
        if name not in allowed:
            raise Invalid(f"There is no field {name} to change.", {name: "unknown"})
        setattr(row, name, value)


def unique(model: type[Model], row: Any, name: str, what: str, *, field: str = "") -> None:
    """`Invalid` at `field` when the value is empty or another row has it, in whatever case."""
    value = str(getattr(row, name)).strip()
    if not value:
        raise Invalid(f"A {what} needs a {name}.", {field or name: "Give it one."})
    others = model._default_manager.filter(**{f"{name}__iexact": value}).exclude(pk=row.pk)
    if others.exists():
        message = f"There is already a {what} of this {name}."
        raise Invalid(message, {field or name: message})
