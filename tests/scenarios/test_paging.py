"""Paging as it is lived: who is called, when, and what makes it stop."""

from datetime import timedelta

import pytest

from firstline.accounts.models import SupportGroup
from firstline.core import installation
from firstline.core.errors import NotAllowed, NotFound
from firstline.incidents import actions as incidents
from firstline.incidents.models import Incident
from firstline.notifications.models import ContactMethod, Delivery
from firstline.oncall import actions as oncall
from firstline.oncall import links
from firstline.oncall.models import Escalation, Page
from firstline.oncall.policy import Policy, Step, Target
from tests.scenarios.story import MAKER, Story


def two_steps(story: Story, **more: object) -> Policy:
    first, second = story.person("U1", "sms"), story.person("U2", "sms")
    return Policy(
        steps=(Step((Target("person", first.id),), 30), Step((Target("person", second.id),), 60)), **more
    )


def page_of(story: Story, name: str, incident: Incident) -> Page:
    return Page.objects.filter(incident=incident, person=story.people[name]).latest("id")


def test_an_acknowledged_page_stops_the_escalation_and_says_who(story: Story) -> None:
    story.policy(two_steps(story))
    incident = story.incident()
    story.at(10)
    assert story.pages() == [(0, "U1", "sms")]
    page = page_of(story, "U1", incident)
    assert page.delivered_at == story.begin
    assert page.because == {"kind": "person"}
    assert oncall.acknowledge_page(page.id, actor=story.by("U1", "link"), now=story.now)
    assert not oncall.acknowledge_page(page.id, actor=story.by("U1", "sms"), now=story.now)
    story.at(300)
    assert story.log(incident, "page_answered", "escalation_acknowledged")[0][2]["again"] is False
    assert [entry[2].get("again") for entry in story.log(incident, "page_answered")] == [False, True]
    assert story.fresh(incident).acknowledged_at == story.begin + timedelta(minutes=10)
    page.refresh_from_db()
    assert (page.acknowledged_via, page.answer) == ("link", "acknowledged")


def test_the_link_in_a_page_names_it_and_only_who_was_paged_may_use_it(story: Story) -> None:
    story.policy(two_steps(story))
    incident = story.incident()
    story.at(1)
    (sent,) = story.told("page")
    page = page_of(story, "U1", incident)
    token = sent.body.split("/page/")[1].split()[0]
    assert links.read(token, now=story.now) == page.id
    with pytest.raises(NotFound):
        links.read(token[:-2], now=story.now)
    with pytest.raises(NotFound):
        links.read(token, now=story.now + timedelta(days=8))
    with pytest.raises(NotAllowed):
        oncall.acknowledge_page(page.id, actor=story.by("U2"), now=story.now)


def test_an_acknowledgement_without_work_is_paged_again(story: Story) -> None:
    story.policy(two_steps(story, ack_timeout=20))
    incident = story.incident()
    story.at(5)
    assert story.pages() == [(0, "U1", "sms")]
    oncall.acknowledge_page(page_of(story, "U1", incident).id, actor=story.by("U1"), now=story.now)
    story.at(60)
    assert story.pages() == [(25, "U1", "sms"), (55, "U2", "sms")]
    assert [entry[2]["reason"] for entry in story.log(incident, "escalation_resumed")] == ["no_work"]


def test_work_after_the_acknowledgement_keeps_it_quiet(story: Story) -> None:
    story.policy(two_steps(story, ack_timeout=20))
    incident = story.incident()
    story.at(5)
    story.pages()
    oncall.acknowledge_page(page_of(story, "U1", incident).id, actor=story.by("U1"), now=story.now)
    incidents.take(incident.id, actor=story.by("U1"), now=story.now)
    story.at(150)
    assert story.pages() == []


def test_resolving_stops_it_and_tells_everybody_already_paged_by_the_way_that_reached_them(
    story: Story,
) -> None:
    story.policy(two_steps(story))
    incident = story.incident(priority=3)
    story.at(40)
    assert story.pages() == [(0, "U1", "sms"), (30, "U2", "sms")]
    incidents.resolve(incident.id, code="fixed", notes="Restarted.", actor=story.by("U2"), now=story.now)
    story.at(200)
    assert [(sent.minutes, sent.to, sent.channel) for sent in story.told("stand_down")] == [(40, "U1", "sms")]
    escalation = Escalation.objects.get(incident=incident)
    assert (escalation.state, escalation.ended_why) == ("ended", "resolved")


def test_a_higher_priority_pages_again_although_it_was_acknowledged(story: Story) -> None:
    story.policy(two_steps(story))
    incident = story.incident(priority=3)
    story.at(5)
    story.pages()
    oncall.acknowledge_incident(incident.id, actor=story.by("U1"), now=story.now)
    story.at(10)
    incidents.override_priority(incident.id, 1, reason="business_event", actor=story.by("U1"), now=story.now)
    story.at(15)
    assert story.pages() == [(10, "U1", "sms")]
    assert [e.priority for e in Escalation.objects.filter(incident=incident).order_by("id")] == [3, 1]


def test_a_failing_channel_goes_on_to_the_next_at_once(story: Story) -> None:
    person = story.person("U1", rules=[(0, "push")])
    story.policy(Policy(steps=(Step((Target("person", person.id),), 30),)))
    ContactMethod.objects.create(person=person, channel="sms", address="sms:U1", verified_at=story.now)
    story.down.add("push:U1")
    story.gone.add("push:U1")
    incident = story.incident()
    story.at(1)
    assert story.pages() == [(0, "U1", "sms")]
    assert story.refused == [("push", "push:U1")]
    assert page_of(story, "U1", incident).delivered_at == story.begin


def test_a_page_that_no_channel_takes_hands_over_to_the_next_step_at_once(story: Story) -> None:
    story.policy(two_steps(story))
    story.down.add("sms:U1")
    story.gone.add("sms:U1")
    incident = story.incident()
    story.at(1)
    assert story.pages() == [(0, "U2", "sms")]
    assert len(story.log(incident, "page_failed")) == 1


def test_a_snooze_is_quiet_until_its_end(story: Story) -> None:
    story.policy(two_steps(story))
    incident = story.incident()
    story.at(5)
    story.pages()
    until = story.begin + timedelta(minutes=50)
    oncall.snooze(incident.id, until=until, actor=story.by("U1"), now=story.now)
    story.at(60)
    assert story.pages() == [(50, "U1", "sms")]


def test_a_responder_is_paged_at_once_and_only_once(story: Story) -> None:
    story.policy(two_steps(story))
    helper = story.person("Helper", "voice")
    incident = story.incident()
    story.at(1)
    for _ in range(2):
        oncall.add_responder(incident.id, helper.id, actor=story.by("U1"), now=story.now)
    story.at(2)
    assert story.pages() == [(0, "U1", "sms"), (1, "Helper", "voice")]


def test_without_an_assignment_p1_pages_the_group_and_p4_only_queues(story: Story) -> None:
    group = story.group("Mail team", "Olena", leads=["Lena"])
    low = story.incident(priority=4, group=group)
    high = story.incident(priority=1, group=group)
    story.at(16)
    assert story.pages() == [(0, "Lena", "email"), (0, "Olena", "email"), (15, "Lena", "email")]
    assert not Escalation.objects.filter(incident=low).exists()
    incidents.cancel(high.id, reason="false_alarm", actor=story.by("Olena"), now=story.now)
    story.at(17)
    assert {sent.to for sent in story.told("stand_down")} <= {"Lena", "Olena"}


def test_a_reply_counts_only_from_the_address_that_was_paged_and_never_if_automatic(story: Story) -> None:
    story.policy(two_steps(story))
    incident = story.incident()
    story.at(1)
    story.pages()
    page = page_of(story, "U1", incident)

    def reply(text: str, **change: object) -> oncall.Answered | None:
        said = {"from_address": "SMS:U1", "channel": "sms", "automatic": False, **change}
        return oncall.answer_by_reply(page.id, text, now=story.now, **said)

    assert reply("ack", automatic=True) is None
    assert reply("ack", from_address="sms:U2") is None
    assert reply("ack", channel="email") is None
    unclear = reply(str(incident.id))
    assert unclear is not None and unclear.verb is None and f"ack {incident.id}" in unclear.said
    assert Page.objects.get(id=page.id).acknowledged_at is None
    assert reply(f"ack {incident.id}") == oncall.Answered("acknowledge", "acknowledged")
    assert reply("OK!") == oncall.Answered("acknowledge", "already acknowledged")
    story.at(60)
    assert story.pages() == []


def test_declining_pages_the_next_at_once(story: Story) -> None:
    story.policy(two_steps(story))
    incident = story.incident()
    story.at(2)
    oncall.decline_page(page_of(story, "U1", incident).id, actor=story.by("U1", "link"), now=story.now)
    story.at(3)
    assert story.pages() == [(0, "U1", "sms"), (2, "U2", "sms")]


def test_a_bounced_page_goes_on_with_the_next_channel_at_once(story: Story) -> None:
    person = story.person("U1", rules=[(0, "email")])
    ContactMethod.objects.create(person=person, channel="sms", address="sms:U1", verified_at=story.now)
    story.policy(Policy(steps=(Step((Target("person", person.id),), 30),)))
    incident = story.incident()
    story.at(1)
    delivery = Delivery.objects.get(page_id=page_of(story, "U1", incident).id)
    for _ in range(2):
        oncall.bounced(delivery.id, "550 no such user", now=story.now)
    story.at(2)
    assert story.pages() == [(0, "U1", "email"), (1, "U1", "sms")]
    delivery.refresh_from_db()
    assert (delivery.state, delivery.reason) == ("failed", "550 no such user")


def test_security_pages_go_to_the_group_only_and_say_nothing(story: Story) -> None:
    guards = story.group("Guards", "Gina", security=True)
    outsider = story.person("U1", "sms")
    story.policy(Policy(steps=(Step((Target("person", outsider.id), Target("group")), 30),)))
    story.incident(group=guards, security=True, title="Payroll leaked", channel="SIEM")
    story.at(1)
    (sent,) = story.told("page")
    assert sent.to == "Gina"
    assert "Payroll" not in sent.subject + sent.body


def test_no_progress_in_working_time_sends_it_to_the_next_line(story: Story) -> None:
    installation.put("ola_stalled_minutes", 60, actor=MAKER, now=story.now)
    second = story.group("Second line", "Sam")
    first = story.group("First", "Fay")
    SupportGroup.objects.filter(id=first.id).update(escalates_to=second)
    incident = story.incident(priority=4, group=first)
    busy = story.incident(priority=4, group=first)
    story.at(50)
    incidents.take(busy.id, actor=story.by("Fay"), now=story.now)
    story.at(61)
    assert story.fresh(incident).group_id == second.id
    assert story.fresh(busy).group_id == first.id
    (moved,) = [data for _, _, data in story.log(incident, "assigned") if data["escalated"]]
    assert moved
