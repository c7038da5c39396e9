"""Every write to the list of rules, and what they do to incidents that are being registered."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from django.db import transaction
from django.db.models import Max

from firstline.catalog.editing import apply, authorise, check_seen, found, values
from firstline.classification.models import Rule
from firstline.classification.queries import Origin, decisions
from firstline.classification.routing import Decision
from firstline.classification.rules import Condition
from firstline.core import config_log, event_log
from firstline.core.actor import Actor
from firstline.core.errors import Conflict, Invalid
from firstline.core.event_log import plain
from firstline.incidents.actions.writing import change, save
from firstline.incidents.events import Categorised
from firstline.incidents.models import Incident

RULE = ("name", "condition", "category_id", "group_id", "service_id", "security", "active")
STEP = 10


def condition_from(definition: Any) -> Condition:
    """The condition that this JSON is; `Invalid` says what is wrong with it, and at which field."""
    try:
        return msgspec.convert(definition, Condition)
    except msgspec.ValidationError as error:
        field = "pattern" if "attern" in str(error) or "expression" in str(error) else "condition"
        raise Invalid(str(error), {field: str(error)}) from error


@transaction.atomic
def create_rule(
    *,
    name: str,
    condition: Condition,
    actor: Actor,
    now: datetime,
    position: int | None = None,
    **fields: Any,
) -> Rule:
    """Add a rule, at the end of the list where no position is given."""
    authorise(actor, "configuration.edit")
    last = Rule.objects.aggregate(last=Max("position"))["last"] or 0
    rule = Rule(name=name.strip(), condition=stored(condition), position=position or last + STEP)
    apply(rule, fields, set(RULE) - {"name", "condition"})
    _check(rule)
    rule.save()
    config_log.changed("rule", rule.id, actor=actor, now=now, before=None, after=values(rule, RULE))
    return rule


@transaction.atomic
def edit_rule(
    rule_id: int,
    *,
    actor: Actor,
    now: datetime,
    seen: str = "",
    condition: Condition | None = None,
    **fields: Any,
) -> Rule:
    authorise(actor, "configuration.edit")
    rule = found(Rule, rule_id, "rule")
    before = values(rule, RULE)
    check_seen(before, seen)
    apply(rule, fields, set(RULE) - {"condition"})
    if condition is not None:
        rule.condition = stored(condition)
    _check(rule)
    rule.save()
    config_log.changed("rule", rule.id, actor=actor, now=now, before=before, after=values(rule, RULE))
    return rule


@transaction.atomic
def delete_rule(rule_id: int, *, actor: Actor, now: datetime) -> None:
    """Take a rule away. The log keeps what it said, so that earlier decisions stay explained."""
    authorise(actor, "configuration.edit")
    rule = found(Rule, rule_id, "rule")
    rule.delete()
    config_log.changed("rule", rule_id, actor=actor, now=now, before=values(rule, RULE), after=None)


@transaction.atomic
def reorder(rule_ids: Sequence[int], *, actor: Actor, now: datetime) -> None:
    """Try the rules in this order from now on. `Conflict` unless all rules there are, and no others, are named."""
    authorise(actor, "configuration.edit")
    rows = {rule.id: rule for rule in Rule.objects.select_for_update().order_by("position", "id")}
    if sorted(rows) != sorted(rule_ids):
        raise Conflict("Rules were added or taken away meanwhile. Reload the page and order them again.")
    before = list(rows)
    for place, rule_id in enumerate(rule_ids, start=1):
        rows[rule_id].position = place * STEP
    Rule.objects.bulk_update(rows.values(), ["position"])
    config_log.changed(
        "rules", 0, actor=actor, now=now, before={"order": before}, after={"order": list(rule_ids)}
    )


def move(rule_id: int, *, up: bool, actor: Actor, now: datetime) -> None:
    """Exchange a rule with its neighbour; nothing at the end of the list."""
    with transaction.atomic():
        order = list(Rule.objects.order_by("position", "id").values_list("id", flat=True))
        found(Rule, rule_id, "rule")
        at = order.index(rule_id)
        other = at - 1 if up else at + 1
        if 0 <= other < len(order):
            order[at], order[other] = order[other], order[at]
            reorder(order, actor=actor, now=now)


def categorise_new(
    rows: Sequence[Incident], *, now: datetime, origins: Mapping[int, Origin] | None = None
) -> dict[int, tuple[int, str]]:
    """The first step after registration, for a batch of locked incidents: rules set category, service and the
    security flag where nobody did. Each gets its event, also when no rule matches. Runs in the caller's transaction.

    Returns the group that should own each and why, where something says so (`incidents.actions.triage.give_owner`).
    """
    decided = decisions([row.id for row in rows], origins)
    events = []
    for row in rows:
        decision = decided[row.id]
        events.append(_categorised(row, decision, now))
    save(rows, ["category_id", "service_id", "security"], now=now)
    event_log.record(events, now=now)
    return {
        id: (decision.group_id, decision.why["group_from"])
        for id, decision in decided.items()
        if decision.group_id is not None and decision.why["group_from"] not in ("given", "catch_all")
    }


def _categorised(row: Incident, decision: Decision, now: datetime) -> Categorised:
    changes = change(
        row,
        now,
        category_id=decision.category_id,
        service_id=decision.service_id,
        security=decision.security,
    )
    # a category given at registration is a change to the log's reader all the same
    changes.setdefault("category_id", (None, decision.category_id))
    row.version += 1
    actor = Actor.rule(decision.rule_id) if decision.rule_id is not None else Actor.system("triage")
    return Categorised(
        subject_id=row.id,
        actor=actor,
        occurred_at=now,
        changes=changes,
        why=decision.why,
        version=row.version,
    )


def stored(condition: Condition) -> Any:
    return plain(msgspec.to_builtins(condition))


def _check(rule: Rule) -> None:
    if not rule.name:
        raise Invalid(
            "A rule needs a name.", {"name": "Say what it is for; the name stands in the timeline."}
        )
    if not (rule.category_id or rule.group_id or rule.service_id or rule.security):
        message = "A rule must set something: a category, a group, a service or the security flag."
        raise Invalid(message, {"category": message})
