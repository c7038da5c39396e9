"""Rate limits: so many in each window, for everybody by themselves, counted in the database."""

from datetime import UTC, datetime, timedelta

import pytest

from firstline.core import idempotency, rate
from firstline.core.errors import Conflict, Invalid
from firstline.core.idempotency import Answer
from firstline.core.models import IdempotencyKey, RateWindow
from firstline.core.requests import client_address

NOW = datetime(2026, 11, 23, 9, 0, 30, tzinfo=UTC)
THREE = rate.Limit("three", 3, timedelta(minutes=1))


@pytest.mark.django_db
def test_so_many_in_a_window_and_again_in_the_next() -> None:
    found = [rate.take(THREE, "a", now=NOW) for _ in range(5)]
    assert [left.allowed for left in found] == [True, True, True, False, False]
    assert [left.remaining for left in found] == [2, 1, 0, 0, 0]
    assert found[0].seconds == 30, "until the minute is over"
    assert rate.take(THREE, "b", now=NOW).allowed, "everybody by themselves"
    assert rate.take(rate.Limit("other", 3, timedelta(minutes=1)), "a", now=NOW).allowed
    assert rate.take(THREE, "a", now=NOW + timedelta(seconds=30)).remaining == 2


@pytest.mark.django_db
def test_who_it_was_is_not_kept_and_old_windows_are_swept() -> None:
    rate.take(THREE, "192.0.2.7", now=NOW)
    assert "192.0.2.7" not in RateWindow.objects.get().key
    assert rate.sweep(now=NOW + timedelta(hours=23)) == 0
    assert rate.sweep(now=NOW + timedelta(hours=25)) == 1


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        ("", "198.51.100.7", "198.51.100.7"),  # through the gateway's socket
        ("127.0.0.1", "203.0.113.9, 198.51.100.7", "198.51.100.7"),
        ("198.51.100.7", "1.2.3.4", "198.51.100.7"),  # reached directly: only the peer counts
        ("127.0.0.1", "", "127.0.0.1"),
        ("", "", "unknown"),
    ],
)
def test_whose_address_it_is(peer: str, forwarded: str, expected: str) -> None:
    class Request:
        META = {"REMOTE_ADDR": peer, "HTTP_X_FORWARDED_FOR": forwarded}

    assert client_address(Request()) == expected


@pytest.mark.django_db
def test_an_answer_is_kept_for_its_key_for_a_day() -> None:
    print_ = idempotency.fingerprint(b"POST", b"/x", b"{}")
    assert idempotency.begin("token:1", "k", print_, now=NOW) is None
    with pytest.raises(Conflict):
        idempotency.begin("token:1", "k", print_, now=NOW)
    idempotency.finish("token:1", "k", Answer(201, {"token": "secret"}))
    assert idempotency.begin("token:1", "k", print_, now=NOW) == Answer(201, {"token": "secret"})
    assert "secret" not in str(IdempotencyKey.objects.get().body)
    with pytest.raises(Invalid):
        idempotency.begin("token:1", "k", idempotency.fingerprint(b"POST", b"/x", b"[]"), now=NOW)
    assert idempotency.begin("token:2", "k", print_, now=NOW) is None
    assert idempotency.begin("token:1", "k", print_, now=NOW + timedelta(days=1, seconds=1)) is None


@pytest.mark.parametrize("key", ["x" * 256, "tab\there"])
@pytest.mark.django_db
def test_keys_that_can_not_be(key: str) -> None:
    with pytest.raises(Invalid):
        idempotency.begin("token:1", key, "p", now=NOW)


def test_parts_do_not_run_together() -> None:
    assert idempotency.fingerprint(b"ab", b"c") != idempotency.fingerprint(b"a", b"bc")
