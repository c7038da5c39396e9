"""Who owns an incident, from what is known of it: ownership never ends nowhere. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from firstline.classification.rules import Match, Rule, Subject, first_match


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What an incident says already. A person's choice of category or group is kept."""

    subject: Subject
    category_id: int | None = None
    group_id: int | None = None
    service_id: int | None = None
    security: bool = False
    source_group_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Directory:
    """Default groups by category (its own or its nearest ancestor's) and service; which groups there are."""

    category_groups: Mapping[int, int] = field(default_factory=dict)
    service_groups: Mapping[int, int] = field(default_factory=dict)
    security_groups: frozenset[int] = frozenset()
    active_groups: frozenset[int] = frozenset()
    catch_all: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What becomes of it. `why` is what the event log keeps; `rule_id` None: no rule decided."""

    category_id: int | None
    group_id: int | None
    service_id: int | None
    security: bool
    rule_id: int | None
    why: dict[str, Any]


def decide(rules: Sequence[Rule], known: Known, directory: Directory) -> Decision:
    """Category by person, else by the first matching rule; group by the first of person, rule, category,
    service, source and catch-all that names an active one (for a security incident: a security group).
    """
    match = first_match(rules, known.subject)
    rule = match.rule if match else None
    category = known.category_id or (rule.category_id if rule else None)
    service = known.service_id or (rule.service_id if rule else None)
    security = known.security or bool(rule and rule.security)
    group, came_from = _group(rule, known, category, service, security, directory)
    return Decision(
        category_id=category,
        group_id=group,
        service_id=service,
        security=security,
        rule_id=rule.id if rule else None,
        why=_why(known, match, came_from),
    )


def _group(
    rule: Rule | None,
    known: Known,
    category: int | None,
    service: int | None,
    security: bool,
    directory: Directory,
) -> tuple[int | None, str]:
    candidates: list[tuple[str, int | None]] = [
        ("given", known.group_id),
        ("rule", rule.group_id if rule else None),
        ("category", directory.category_groups.get(category) if category else None),
        ("service", directory.service_groups.get(service) if service else None),
        ("source", known.source_group_id),
    ]
    if security:
        candidates += [("security", group) for group in sorted(directory.security_groups)[:1]]
    for came_from, group in candidates:
        if group is None or group not in directory.active_groups:
            continue
        if not security or group in directory.security_groups:
            return group, came_from
    return directory.catch_all, "catch_all"


def _why(known: Known, match: Match | None, came_from: str) -> dict[str, Any]:
    if known.category_id is not None:
        decided: dict[str, Any] = {"by": "given"}
    elif match is not None and match.rule.category_id is not None:
        decided = {"by": "rule"}
    else:
        decided = {"by": "none"}
    return {**decided, **(match.why() if match else {}), "group_from": came_from}
