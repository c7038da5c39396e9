"""Bulk updates write what `save` would, for each kind of column that they take."""

from datetime import UTC, datetime

import pytest

from firstline.accounts.models import Person
from firstline.core import bulk
from firstline.notifications.models import Delivery, Message
from tests.organisation import Organisation, organisation

AT = datetime(2026, 3, 29, 1, 30, 0, 123456, tzinfo=UTC)


@pytest.fixture
def org(db: None) -> Organisation:
    return organisation()


def deliveries(org: Organisation, count: int) -> list[Delivery]:
    message = Message.objects.create(kind="answer", subject="s", body="b", created_at=org.now)
    return Delivery.objects.bulk_create(
        Delivery(message=message, channel="email", address="a@b.c", idempotency_key=f"k{n}", due_at=org.now)
        for n in range(count)
    )


def test_each_row_gets_its_own_values(org: Organisation) -> None:
    rows = deliveries(org, 3)
    for n, row in enumerate(rows):
        row.due_at, row.reason, row.fallback, row.attempts = AT, f"\\ 'ü' {{{n},NULL}}", [["sms", "+1", n]], n
        row.person, row.may_wait, row.page_id = org.agent, n == 1, None if n == 0 else 7
    fields = ["due_at", "reason", "fallback", "attempts", "person", "may_wait", "page_id"]
    assert bulk.update(rows, fields) == 3
    for row, stored in zip(rows, Delivery.objects.order_by("id"), strict=True):
        assert [getattr(stored, name) for name in fields] == [getattr(row, name) for name in fields]
        assert stored.state == "due"


def test_only_the_named_fields_are_written(org: Organisation) -> None:
    (row,) = deliveries(org, 1)
    row.reason, row.state = "busy", "failed"
    bulk.update([row], ["reason"])
    assert Delivery.objects.values_list("reason", "state").get() == ("busy", "due")


def test_what_is_too_long_is_refused_and_not_cut(org: Organisation) -> None:
    (row,) = deliveries(org, 1)
    row.state = "a state of more than ten letters"
    with pytest.raises(Exception, match="too long"):
        bulk.update([row], ["state"])


def test_nothing_is_nothing(org: Organisation) -> None:
    assert bulk.update([], ["reason"]) == 0


def test_rows_that_are_gone_are_not_counted(org: Organisation) -> None:
    kept, gone = deliveries(org, 2)
    Delivery.objects.filter(id=gone.id).delete()
    assert bulk.update([kept, gone], ["reason"]) == 1


def test_an_array_is_refused(org: Organisation) -> None:
    with pytest.raises(ValueError, match="can't be written in bulk"):
        bulk.update([org.agent], [_array_field(Person)])


def _array_field(model: type[Person]) -> str:
    return next(field.name for field in model._meta.get_fields() if type(field).__name__ == "ArrayField")
