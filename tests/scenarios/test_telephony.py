"""Pages by text message and call through a provider's protocol, and the answers that come back."""

import re
from collections.abc import Iterator

import pytest
from django.conf import settings
from django.test import Client

from firstline.accounts.actions import create_person
from firstline.accounts.models import Person
from firstline.core import clock, installation
from firstline.core.errors import Invalid
from firstline.engine.loop import Engine
from firstline.incidents.models import Incident
from firstline.notifications import configure, methods
from firstline.notifications.channels.sms import MOST, short
from firstline.notifications.channels.telephony import signature
from firstline.notifications.channels.voice import digits_apart
from firstline.notifications.models import ChannelSetting, ContactMethod, Delivery, NotificationRule
from firstline.oncall import configure as oncall
from firstline.oncall.models import Page, PolicyAssignment
from firstline.oncall.policy import Policy, Step, Target
from tests.organisation import MAKER, Organisation, organisation
from tests.telephony import ACCOUNT, NUMBER, TOKEN, Provider, provider

CELL = "+380441234567"


@pytest.fixture
def org(db: None) -> Organisation:
    return organisation()


@pytest.fixture
def exchange(org: Organisation) -> Iterator[Provider]:
    """A provider, connected by an administrator, with the agent reachable through it."""
    with provider() as there:
        boss = create_person(email="boss@example.org", roles=["administrator"], actor=MAKER, now=org.now)
        installation.put("enabled_webhook_hosts", ["127.0.0.1"], actor=MAKER, now=org.now)
        for channel in ("sms", "voice"):
            configure.set_up_telephony(
                channel,
                configure.Telephony(account=ACCOUNT, number=NUMBER, base=there.address),
                token=TOKEN,
                actor=org.by(boss),
                now=org.now,
            )
        yield there


def turn() -> None:
    engine = Engine()
    try:
        engine.settle()
    finally:
        engine.close()


def paged_by(org: Organisation, channel: str, *, incidents: int = 1) -> list[Incident]:
    """Incidents whose policy pages the agent through `channel` at once."""
    method = ContactMethod.objects.create(
        person=org.agent, channel=channel, address=CELL, verified_at=org.now
    )
    for urgency in ("high", "low"):
        NotificationRule.objects.create(person=org.agent, urgency=urgency, method=method)
    policy = oncall.create_policy(
        name="Calls",
        definition=Policy(steps=(Step((Target("person", org.agent.id),), 600),)),
        actor=MAKER,
        now=org.now,
    )
    PolicyAssignment.objects.all().delete()
    oncall.assign_policy(service_id=None, priority=None, policy_id=policy.id, actor=MAKER, now=org.now)
    made = [org.incident(title=f"The {n}. thing is broken") for n in range(incidents)]
    turn()
    return made


def posted(path: str, form: dict[str, str], *, token: str = TOKEN) -> tuple[int, str]:
    form = {"AccountSid": ACCOUNT, **form}
    signed = signature(token, f"{settings.URL}{path}", form)
    answer = Client().post(path, form, headers={"X-Twilio-Signature": signed})
    return answer.status_code, answer.content.decode()


def test_the_signature_is_the_one_of_the_provider_s_own_example() -> None:
    """From the page on security of the protocol's documentation."""
    form = {
        "CallSid": "CA1234567890ABCDE", "Caller": "+14158675310", "Digits": "1234", "From": "+14158675310",
        "To": "+18005551212",
    }  # fmt: skip
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    assert signature("12345", url, form) == "GvWf1cFY/Q7PnoempGyD5oXAezc="


def test_a_page_goes_out_as_a_text_with_its_link_and_a_reply_acknowledges_it(
    org: Organisation, exchange: Provider
) -> None:
    (incident,) = paged_by(org, "sms")
    (order,) = [one for one in exchange.orders if one.path.endswith("/Messages.json")]
    assert order.path == f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
    assert order.account == f"{ACCOUNT}:{TOKEN}"
    assert (order.form["To"], order.form["From"]) == (CELL, NUMBER)
    assert incident.number in order.form["Body"] and f"{settings.URL}/page/" in order.form["Body"]
    page = Page.objects.get(incident=incident)
    assert page.delivered_at is not None
    delivery = Delivery.objects.get(page_id=page.id)
    assert (order.key, delivery.mail_id) == (delivery.idempotency_key, "SM" + "1".rjust(32, "0"))

    status, said = posted("/hooks/sms", {"From": CELL, "Body": "Ack"})
    assert (status, "acknowledged" in said) == (200, True)
    page.refresh_from_db()
    assert (page.acknowledged_via, page.person_id) == ("sms", org.agent.id)
    again = posted("/hooks/sms", {"From": CELL, "Body": f"ack {incident.id}"})[1]
    assert "already acknowledged" in again


def test_only_the_paged_number_answers_and_only_what_the_provider_signed_counts(
    org: Organisation, exchange: Provider
) -> None:
    (incident,) = paged_by(org, "sms")
    assert posted("/hooks/sms", {"From": "+49301234567", "Body": "ack"}) == (
        200, '<?xml version="1.0" encoding="UTF-8"?><Response></Response>',
    )  # fmt: skip
    assert posted("/hooks/sms", {"From": CELL, "Body": "ack"}, token="guessed")[0] == 403
    assert posted("/hooks/sms", {"From": CELL, "Body": "ack", "AccountSid": "AC-other"})[0] == 403
    assert (
        Client().post("/hooks/sms", {"From": CELL, "Body": "ack", "AccountSid": ACCOUNT}).status_code == 403
    )
    assert Page.objects.get(incident=incident).acknowledged_at is None


def test_a_bare_word_is_asked_back_while_several_pages_are_open(
    org: Organisation, exchange: Provider
) -> None:
    first, second = paged_by(org, "sms", incidents=2)
    said = posted("/hooks/sms", {"From": CELL, "Body": "ack"})[1]
    assert first.number in said and second.number in said
    assert not Page.objects.filter(acknowledged_at__isnull=False).exists()
    posted("/hooks/sms", {"From": CELL, "Body": f"ack {first.id}"})
    acknowledged = Page.objects.filter(acknowledged_at__isnull=False)
    assert list(acknowledged.values_list("incident_id", flat=True)) == [first.id]


def test_a_call_reads_the_page_and_a_key_answers(org: Organisation, exchange: Provider) -> None:
    (incident,) = paged_by(org, "voice")
    (order,) = [one for one in exchange.orders if one.path.endswith("/Calls.json")]
    page = Page.objects.get(incident=incident)
    assert f'action="{settings.URL}/hooks/voice/{page.id}"' in order.form["Twiml"]
    assert "Press 4 to acknowledge" in order.form["Twiml"]
    path = f"/hooks/voice/{page.id}"
    assert "does nothing" in posted(path, {"To": CELL, "Digits": "1"})[1]
    assert "not for you" in posted(path, {"To": "+49301234567", "Digits": "4"})[1]
    page.refresh_from_db()
    assert page.acknowledged_at is None
    assert "acknowledged" in posted(path, {"To": CELL, "Digits": "4"})[1]
    page.refresh_from_db()
    assert page.acknowledged_via == "voice"


def test_what_the_provider_refuses_for_good_goes_on_elsewhere_at_once_and_what_it_puts_off_is_tried_again(
    org: Organisation, exchange: Provider
) -> None:
    Person.objects.filter(id=org.agent.id).update(email_verified_at=org.now)
    exchange.answers = [(400, {"code": 21211, "message": "The 'To' number is not valid."})]
    paged_by(org, "sms")
    states = dict(Delivery.objects.filter(page_id__isnull=False).values_list("channel", "state"))
    assert states["sms"] == "failed"
    assert set(states) == {"sms", "email"}  # the address of the account is the next way
    assert "21211" in Delivery.objects.get(channel="sms", page_id__isnull=False).reason

    exchange.answers = [(429, {"code": 20429, "message": "Too many requests"})]
    configure.try_out("sms", CELL, actor=MAKER, now=clock.now())
    turn()
    assert Delivery.objects.filter(message__kind="test").values_list("state", "attempts").get() == ("due", 1)


def test_a_number_is_proven_by_the_code_that_arrives_by_text_or_by_voice(
    org: Organisation, exchange: Provider
) -> None:
    for channel in ("sms", "voice"):
        method = methods.add(
            org.agent.id, channel=channel, address=CELL, actor=org.by(org.agent), now=org.now
        )
        turn()
        form = exchange.orders[-1].form
        text = form.get("Body") or form["Twiml"]
        code = re.findall(r"\d{6}|\d(?: \d){5}", text)[0].replace(" ", "")
        methods.verify(method.id, code, actor=org.by(org.agent), now=org.now)
    with pytest.raises(Invalid, match="begins with"):
        methods.add(org.agent.id, channel="sms", address="0441234567", actor=org.by(org.agent), now=org.now)


def test_a_channel_that_is_switched_off_sends_nothing_and_the_next_one_takes_over(
    org: Organisation, exchange: Provider
) -> None:
    configure.switch("sms", False, actor=MAKER, now=org.now)
    paged_by(org, "sms")
    assert exchange.orders == []
    sms = Delivery.objects.get(channel="sms", page_id__isnull=False)
    assert (sms.state, "switched this channel off" in sms.reason) == ("failed", True)
    with pytest.raises(Invalid, match="switched off"):
        methods.add(org.agent.id, channel="sms", address="+49301234567", actor=org.by(org.agent), now=org.now)


def test_the_token_is_kept_encrypted_and_an_empty_one_keeps_it(org: Organisation, exchange: Provider) -> None:
    row = ChannelSetting.objects.get(channel="sms")
    assert TOKEN not in row.secret and row.secret
    given = configure.Telephony(account=ACCOUNT, number=NUMBER)
    configure.set_up_telephony("sms", given, actor=MAKER, now=org.now)
    assert ChannelSetting.objects.get(channel="sms").secret == row.secret
    ChannelSetting.objects.filter(channel="sms").delete()
    with pytest.raises(Invalid, match="token"):
        configure.set_up_telephony("sms", given, actor=MAKER, now=org.now)
    agent = Person.objects.get(id=org.agent.id)
    with pytest.raises(Exception, match="roles"):
        configure.set_up_telephony("sms", given, token="x", actor=org.by(agent), now=org.now)


def test_long_texts_are_cut_and_their_link_never_is() -> None:
    text = short("x" * 2000, "see\n\nhttps://f.example/page/abc\n")
    assert len(text) == MOST and text.endswith("…\nhttps://f.example/page/abc")


def test_codes_are_read_digit_by_digit() -> None:
    assert digits_apart("Your code for Firstline: 123456") == "Your code for Firstline: 1 2 3 4 5 6"
