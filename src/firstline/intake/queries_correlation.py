"""Every read of the correlation rules, for a viewer: the list, one, and what another list would make of past alerts."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from firstline.accounts.viewer import Viewer
from firstline.core.errors import NotFound
from firstline.intake import candidates, explaining
from firstline.intake.correlation import Arrival, Decision
from firstline.intake.explaining import Names
from firstline.intake.grounds import Rule
from firstline.intake.models import AlertSpan, CorrelationRule, IncidentKey
from firstline.intake.moving import arrival_of
from firstline.intake.queries import alert_spans
from firstline.intake.trying import Difference, difference

MOST = 2000


def rules(viewer: Viewer) -> QuerySet[CorrelationRule]:
    """The rules in the order in which they are tried."""
    viewer.require("correlation.read")
    return CorrelationRule.objects.order_by("position", "id")


def rule(viewer: Viewer, rule_id: int) -> CorrelationRule:
    found = rules(viewer).filter(id=rule_id).first()
    if found is None:
        raise NotFound(_("There is no such rule."))
    return found


@dataclass(frozen=True, slots=True)
class Move:
    """An alert that other rules would put with others: `left` alerts it would no longer be with, `met` new ones."""

    span: AlertSpan
    left: int
    met: int
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Trial:
    """What a list of rules makes of the last alerts; `taken` of them decided by each rule's place in the list."""

    alerts: int
    found: Difference
    moves: list[Move]
    taken: dict[int, int]
    rules: tuple[Rule, ...]


def dry_run(viewer: Viewer, other: Sequence[Rule], *, last: int = 500, shown: int = 100) -> Trial:
    """The last alerts that the viewer may see, through the rules in force and through `other`. Nothing is changed."""
    viewer.require("correlation.read")
    spans = list(alert_spans(viewer).order_by("-id")[: min(last, MOST)])
    spans.sort(key=lambda span: (span.first_seen_at, span.id))
    present = candidates.rules_in_force()
    arrivals = with_neighbours([arrival_of(span) for span in spans], [*present, *other])
    now = max((span.first_seen_at for span in spans), default=None)
    frequency = candidates.frequency_of(arrivals, [*present, *other], now) if now else {}
    found = difference(arrivals, present, other, frequency)
    moved = found.moved[:shown]
    names = _names([each.before for each in moved] + [each.after for each in moved])
    return Trial(
        alerts=len(spans),
        found=found,
        moves=[
            Move(spans[m.place], m.left, m.met, _said(m.before, names), _said(m.after, names)) for m in moved
        ],
        taken=_taken(found.decided, other),
        rules=tuple(other),
    )


def with_neighbours(arrivals: Sequence[Arrival], rules: Sequence[Rule]) -> list[Arrival]:
    """The arrivals with what is near them in the dependency graph."""
    services = {each.service_id for each in arrivals if each.service_id is not None}
    near = candidates.neighbours(services, rules)
    return [
        replace(each, near=near[each.service_id]) if each.service_id is not None else each
        for each in arrivals
    ]


def _taken(decided: Sequence[Decision], other: Sequence[Rule]) -> dict[int, int]:
    places = {id(rule): place for place, rule in enumerate(other)}
    found = dict.fromkeys(range(len(other)), 0)
    for each in decided:
        if each.rule is not None:
            found[places[id(each.rule)]] += 1
    return found


def _names(decisions: Sequence[Decision]) -> Names:
    """Names for reasons that were never stored: the texts in common stand in the decisions themselves."""
    return explaining.names_of(each.why for each in decisions)


def _said(decision: Decision, names: Names) -> str:
    """The reason in words; keys get the numbers that the sentence looks them up by."""
    rows = {-n: IncidentKey(ground=kind, value=value, detail=_detail(decision, kind, value))
            for n, (kind, value) in enumerate(decision.common, 1)}  # fmt: skip
    mine = replace(names, keys=rows)
    return explaining.sentence(decision.ground or "first", {**decision.why, "keys": list(rows)}, mine)


def _detail(decision: Decision, kind: str, value: str) -> str:
    if kind == "template":
        return " ".join(decision.arrival.template)
    return value.partition(":")[2]
