"""Texts that the event log points to. Erasing overwrites a text here; the log needs no exception."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from firstline.core.models import Content


def save_texts(bodies: Sequence[str], *, now: datetime) -> list[int]:
    """Store texts, return their ids in the same order. NUL, which PostgreSQL can't hold, becomes U+FFFD."""
    rows = [Content(body=body.replace("\x00", "�"), created_at=now) for body in bodies]
    return [row.id for row in Content.objects.bulk_create(rows)]


def save_text(body: str, *, now: datetime) -> int:
    return save_texts([body], now=now)[0]


def texts(ids: Iterable[int]) -> dict[int, str]:
    """The bodies of these ids; an erased one is the empty string."""
    return dict(Content.objects.filter(id__in=list(ids)).values_list("id", "body"))


def erase_texts(ids: Iterable[int], *, now: datetime) -> int:
    """Overwrite these texts for good. Returns how many were."""
    return Content.objects.filter(id__in=list(ids), erased_at=None).update(body="", erased_at=now)
