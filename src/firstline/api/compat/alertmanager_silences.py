"""Silences in Alertmanager's shape; their ids are the rules' numbers, written as UUIDs."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from django.http import QueryDict

from firstline.core.errors import Invalid, NotFound
from firstline.intake import silences
from firstline.intake.models import Source
from firstline.intake.silences import Silence
from firstline.intake.sources.alertmanager.matchers import BadMatcher, Matcher, matcher_of
from firstline.intake.sources.base import NotTheContainer, decode

PREFIX = "f1257111-e000-4000-8000-"  # and twelve digits


class Posted(msgspec.Struct, rename="camel"):
    """A silence as it is posted; `startsAt` and `endsAt` are instants in RFC 3339."""

    matchers: list[Matcher]
    starts_at: datetime
    ends_at: datetime
    created_by: str = ""
    comment: str = ""
    id: str | None = None


def number_of(rule_id: int) -> str:
    return f"{PREFIX}{rule_id:012d}"


def listed(source: Source, query: QueryDict, *, now: datetime) -> list[dict[str, Any]]:
    """The source's silences whose matchers meet each filter. Raises BadMatcher."""
    filters = [matcher_of(text) for text in query.getlist("filter")]
    found = silences.silences(source, now=now)
    return [_shown(each, now) for each in found if all(_meets(each, wanted) for wanted in filters)]


def one(source: Source, number: str, *, now: datetime) -> dict[str, Any]:
    """`NotFound` for what is no silence of the source."""
    return _shown(silences.silence(source, _rule_id(number)), now)


def posted(source: Source, body: bytes, *, now: datetime) -> str:
    """Store what was posted; returns its id. `Invalid` or BadMatcher say what is wrong with it."""
    try:
        given = decode(body, Posted)
    except NotTheContainer as error:
        raise Invalid(f"bad silence: {error}") from None
    if given.starts_at.tzinfo is None or given.ends_at.tzinfo is None:
        raise Invalid("bad silence: startsAt and endsAt need an offset")
    for matcher in given.matchers:
        if matcher.is_regex:
            matcher.pattern()
    wanted = Silence(
        id=_rule_id(given.id) if given.id else 0,
        matchers=tuple(given.matchers),
        starts_at=given.starts_at,
        ends_at=given.ends_at,
        created_by=given.created_by.replace("\x00", ""),
        comment=given.comment.replace("\x00", ""),
    )
    return number_of(silences.put(source, wanted, now=now))


def expire(source: Source, number: str, *, now: datetime) -> None:
    silences.expire(source, _rule_id(number), now=now)


def _rule_id(number: str) -> int:
    try:
        text = str(uuid.UUID(number))
    except ValueError:
        raise NotFound("silence not found") from None
    digits = text.removeprefix(PREFIX)
    if text == digits or not digits.isdigit():
        raise NotFound("silence not found")
    return int(digits)


def _meets(silence: Silence, wanted: Matcher) -> bool:
    """As Alertmanager filters silences: by what their equality matchers would need."""
    labels: Mapping[str, str] = {each.name: each.value for each in silence.matchers}
    return wanted.holds(labels)


def _shown(silence: Silence, now: datetime) -> dict[str, Any]:
    return {
        "id": number_of(silence.id),
        "status": {"state": silence.state(now)},
        "matchers": list(silence.matchers),
        "startsAt": silence.starts_at,
        "endsAt": silence.ends_at,
        "updatedAt": silence.updated_at or silence.starts_at,
        "createdBy": silence.created_by,
        "comment": silence.comment,
    }


__all__ = ["BadMatcher", "expire", "listed", "number_of", "one", "posted"]
