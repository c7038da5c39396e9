"""Observables of an alert in words, for its page."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _l

from firstline.intake.entities import hash_kind
from firstline.intake.mitre import name_of
from firstline.intake.signal import EntityKind

KINDS: dict[str, str | Promise] = {
    EntityKind.HOST: _l("Host"),
    EntityKind.IP: _l("Address"),
    EntityKind.USER: _l("User"),
    EntityKind.PROCESS: _l("Process"),
    EntityKind.FILE_HASH: _l("File hash"),
    EntityKind.URL: _l("URL"),
    EntityKind.DOMAIN: _l("Domain"),
}
ROLES: dict[str, str | Promise] = {
    "source": _l("where it came from"),
    "target": _l("what was hit"),
    "actor": _l("who did it"),
    "parent": _l("what started it"),
    "sensor": _l("who saw it"),
}


@dataclass(frozen=True, slots=True)
class Observable:
    """One line; `role` is empty where the tool doesn't say it."""

    kind: str | Promise
    value: str
    role: str | Promise = ""


def observables_of(entities: Iterable[Mapping[str, Any]]) -> list[Observable]:
    """The lines of a stored alert, by kind, in the order that people look for them."""
    order = list(KINDS)
    found = [each for each in entities if each.get("kind") in KINDS]
    return [
        Observable(_kind(each), str(each["value"]), ROLES.get(str(each.get("role", "")), ""))
        for each in sorted(found, key=lambda each: order.index(each["kind"]))
    ]


def _kind(entity: Mapping[str, Any]) -> str | Promise:
    if entity["kind"] == EntityKind.FILE_HASH and (algorithm := hash_kind(str(entity["value"]))):
        return algorithm.upper()
    return KINDS[entity["kind"]]


def tactics_of(tactics: Iterable[str]) -> list[str]:
    """`TA0006` → `TA0006 Credential Access`."""
    return [each if name_of(each) == each else f"{each} {name_of(each)}" for each in tactics]
