"""The side of the incident page: evidence in cards, the probable cause first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _

from firstline.diagnosis.queries import Item as Evidence

SHOWN = 5


@dataclass(frozen=True, kw_only=True)
class Item:
    title: str
    detail: str
    why: str
    href: str


@dataclass(frozen=True, kw_only=True)
class Group:
    title: str
    items: list[Item]
    note: str = ""
    tone: str = ""


def _titles() -> dict[str, str]:
    return {
        "known_error": _("Known errors"),
        "similar": _("Similar incidents"),
        "change": _("Recent changes"),
        "upstream": _("Services it depends on"),
        "check": _("Checks"),
        "runbook": _("Runbook"),
        "downstream": _("Scale"),
    }


def groups(found: Mapping[str, Sequence[Evidence]]) -> list[Group]:
    """Cards in the order in which they help; what points at the cause is gathered in the first."""
    causes = [row for rows in found.values() for row in rows if row.data.get("tone") == "alarm"]
    cards = []
    if causes:
        cards.append(Group(title=_("Likely cause"), items=[_item(row) for row in causes], tone="alarm"))
    for kind, title in _titles().items():
        rows = [row for row in found.get(kind, ()) if row.data.get("tone") != "alarm"]
        if rows:
            cards.append(Group(title=title, items=[_item(row) for row in rows[:SHOWN]], note=str(len(rows))))
    return cards


def _item(row: Evidence) -> Item:
    why = row.why.get("text", "")
    return Item(
        title=str(row.data.get("title", row.key)),
        detail=str(row.data.get("detail", "")),
        why=str(why),
        href=_href(row),
    )


def _href(row: Evidence) -> str:
    if isinstance(row.data.get("incident_id"), int):
        return reverse("console:incident", args=[row.data["incident_id"]])
    if isinstance(row.data.get("problem_id"), int):
        try:
            return reverse("console:problem", args=[row.data["problem_id"]])
        except NoReverseMatch:
            return ""
    return ""
