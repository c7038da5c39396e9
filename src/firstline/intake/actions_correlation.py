"""Every write to the list of correlation rules. The log keeps each version; rules decide about what comes next only."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from firstline.catalog.editing import apply, authorise, check_seen, found, unique, values
from firstline.core import config_log
from firstline.core.actor import Actor
from firstline.core.errors import Conflict, Invalid
from firstline.intake.grounds import DEFAULT_RULES, Ground, Rule
from firstline.intake.models import CorrelationRule

RULE = ("name", "definition", "active")
STEP = 10
THING = "correlation_rule"


def rule_from(definition: Mapping[str, Any]) -> Rule:
    """The rule that this JSON is; `Invalid` says what is wrong with it, and at which field."""
    if "id" in definition:
        raise Invalid(_("A rule has no id of its own."), {"id": _("Leave it out.")})
    try:
        return msgspec.convert(definition, Rule)
    except msgspec.ValidationError as error:
        text = str(error)
        named = next(
            (name for name in Rule.__struct_fields__ if f"$.{name}" in text or text.startswith(f"{name}:")),
            "",
        )
        raise Invalid(text, {named or "definition": text}) from error


def stored(rule: Rule) -> dict[str, Any]:
    """The rule as its row keeps it: everything, so that a later default changes no saved rule."""
    kept: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(rule))
    del kept["id"]
    return kept


def default_names() -> dict[Ground, str]:
    """What the built-in rules are called when they are first saved."""
    return {
        Ground.ALERT: _("The same alert again"),
        Ground.GROUP: _("One group of the source"),
        Ground.ENTITY: _("One attack: shared entities"),
        Ground.CI: _("One machine"),
        Ground.SERVICE: _("One service"),
        Ground.DEPENDENCY: _("Up and down the dependency graph"),
        Ground.TEMPLATE: _("The same wording"),
    }


@transaction.atomic
def ensure_rules(*, actor: Actor, now: datetime) -> None:
    """Save the built-in list where none was ever saved, so that it can be seen, ordered and changed."""
    if CorrelationRule.objects.exists():
        return
    names = default_names()
    for rule in DEFAULT_RULES:
        create_rule(name=names[rule.ground], rule=rule, actor=actor, now=now)


@transaction.atomic
def create_rule(
    *, name: str, rule: Rule, actor: Actor, now: datetime, active: bool = True, position: int | None = None
) -> CorrelationRule:
    """Add a rule, at the end of the list where no position is given."""
    authorise(actor, "correlation.edit")
    last = CorrelationRule.objects.aggregate(last=Max("position"))["last"] or 0
    row = CorrelationRule(
        name=name.strip(), definition=stored(rule), active=active, position=position or last + STEP
    )
    unique(CorrelationRule, row, "name", "rule")
    row.save()
    config_log.changed(THING, row.id, actor=actor, now=now, before=None, after=values(row, RULE))
    return row


@transaction.atomic
def edit_rule(
    rule_id: int, *, actor: Actor, now: datetime, seen: str = "", rule: Rule | None = None, **fields: Any
) -> CorrelationRule:
    """Change a rule; `Conflict` when it is no longer what the form was made from."""
    authorise(actor, "correlation.edit")
    row = found(CorrelationRule, rule_id, "rule")
    before = values(row, RULE)
    check_seen(before, seen)
    apply(row, fields, {"name", "active"})
    if rule is not None:
        row.definition = stored(rule)
    row.name = row.name.strip()
    unique(CorrelationRule, row, "name", "rule")
    row.save()
    config_log.changed(THING, row.id, actor=actor, now=now, before=before, after=values(row, RULE))
    return row


@transaction.atomic
def delete_rule(rule_id: int, *, actor: Actor, now: datetime) -> None:
    """Take a rule away; the log keeps what it said. The last one stays: switch it off instead, since no rule at all
    means the built-in list."""
    authorise(actor, "correlation.edit")
    row = found(CorrelationRule, rule_id, "rule")
    if not CorrelationRule.objects.exclude(id=row.id).exists():
        raise Invalid(
            _("This is the last rule. Switch it off instead: without any, the built-in ones are in force.")
        )
    row.delete()
    config_log.changed(THING, rule_id, actor=actor, now=now, before=values(row, RULE), after=None)


@transaction.atomic
def reorder(rule_ids: Sequence[int], *, actor: Actor, now: datetime) -> None:
    """Try the rules in this order from now on. `Conflict` unless all rules there are, and no others, are named."""
    authorise(actor, "correlation.edit")
    rows = {row.id: row for row in CorrelationRule.objects.select_for_update().order_by("position", "id")}
    if sorted(rows) != sorted(rule_ids):
        raise Conflict("Rules were added or taken away meanwhile. Reload the page and order them again.")
    before = list(rows)
    for place, rule_id in enumerate(rule_ids, start=1):
        rows[rule_id].position = place * STEP
    CorrelationRule.objects.bulk_update(rows.values(), ["position"])
    config_log.changed(
        f"{THING}s", 0, actor=actor, now=now, before={"order": before}, after={"order": list(rule_ids)}
    )


@transaction.atomic
def move(rule_id: int, *, up: bool, actor: Actor, now: datetime) -> None:
    """Exchange a rule with its neighbour; nothing at the end of the list."""
    authorise(actor, "correlation.edit")
    found(CorrelationRule, rule_id, "rule")
    order = list(CorrelationRule.objects.order_by("position", "id").values_list("id", flat=True))
    at = order.index(rule_id)
    other = at - 1 if up else at + 1
    if 0 <= other < len(order):
        order[at], order[other] = order[other], order[at]
        reorder(order, actor=actor, now=now)
