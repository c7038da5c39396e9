"""Keyset pages: together they are the whole list once, in order, whatever the page size and the nulls."""

from datetime import UTC, datetime, timedelta

import pytest

from firstline.core.errors import Invalid
from firstline.core.models import Due
from firstline.core.pagination import paginate

NOW = datetime(2026, 1, 1, tzinfo=UTC)
pytestmark = pytest.mark.django_db


@pytest.fixture
def rows() -> None:
    Due.objects.bulk_create(
        Due(
            kind="k",
            subject_id=n,
            due_at=NOW + timedelta(minutes=n // 4),
            failing_since=None if n % 3 else NOW + timedelta(hours=n // 6),
        )
        for n in range(37)
    )


@pytest.mark.parametrize("size", [1, 4, 10, 37, 50])
@pytest.mark.parametrize(
    "order", [["due_at", "id"], ["-due_at", "-id"], ["failing_since", "id"], ["-failing_since", "-id"]]
)
def test_pages_are_the_whole_list_once(rows: None, order: list[str], size: int) -> None:
    seen: list[int] = []
    cursor = None
    while True:
        page = paginate(Due.objects.all(), order, cursor=cursor, size=size)
        assert len(page.rows) <= size
        seen += [row.id for row in page.rows]
        cursor = page.next
        if cursor is None:
            break
    whole = paginate(Due.objects.all(), order, cursor=None, size=1000)
    assert seen == [row.id for row in whole.rows]
    assert len(set(seen)) == 37


@pytest.mark.parametrize("cursor", ["x", "%%%", "WzFd", "e30", "🙂"])
def test_a_damaged_cursor_is_a_clear_error(rows: None, cursor: str) -> None:
    with pytest.raises(Invalid, match="first page"):
        paginate(Due.objects.all(), ["due_at", "id"], cursor=cursor, size=5)
