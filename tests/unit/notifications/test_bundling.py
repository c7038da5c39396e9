"""Many messages for one person: put off, and sent together. Pages of incidents that are new to somebody never wait."""

import threading
from datetime import timedelta

import pytest

from firstline.notifications.actions import DIGEST_LANE, PAGE_LANE, Outgoing, To, send
from firstline.notifications.channels.base import Envelope, Outcome
from firstline.notifications.channels.registry import CHANNELS
from firstline.notifications.claiming import IN_FULL, PER_MINUTE, TOGETHER, bundle_key, bundled_text, claim
from firstline.notifications.deliver import Sender
from firstline.notifications.models import Attempt, ContactMethod, Delivery
from tests.organisation import Organisation, organisation
from tests.unit.notifications.test_deliver import Wire, run


@pytest.fixture
def org(db: None) -> Organisation:
    return organisation()


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Wire:
    wire = Wire()
    monkeypatch.setitem(CHANNELS, "email", wire)
    monkeypatch.setitem(CHANNELS, "webhook", wire)
    return wire


def notices(org: Organisation, count: int, *, first: int = 0, **to: object) -> None:
    given = {"person_id": org.agent.id, "address": org.agent.email, "may_wait": True, **to}
    send(
        [
            Outgoing(
                kind="target_missed", subject=f"Target {n} missed", body=f"INC-{n} is late\n", key=f"n{n}",
                to=[To(**given)], lane=DIGEST_LANE,
            )
            for n in range(first, first + count)
        ],
        now=org.now,
    )  # fmt: skip


def test_many_at_once_are_one_message_and_each_is_in_the_ledger(org: Organisation, wire: Wire) -> None:
    notices(org, 30)
    assert run(org.now) == [True] * 30
    (sent,) = wire.seen
    assert sent.subject == "30 messages from Firstline"
    assert all(f"- Target {n} missed" in sent.body for n in range(30))
    assert sent.body.count("is late") == IN_FULL
    assert set(Delivery.objects.values_list("state", "mail_id")) == {("delivered", "<x@y>")}
    assert Attempt.objects.count() == 30


def test_a_few_go_one_by_one(org: Organisation, wire: Wire) -> None:
    notices(org, TOGETHER - 1)
    run(org.now)
    assert sorted(one.subject for one in wire.seen) == [f"Target {n} missed" for n in range(TOGETHER - 1)]


def test_nobody_gets_what_belongs_to_another_address(org: Organisation, wire: Wire) -> None:
    notices(org, 5)
    notices(org, 5, first=5, person_id=org.outsider.id, address=org.outsider.email)
    notices(org, 5, first=10, channel="webhook", address="https://hooks.example.org/1")
    run(org.now)
    assert sorted((one.address, one.subject) for one in wire.seen) == sorted(
        (address, "5 messages from Firstline")
        for address in (org.agent.email, org.outsider.email, "https://hooks.example.org/1")
    )
    for one in wire.seen:
        assert ("Target 7" in one.body) is (one.address == org.outsider.email)


def test_what_fails_together_is_tried_again_and_goes_on_through_the_next_channel(
    org: Organisation, wire: Wire
) -> None:
    method = ContactMethod.objects.create(
        person=org.agent, channel="webhook", address="https://x", verified_at=org.now
    )
    notices(org, 6, fallback=[("webhook", "https://x", method.id)])
    wire.answers = [Outcome(False, "busy"), Outcome(False, "no such mailbox", permanent=True)]
    run(org.now)
    assert set(Delivery.objects.values_list("state", "attempts")) == {("due", 1)}
    run(org.advance(minutes=1))
    assert [one.address for one in wire.seen] == [org.agent.email, org.agent.email, "https://x"]
    assert wire.seen[0].idempotency_key == wire.seen[1].idempotency_key
    assert (
        list(Delivery.objects.filter(channel="webhook").values_list("state", flat=True)) == ["delivered"] * 6
    )


def test_a_full_minute_ends_before_more_goes_out(org: Organisation, wire: Wire) -> None:
    for n in range(PER_MINUTE):
        notices(org, 1, first=n)
        run(org.now)
    assert len(wire.seen) == PER_MINUTE
    notices(org, 9, first=100)
    assert run(org.advance(seconds=20)) == []
    assert run(org.advance(seconds=39)) == []
    assert run(org.advance(seconds=2)) == [True] * 9
    assert wire.seen[-1].subject == "9 messages from Firstline"
    assert set(Delivery.objects.values_list("attempts", flat=True)) == {1}


def test_a_page_that_is_news_never_waits_and_never_goes_together(org: Organisation, wire: Wire) -> None:
    for n in range(PER_MINUTE):
        notices(org, 1, first=n)
        run(org.now)
    page = To(person_id=org.agent.id, address=org.agent.email, page_id=7)
    pages = [
        Outgoing(kind="page", subject=f"Page {n}", body="", key=f"p{n}", to=[page], lane=PAGE_LANE)
        for n in range(6)
    ]
    send(pages, now=org.now)
    run(org.now)
    assert sorted(one.subject for one in wire.seen[-6:]) == [f"Page {n}" for n in range(6)]


def test_a_page_overtakes_digests_that_hold_all_their_threads(
    org: Organisation, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Event()
    sent: list[str] = []

    class Slow(Wire):
        def send(self, envelope: Envelope) -> Outcome:
            if envelope.kind != "page":
                gate.wait(30)
            sent.append(envelope.kind)
            return Outcome(True, "ok")

    monkeypatch.setitem(CHANNELS, "email", Slow())
    sender = Sender(2)
    try:
        for n in range(20):
            send([Outgoing(kind="answer", subject="s", body="b", key=f"a{n}", to=[To(address=f"{n}@example.org")])],
                 now=org.now)  # fmt: skip
        sender.run(org.now)
        page = To(person_id=org.agent.id, address=org.agent.email, page_id=7)
        send([Outgoing(kind="page", subject="P1", body="", key="p", to=[page], lane=PAGE_LANE)], now=org.now)
        settled = sender.run(org.now)
        while not settled:  # the answers are stuck, so this ends with the page
            settled = sender.run(org.now)
        assert ([one.kind for one in settled], sent) == (["page"], ["page"])
    finally:
        gate.set()
        sender.close()


def test_the_same_ones_are_the_same_message_in_any_order() -> None:
    assert bundle_key(["a", "b"]) == bundle_key(["b", "a"]) != bundle_key(["a"])


def test_what_is_not_told_in_full_is_counted() -> None:
    subject, body = bundled_text([(f"s{n}", f"b{n}") for n in range(IN_FULL + 5)])
    assert subject == f"{IN_FULL + 5} messages from Firstline"
    assert "The other 5 are named above." in body
    assert f"- s{IN_FULL + 4}" in body and f"b{IN_FULL}" not in body


def test_a_claim_of_more_than_one_address_holds_a_lease_on_each(org: Organisation, wire: Wire) -> None:
    notices(org, 8)
    (taken,) = claim(org.now, limit=1)
    assert len(taken.deliveries) == 8
    assert claim(org.now, limit=100) == []
    assert len(claim(org.now + timedelta(seconds=11), limit=1)[0].deliveries) == 8
