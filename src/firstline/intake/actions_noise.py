"""Every write to the rules that mute. An edit is a new version in force from now on; the past keeps its own."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec
from django.db import transaction
from django.utils.translation import gettext as _

from firstline.catalog.editing import authorise, check_seen, found
from firstline.core import config_log
from firstline.core.actor import Actor
from firstline.core.errors import Invalid
from firstline.core.event_log import plain
from firstline.intake.matching import Match
from firstline.intake.models import NoiseRule, NoiseVersion
from firstline.intake.noise import rule_changed
from firstline.intake.suppression import (
    KINDS,
    Dependency,
    Flapping,
    Inhibition,
    Maintenance,
    Rule,
    Suppression,
    Threshold,
)
from firstline.intake.windows import Once

VERB = "noise.edit"
ALWAYS = (
    "configuration.edit"  # what has no end within a week, is more than a rule of muting, or names security
)
SOON = timedelta(days=7)
MOST_RULES = 5000


def rule_from(kind: str, definition: Any) -> Rule:
    """The rule that this JSON is; `Invalid` says what is wrong with it."""
    if kind not in KINDS:
        raise Invalid(_("There is no such kind of rule."), {"kind": _("Choose one of the list.")})
    try:
        return msgspec.convert(definition, KINDS[kind])
    except (msgspec.ValidationError, ValueError) as error:
        raise Invalid(str(error), {"definition": str(error)}) from None


@transaction.atomic
def create_rule(
    *, kind: str, name: str, definition: Rule | Mapping[str, Any], actor: Actor, now: datetime
) -> NoiseRule:
    """Write a rule; it mutes from now on what fires and what comes."""
    rule = definition if isinstance(definition, Rule) else rule_from(kind, definition)
    _may(actor, rule, now)
    _check(kind, name, rule, now)
    if NoiseRule.objects.filter(deleted_at=None).count() >= MOST_RULES:
        raise Invalid(_("There are too many rules already; end some first."))
    row = NoiseRule.objects.create(kind=kind, name=name.strip(), created_at=now)
    version = _add_version(row, rule, 1, actor, now)
    config_log.changed(f"{kind} rule", row.id, actor=actor, now=now, before=None, after=_values(row, version))
    rule_changed(row, now)
    return row


@transaction.atomic
def edit_rule(
    rule_id: int,
    *,
    actor: Actor,
    now: datetime,
    name: str | None = None,
    definition: Rule | Mapping[str, Any] | None = None,
    seen: str = "",
) -> NoiseRule:
    """Change a rule from now on. `Conflict` when it is no longer what the form was made from."""
    authorise(actor, VERB)
    row = kept(rule_id)
    current = NoiseVersion.objects.select_for_update().get(rule=row, valid_to=None)
    held = rule_from(row.kind, current.definition)
    before = _values(row, current)
    check_seen(before, seen)
    rule = held if definition is None else definition
    rule = rule if isinstance(rule, Rule) else rule_from(row.kind, rule)
    _may(actor, held, now)
    _may(actor, rule, now)
    row.name = (row.name if name is None else name).strip()
    _check(row.kind, row.name, rule, now, before=held)
    row.save(update_fields=["name"])
    version = current
    if _stored(rule) != current.definition:
        _end_version(current, now)
        version = _add_version(row, rule, current.number + 1, actor, now)
        rule_changed(row, now)
    config_log.changed(
        f"{row.kind} rule", row.id, actor=actor, now=now, before=before, after=_values(row, version)
    )
    return row


def end_rule(rule_id: int, *, actor: Actor, now: datetime) -> NoiseRule:
    """Let it expire now: it stays in the list, and mutes nothing any more."""
    current = NoiseVersion.objects.filter(rule_id=rule_id, valid_to=None).first()
    definition = dict(current.definition) if current else {}
    return edit_rule(rule_id, actor=actor, now=now, definition={**definition, "until": now.isoformat()})


@transaction.atomic
def delete_rule(rule_id: int, *, actor: Actor, now: datetime) -> None:
    """Take it out of the list. What it muted is looked at again; what it did stays known."""
    authorise(actor, VERB)
    row = kept(rule_id)
    current = NoiseVersion.objects.select_for_update().get(rule=row, valid_to=None)
    _may(actor, rule_from(row.kind, current.definition), now)
    _end_version(current, now)
    row.deleted_at = now
    row.save(update_fields=["deleted_at"])
    config_log.changed(
        f"{row.kind} rule", row.id, actor=actor, now=now, before=_values(row, current), after=None
    )
    rule_changed(row, now)


def needs_administrator(rule: Rule, now: datetime) -> bool:
    """Whether only an administrator may write, change or end it: what mutes for long, for others, or security."""
    if rule.match.security != "no" or not isinstance(rule, Suppression | Maintenance):
        return True
    ends = [rule.until] if rule.until is not None else []
    if isinstance(rule, Maintenance) and isinstance(rule.window, Once):
        ends.append(rule.window.end)
    return not ends or min(ends) - now > SOON


def _may(actor: Actor, rule: Rule, now: datetime) -> None:
    authorise(actor, VERB)
    if needs_administrator(rule, now):
        authorise(actor, ALWAYS)


def kept(rule_id: int) -> NoiseRule:
    """The rule, locked; `NotFound` for one that was deleted."""
    row = found(NoiseRule, rule_id, "rule")
    return row if row.deleted_at is None else found(NoiseRule, -1, "rule")


def seen_values(row: NoiseRule, version: NoiseVersion) -> dict[str, Any]:
    """What a form is made from, for `seen`."""
    return _values(row, version)


def _values(row: NoiseRule, version: NoiseVersion) -> dict[str, Any]:
    return {"name": row.name, "definition": version.definition}


def _stored(rule: Rule) -> Any:
    """As JSON gives it back."""
    return plain(msgspec.to_builtins(rule))


def _add_version(row: NoiseRule, rule: Rule, number: int, actor: Actor, now: datetime) -> NoiseVersion:
    return NoiseVersion.objects.create(
        rule=row,
        number=number,
        definition=_stored(rule),
        valid_from=now,
        created_by_id=actor.id if actor.is_human else None,
    )


def _end_version(version: NoiseVersion, now: datetime) -> None:
    version.valid_to = now
    version.save(update_fields=["valid_to"])


def _check(kind: str, name: str, rule: Rule, now: datetime, before: Rule | None = None) -> None:
    if KINDS.get(kind) is not type(rule):
        raise Invalid(_("There is no such kind of rule."), {"kind": _("Choose one of the list.")})
    if not name.strip():
        raise Invalid(_("A rule needs a name."), {"name": _("Give it one.")})
    if len(name.strip()) > 120:
        raise Invalid(_("The name is too long."), {"name": _("At most 120 characters.")})
    if not isinstance(rule, Dependency | Flapping | Threshold) and rule.match.is_empty:
        message = _("Say which alerts it means: a rule without conditions would mute everything.")
        raise Invalid(message, {"match": message})
    if isinstance(rule, Inhibition) and rule.cause == Match():
        message = _("Say which alert mutes the others.")
        raise Invalid(message, {"cause": message})
    until = rule.until if isinstance(rule, Suppression) else None
    if until is not None and until.tzinfo is None:
        raise Invalid(_("The end needs an offset."), {"until": _("An instant with its offset.")})
    window = getattr(rule, "window", None)
    changed = before is None or getattr(before, "window", None) != window
    if isinstance(window, Once) and window.end <= now and changed:
        raise Invalid(_("This window is over already."), {"end": _("This is in the past.")})
