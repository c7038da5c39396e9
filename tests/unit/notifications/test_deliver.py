"""Deliveries: once per key, leased, tried again, next channel on failure; contact methods and their codes."""

import re
from datetime import datetime, timedelta

import pytest

from firstline.core.errors import Invalid, NotAllowed
from firstline.notifications import methods, queries
from firstline.notifications.actions import Outgoing, To, drop, send
from firstline.notifications.channels.base import Envelope, Outcome
from firstline.notifications.channels.registry import CHANNELS
from firstline.notifications.deliver import Hooks, Sender, claim, settle
from firstline.notifications.models import Attempt, ContactMethod, Delivery, Message
from firstline.notifications.retry import LIMIT, next_attempt
from firstline.notifications.wording import About, about_incident
from tests.organisation import MONDAY, Organisation, organisation


class Wire:
    """Answers as told, remembers what it was asked."""

    kind = "email"
    timeout = 5

    def __init__(self) -> None:
        self.answers: list[Outcome] = []
        self.seen: list[Envelope] = []

    def send(self, envelope: Envelope) -> Outcome:
        self.seen.append(envelope)
        return self.answers.pop(0) if self.answers else Outcome(True, "ok", message_id="<x@y>")

    def check(self, address: str, settings: object) -> str:
        return ""


@pytest.fixture
def org(db: None) -> Organisation:
    return organisation()


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Wire:
    wire = Wire()
    monkeypatch.setitem(CHANNELS, "email", wire)
    monkeypatch.setitem(CHANNELS, "webhook", wire)
    return wire


def told(*to: To, **fields: object) -> Outgoing:
    given = {"kind": "answer", "subject": "s", "body": "b", "key": "k", **fields}
    return Outgoing(to=to or (To(address="a@example.org"),), **given)


def run(now: datetime) -> list[bool]:
    sender = Sender(2)
    try:
        return [one.ok for one in sender.run(now, wait=True)]
    finally:
        sender.close()


def test_the_same_key_is_sent_once(org: Organisation, wire: Wire) -> None:
    assert len(send([told(), told()], now=org.now)) == 1
    assert send([told()], now=org.now) == []
    send([told(To(address="a@example.org"), To(address="b@example.org"))], now=org.now)
    assert run(org.now) == [True, True]
    assert run(org.now) == []
    assert sorted(envelope.address for envelope in wire.seen) == ["a@example.org", "b@example.org"]
    assert set(Delivery.objects.values_list("state", "mail_id")) == {("delivered", "<x@y>")}


def test_what_is_due_later_waits_and_pages_overtake(org: Organisation, wire: Wire) -> None:
    later = org.now + timedelta(minutes=5)
    send([told(To(address="later@example.org", at=later), To(address="now@example.org"))], now=org.now)
    send([told(To(address="page@example.org"), key="p", lane=0)], now=org.now)
    assert [one.envelope.address for one in claim(org.now, limit=5)] == [
        "page@example.org",
        "now@example.org",
    ]


def test_a_claim_is_a_lease_of_twice_the_timeout(org: Organisation, wire: Wire) -> None:
    send([told()], now=org.now)
    assert len(claim(org.now, limit=5)) == 1
    assert claim(org.now + timedelta(seconds=9), limit=5) == []
    (again,) = claim(org.now + timedelta(seconds=10), limit=5)
    assert again.delivery.attempts == 2


def test_an_answer_after_the_lease_ended_is_only_written_down(org: Organisation, wire: Wire) -> None:
    send([told()], now=org.now)
    (first,) = claim(org.now, limit=5)
    (second,) = claim(org.now + timedelta(minutes=1), limit=5)
    assert settle([(first.delivery, Outcome(False, "late"))], now=org.now) == []
    assert settle([(second.delivery, Outcome(True, "ok"))], now=org.now)[0].ok
    assert [attempt.answer for attempt in Attempt.objects.order_by("id")] == ["late", "ok"]
    assert Delivery.objects.get().state == "delivered"


def test_what_belongs_to_an_outcome_is_written_with_it_or_neither_is(org: Organisation, wire: Wire) -> None:
    def broken(settled: object, now: object) -> None:
        raise RuntimeError("the process died here")

    locked: list[int] = []
    send([told(To(address="a@example.org", page_id=5))], now=org.now)
    (claimed,) = claim(org.now, limit=5)
    pair = (claimed.delivery, Outcome(True, "ok"))
    with pytest.raises(RuntimeError):
        settle([pair], now=org.now, hooks=Hooks(locked.extend, broken))
    assert (Delivery.objects.get().state, Attempt.objects.count()) == ("sending", 0)
    seen: list[object] = []
    settle([pair], now=org.now, hooks=Hooks(locked.extend, lambda settled, now: seen.extend(settled)))
    assert (Delivery.objects.get().state, len(seen), locked) == ("delivered", 1, [5, 5])


def test_a_failure_is_tried_again_after_growing_pauses_and_then_given_up(
    org: Organisation, wire: Wire
) -> None:
    wire.answers = [Outcome(False, "busy")] * 20
    send([told()], now=org.now)
    pauses = []
    while (row := Delivery.objects.get()).state != "failed":
        before = org.now
        run(org.advance(seconds=(max(row.due_at, org.now) - org.now).total_seconds()))
        pauses.append((org.now - before).total_seconds())
    assert pauses[0] == 0
    for pause, least in zip(pauses[1:4], (30, 60, 120), strict=True):
        assert least <= pause <= least * 1.1 + 0.001
    assert len(wire.seen) == LIMIT
    assert row.reason == "busy"


def test_pauses_double_to_an_hour_and_end_with_the_time_to_give_up() -> None:
    assert next_attempt(1, now=MONDAY, page=True, give_up_at=None) == MONDAY + timedelta(seconds=5)
    assert next_attempt(7, now=MONDAY, page=False, give_up_at=None) == MONDAY + timedelta(minutes=32)
    assert next_attempt(7, now=MONDAY, page=False, give_up_at=None, jitter=1.0) == MONDAY + timedelta(
        minutes=35.2
    )
    assert next_attempt(8, now=MONDAY, page=False, give_up_at=None) is None
    assert next_attempt(1, now=MONDAY, page=False, give_up_at=MONDAY + timedelta(seconds=10)) is None


def test_a_lasting_failure_goes_on_with_the_next_channel(org: Organisation, wire: Wire) -> None:
    wire.answers = [Outcome(False, "gone", permanent=True)]
    method = ContactMethod.objects.create(
        person=org.agent, channel="webhook", address="https://x", verified_at=org.now
    )
    to = To(address=org.agent.email, person_id=org.agent.id, fallback=[("webhook", "https://x", method.id)])
    send([told(to)], now=org.now)
    assert run(org.now) == [False, True]
    assert [(row.channel, row.state) for row in Delivery.objects.order_by("id")] == [
        ("email", "failed"), ("webhook", "delivered"),
    ]  # fmt: skip


def test_a_method_that_fails_is_known_to_until_it_works_again(org: Organisation, wire: Wire) -> None:
    method = ContactMethod.objects.create(
        person=org.agent, channel="email", address="x@y.z", verified_at=org.now
    )
    to = To(address="x@y.z", person_id=org.agent.id, method_id=method.id)
    wire.answers = [Outcome(False, "gone", permanent=True)]
    send([told(to)], now=org.now)
    run(org.now)
    method.refresh_from_db()
    assert method.failing_since == org.now
    send([told(to, key="other")], now=org.now)
    run(org.now)
    method.refresh_from_db()
    assert method.failing_since is None


def test_what_is_called_off_is_not_sent(org: Organisation, wire: Wire) -> None:
    send([told(To(address="a@example.org", page_id=5))], now=org.now)
    assert drop(page_ids=[5], reason="acknowledged") == 1
    assert run(org.now) == []
    assert wire.seen == []


def test_what_is_synthetic_never_leaves(org: Organisation, wire: Wire) -> None:
    send([told(synthetic=True)], now=org.now)
    assert run(org.now) == [True]
    assert wire.seen == []
    assert Delivery.objects.get().channel == "log"


def test_a_secret_is_blanked_once_it_is_through(org: Organisation, wire: Wire) -> None:
    send([told(kind="account", subject="Your code", body="123456")], now=org.now)
    run(org.now)
    assert wire.seen[0].body == "123456"
    message = Message.objects.get()
    assert (message.subject, message.body) == ("Your code", "")


def test_a_way_to_be_reached_counts_only_once_its_code_came_back(org: Organisation, wire: Wire) -> None:
    me = org.by(org.agent)
    method = methods.add(org.agent.id, channel="email", address="cell@example.org", actor=me, now=org.now)
    run(org.now)
    code = re.findall(r"\d{6}", wire.seen[0].body)[0]
    type(org.agent).objects.filter(id=org.agent.id).update(email_verified_at=None)
    assert queries.reachability([org.agent.id])[org.agent.id].ways == ()
    wrong = "000000" if code != "000000" else "111111"
    with pytest.raises(Invalid, match="not the code"):
        methods.verify(method.id, wrong, actor=me, now=org.now)
    with pytest.raises(NotAllowed):
        methods.verify(method.id, code, actor=org.by(org.outsider), now=org.now)
    methods.verify(method.id, code, actor=me, now=org.now)
    assert [way.address for way in queries.reachability([org.agent.id])[org.agent.id].ways] == [
        "cell@example.org"
    ]


def test_guessing_a_code_ends_its_life(org: Organisation, wire: Wire) -> None:
    me = org.by(org.agent)
    method = methods.add(org.agent.id, channel="email", address="cell@example.org", actor=me, now=org.now)
    run(org.now)
    code = re.findall(r"\d{6}", wire.seen[0].body)[0]
    wrong = "000000" if code != "000000" else "111111"
    for _ in range(methods.TRIES):
        with pytest.raises(Invalid):
            methods.verify(method.id, wrong, actor=me, now=org.now)
    with pytest.raises(Invalid, match="expired"):
        methods.verify(method.id, code, actor=me, now=org.now)


def test_rules_name_ones_own_methods(org: Organisation, wire: Wire) -> None:
    me = org.by(org.agent)
    method = ContactMethod.objects.create(
        person=org.agent, channel="email", address="x@y.z", verified_at=org.now
    )
    methods.set_rules(org.agent.id, "high", [(method.id, 0), (method.id, 5)], actor=me, now=org.now)
    known = queries.reachability([org.agent.id])[org.agent.id]
    assert [(rule.urgency, rule.minutes) for rule in known.preferences] == [("high", 0), ("high", 5)]
    with pytest.raises(Invalid):
        methods.set_rules(org.outsider.id, "high", [(method.id, 0)], actor=org.by(org.outsider), now=org.now)


@pytest.mark.parametrize("security", [False, True])
def test_messages_about_security_incidents_carry_number_and_priority_only(security: bool) -> None:
    about = About(incident_id=7, number="INC-000007", priority=1, title="Payroll leaked", security=security)
    text = about_incident(about, "you are paged: Payroll leaked", detail="Host db-3")
    said = text.subject + text.body
    assert "INC-000007" in said and "P1" in said
    assert ("Payroll" in said) is not security
    assert ("db-3" in said) is not security
