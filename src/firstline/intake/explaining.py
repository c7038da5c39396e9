"""Why an alert is part of an incident, in words: the edge keeps ids and numbers, the words are looked up here."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from firstline.catalog.models import ConfigurationItem, Service
from firstline.incidents.models import Incident
from firstline.intake.grounds import Ground
from firstline.intake.models import CorrelationRule, Edge, IncidentKey

PERSON = "person"
SHOWN = 3


@dataclass(frozen=True, slots=True)
class Names:
    """What the reasons of some edges speak of, by id."""

    keys: Mapping[int, IncidentKey]
    services: Mapping[int, str]
    items: Mapping[int, str]
    rules: Mapping[int, str]
    incidents: Mapping[int, str]


def explained(edges: Sequence[Edge]) -> list[tuple[Edge, str]]:
    """Each edge with its reason as a sentence; five queries at most, whatever their number."""
    names = names_of(edge.why for edge in edges)
    return [(edge, sentence(edge.rule, edge.why, names)) for edge in edges]


def names_of(whys: Iterable[Mapping[str, Any]]) -> Names:
    ids: dict[str, set[int]] = {
        name: set() for name in ("keys", "service", "other", "ci", "rule", "incident")
    }
    for why in whys:
        ids["keys"].update(why.get("keys", ()))
        for name in ("service", "other", "ci", "rule", "incident"):
            if isinstance(why.get(name), int):
                ids[name].add(why[name])
    services = ids["service"] | ids["other"]
    return Names(
        keys=IncidentKey.objects.in_bulk(ids["keys"]) if ids["keys"] else {},
        services=_named(Service, services),
        items=_named(ConfigurationItem, ids["ci"]),
        rules=_named(CorrelationRule, ids["rule"] - {0}),
        incidents={row.id: row.number for row in Incident.objects.filter(id__in=ids["incident"]).only("id")}
        if ids["incident"]
        else {},
    )


def _named(model: Any, ids: set[int]) -> dict[int, str]:
    return dict(model.objects.filter(id__in=ids).values_list("id", "name")) if ids else {}


def sentence(ground: str, why: Mapping[str, Any], names: Names) -> str:
    """The reason, and the rule that an administrator named."""
    made = _REASONS.get(ground)
    if made is None:
        return _("It opened the incident: nothing open had anything in common with it.")
    text = made(why, names)
    rule = names.rules.get(why.get("rule", 0))
    return _("%(reason)s Rule “%(rule)s”.") % {"reason": text, "rule": rule} if rule else text


def _when(why: Mapping[str, Any]) -> str:
    minutes, window = int(why.get("quiet_seconds", 0)) // 60, int(why.get("window", 0))
    ago = ngettext("%(n)s minute after the last", "%(n)s minutes after the last", minutes) % {"n": minutes}
    return _("%(ago)s, within %(window)s min") % {"ago": ago, "window": window} if window else ago


def _texts(why: Mapping[str, Any], names: Names) -> list[IncidentKey]:
    return [names.keys[key] for key in why.get("keys", ()) if key in names.keys]


def _alert(why: Mapping[str, Any], names: Names) -> str:
    return _("The same alert was already part of it.")


def _group(why: Mapping[str, Any], names: Names) -> str:
    return _("The source put it into the same group.")


def _ci(why: Mapping[str, Any], names: Names) -> str:
    item = names.items.get(why.get("ci", 0), "")
    return _("Same configuration item %(name)s, %(when)s.") % {"name": item, "when": _when(why)}


def _service(why: Mapping[str, Any], names: Names) -> str:
    service = names.services.get(why.get("service", 0), "")
    return _("Same service %(name)s, %(when)s.") % {"name": service, "when": _when(why)}


def _dependency(why: Mapping[str, Any], names: Names) -> str:
    """ "Database below Shop" where the other is what this one needs."""
    mine = names.services.get(why.get("service", 0), "?")
    other = names.services.get(why.get("other", 0), "?")
    steps = int(why.get("steps", 1))
    below, above = (other, mine) if steps > 0 else (mine, other)
    hops = ngettext("%(n)s step", "%(n)s steps", abs(steps)) % {"n": abs(steps)}
    return _("%(below)s is below %(above)s in the dependency graph (%(hops)s); %(when)s.") % {
        "below": below,
        "above": above,
        "hops": hops,
        "when": _when(why),
    }


def _entity(why: Mapping[str, Any], names: Names) -> str:
    shared = [f"{key.value.partition(':')[0].replace('_', ' ')} {key.detail}" for key in _texts(why, names)]
    more = len(shared) - SHOWN
    listed = ", ".join(shared[:SHOWN]) + (
        ngettext(" and %(n)s more", " and %(n)s more", more) % {"n": more} if more > 0 else ""
    )
    return _("Shares %(entities)s (%(weight)s points, %(needed)s needed), %(when)s.") % {
        "entities": listed or _("entities"),
        "weight": why.get("weight", 0),
        "needed": why.get("needed", 0),
        "when": _when(why),
    }


def _template(why: Mapping[str, Any], names: Names) -> str:
    known = _texts(why, names)
    return _("Same wording “%(template)s” (%(similarity)s %% alike), %(when)s.") % {
        "template": known[0].detail if known else "…",
        "similarity": why.get("similarity", 0),
        "when": _when(why),
    }


def _person(why: Mapping[str, Any], names: Names) -> str:
    number = names.incidents.get(why.get("incident", 0))
    if number is None:
        return _("A person moved it here.")
    return _("A person moved it here from %(number)s.") % {"number": number}


_REASONS = {
    Ground.ALERT.value: _alert,
    Ground.GROUP.value: _group,
    Ground.CI.value: _ci,
    Ground.SERVICE.value: _service,
    Ground.DEPENDENCY.value: _dependency,
    Ground.ENTITY.value: _entity,
    Ground.TEMPLATE.value: _template,
    PERSON: _person,
}
