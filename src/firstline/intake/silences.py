"""Alertmanager's silences as rules that mute: those of a source, for its own alerts, on labels alone.

A silence is a *suppression* until its end; one that begins later is a *maintenance window*. Rules of people that
look the same are silences too; all others are none of Alertmanager's business and stay unseen here.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from firstline.core.actor import Actor
from firstline.core.errors import Invalid, NotFound
from firstline.intake.actions_noise import create_rule, edit_rule, end_rule
from firstline.intake.matching import Condition, Field, Match, Op
from firstline.intake.models import NoiseVersion, Source
from firstline.intake.sources.alertmanager.matchers import Matcher, anchored
from firstline.intake.suppression import KINDS, Maintenance, Rule, Suppression
from firstline.intake.windows import Once

RULES = ("suppression", "maintenance")
BY = "Silence by "
KEPT = timedelta(hours=120)  # how long Alertmanager remembers one that is over
MOST = 1000


class Silence(msgspec.Struct, frozen=True, kw_only=True):
    """A silence as Alertmanager has it. `id` is the rule's; 0 before it is stored."""

    id: int = 0
    matchers: tuple[Matcher, ...]
    starts_at: datetime
    ends_at: datetime
    updated_at: datetime | None = None
    created_by: str = ""
    comment: str = ""

    def state(self, now: datetime) -> str:
        if self.ends_at <= now:
            return "expired"
        return "pending" if self.starts_at > now else "active"


def silences(source: Source, *, now: datetime) -> list[Silence]:
    """Those of the source that are not long over, the latest first."""
    rows = _versions(source).order_by("-rule_id")[:MOST]
    found = [silence for row in rows if (silence := _silence(row)) is not None]
    return [silence for silence in found if silence.ends_at > now - KEPT]


def silence(source: Source, rule_id: int) -> Silence:
    """`NotFound` for a rule that is no silence of this source."""
    row = _versions(source).filter(rule_id=rule_id).first()
    found = _silence(row) if row is not None else None
    if found is None:
        raise NotFound("silence not found")
    return found


def put(source: Source, wanted: Silence, *, now: datetime) -> int:
    """Store a silence, or change the one of its id; returns the rule's id. `Invalid` says what is wrong with it."""
    if source.security:
        raise Invalid("invalid silence: alerts of a security source are muted in Firstline, not from outside")
    if not wanted.matchers:
        raise Invalid("invalid silence: at least one matcher required")
    if wanted.ends_at <= now or wanted.ends_at <= wanted.starts_at:
        raise Invalid("invalid silence: end time can't be in the past or before the start")
    actor = Actor.source(source.id, via="alertmanager")
    kind, rule = _rule(source, wanted, now)
    name = f"{BY}{wanted.created_by or source.name}"[:120]
    if wanted.id:
        before = _versions(source).filter(rule_id=wanted.id).first()
        if before is None or _silence(before) is None:
            raise NotFound("silence not found")
        if before.rule.kind == kind:
            return edit_rule(wanted.id, actor=actor, now=now, name=name, definition=rule).id
        end_rule(wanted.id, actor=actor, now=now)
    return create_rule(kind=kind, name=name, definition=rule, actor=actor, now=now).id


def expire(source: Source, rule_id: int, *, now: datetime) -> None:
    """End a silence now. `NotFound` for what is none of the source's, `Invalid` for one that is over."""
    if silence(source, rule_id).ends_at <= now:
        raise Invalid("silence is already expired")
    end_rule(rule_id, actor=Actor.source(source.id, via="alertmanager"), now=now)


def _versions(source: Source) -> Any:
    return NoiseVersion.objects.filter(
        valid_to=None,
        rule__deleted_at=None,
        rule__kind__in=RULES,
        definition__match__sources=[source.id],
    ).select_related("rule")


def _rule(source: Source, wanted: Silence, now: datetime) -> tuple[str, Rule]:
    conditions = tuple(_condition(matcher) for matcher in wanted.matchers)
    match = Match(sources=(source.id,), conditions=conditions)
    if wanted.starts_at > now:
        window = Once(wanted.starts_at, wanted.ends_at)
        return "maintenance", Maintenance(match=match, reason=wanted.comment, window=window)
    return "suppression", Suppression(match=match, reason=wanted.comment, until=wanted.ends_at)


def _condition(matcher: Matcher) -> Condition:
    """A label that isn't there has the empty value, as for Alertmanager."""
    try:
        if not matcher.is_regex and not matcher.value:
            op = Op.ABSENT if matcher.is_equal else Op.PRESENT
            return Condition(Field.LABEL, op, (), matcher.name)
        if matcher.is_regex:
            op = Op.MATCHES if matcher.is_equal else Op.NOT_MATCHES
            return Condition(Field.LABEL, op, (anchored(matcher.value),), matcher.name)
        op = Op.EQUALS if matcher.is_equal else Op.NOT_EQUALS
        return Condition(Field.LABEL, op, (matcher.value,), matcher.name)
    except ValueError as error:
        raise Invalid(f"invalid silence: {error}") from None


def _silence(row: NoiseVersion) -> Silence | None:
    """None for a rule that no silence can say."""
    try:
        rule = msgspec.convert(row.definition, KINDS[row.rule.kind])
    except (msgspec.ValidationError, ValueError):
        return None
    match = rule.match
    if match.services or match.cis or not match.conditions:
        return None
    matchers = [_matcher(condition) for condition in match.conditions]
    times = _times(row, rule)
    if times is None or None in matchers:
        return None
    name = row.rule.name
    return Silence(
        id=row.rule_id,
        matchers=_known(matchers),
        starts_at=times[0],
        ends_at=times[1],
        updated_at=row.valid_from,
        created_by=name.removeprefix(BY) if name.startswith(BY) else "Firstline",
        comment=rule.reason or name,
    )


def _times(row: NoiseVersion, rule: Rule) -> tuple[datetime, datetime] | None:
    if isinstance(rule, Maintenance):
        if not isinstance(rule.window, Once):
            return None
        end = min(rule.until, rule.window.end) if rule.until else rule.window.end
        return rule.window.start, end
    return row.rule.created_at, rule.until or datetime.max.replace(tzinfo=row.valid_from.tzinfo)


def _known(matchers: Sequence[Matcher | None]) -> tuple[Matcher, ...]:
    return tuple(matcher for matcher in matchers if matcher is not None)


def _matcher(condition: Condition) -> Matcher | None:
    if condition.field is not Field.LABEL:
        return None
    equal = condition.op in (Op.EQUALS, Op.MATCHES, Op.ABSENT)
    if condition.op in (Op.ABSENT, Op.PRESENT):
        return Matcher(condition.label, "", is_equal=equal)
    if len(condition.values) != 1 or condition.op not in (
        Op.EQUALS, Op.NOT_EQUALS, Op.MATCHES, Op.NOT_MATCHES,
    ):  # fmt: skip
        return None
    value = condition.values[0]
    if condition.op in (Op.EQUALS, Op.NOT_EQUALS):
        return Matcher(condition.label, value, is_equal=equal)
    inner = value[4:-2] if value.startswith("^(?:") and value.endswith(")$") else value
    return Matcher(condition.label, inner, is_regex=True, is_equal=equal)
