"""One's own ways to be reached, rules and quiet hours; channels as an administrator sets them up."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from firstline.accounts.actions import create_person
from firstline.accounts.models import Person
from firstline.core.models import Event
from firstline.core.secrets import decrypt
from firstline.notifications.models import (
    ChannelSetting,
    ContactMethod,
    Delivery,
    Message,
    NotificationRule,
    QuietHours,
)
from tests.organisation import MAKER, Organisation, organisation


@pytest.fixture
def org(db: None) -> Organisation:
    return organisation()


@pytest.fixture
def boss(org: Organisation) -> Person:
    return create_person(email="boss@example.org", roles=["administrator"], actor=MAKER, now=org.now)


def client(person: Person) -> Client:
    found = Client()
    found.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    return found


def test_a_way_is_added_proven_by_its_code_used_in_rules_and_removed(org: Organisation) -> None:
    page = client(org.agent)
    shown = page.get(reverse("console:reach")).content.decode()
    assert "Nothing reaches you yet." in shown
    wrong = page.post(reverse("console:reach_method", args=[0]), {"channel": "email", "address": "nonsense"})
    assert wrong.status_code == 422
    page.post(reverse("console:reach_method", args=[0]), {"channel": "email", "address": "cell@example.org"})
    method = ContactMethod.objects.get()
    code = re.findall(r"\d{6}", Message.objects.get(kind="account").body)[0]
    here = reverse("console:reach_method", args=[method.id])
    refused = page.post(
        here, {"do": "verify", "code": "000000" if code != "000000" else "111111"}, follow=True
    )
    assert "not the code" in refused.content.decode()
    assert "Proven" in page.post(here, {"do": "verify", "code": code}, follow=True).content.decode()

    page.post(reverse("console:reach_rules"), {
        "urgency": "high", "high0-method": method.id, "high0-minutes": "0", "high1-method": method.id,
        "high1-minutes": "5",
    })  # fmt: skip
    assert list(NotificationRule.objects.values_list("urgency", "delay_minutes")) == [
        ("high", 0),
        ("high", 5),
    ]
    page.post(here, {"do": "remove"})
    assert (NotificationRule.objects.count(), ContactMethod.objects.get().active) == (0, False)


def test_nobody_touches_the_ways_of_another(org: Organisation) -> None:
    method = ContactMethod.objects.create(
        person=org.agent, channel="email", address="a@b.c", verified_at=org.now
    )
    other = client(org.outsider)
    for do in ("remove", "again", "verify"):
        assert other.post(reverse("console:reach_method", args=[method.id]), {"do": do}).status_code in (
            403,
            404,
        )
    other.post(
        reverse("console:reach_rules"), {"urgency": "high", "high0-method": method.id, "high0-minutes": "0"}
    )
    assert not NotificationRule.objects.exists()
    assert ContactMethod.objects.get().active


def test_quiet_hours_need_both_ends_or_none(org: Organisation) -> None:
    page = client(org.agent)
    page.post(reverse("console:reach_quiet"), {"start": "22:00", "end": "06:30"})
    row = QuietHours.objects.get()
    assert (f"{row.start:%H:%M}", f"{row.end:%H:%M}") == ("22:00", "06:30")
    said = page.post(
        reverse("console:reach_quiet"), {"start": "22:00", "end": ""}, follow=True
    ).content.decode()
    assert "leave both empty" in said and QuietHours.objects.count() == 1
    page.post(reverse("console:reach_quiet"), {"start": "", "end": ""})
    assert not QuietHours.objects.exists()


def test_an_administrator_connects_a_provider_tests_it_and_never_sees_the_token_again(
    org: Organisation, boss: Person
) -> None:
    page = client(boss)
    there = reverse("console:channel", args=["sms"])
    refused = page.post(there, {"do": "keep", "account": "AC1", "number": "123", "token": "secret-token"})
    assert (refused.status_code, "begins with +" in refused.content.decode()) == (422, True)
    page.post(there, {"do": "keep", "account": "AC1", "number": "+15005550006", "token": "secret-token"})
    assert decrypt(ChannelSetting.objects.get(channel="sms").secret) == "secret-token"
    shown = page.get(there).content.decode()
    assert "secret-token" not in shown and "/hooks/sms" in shown
    page.post(there, {"do": "test", "address": "+380509876543"})
    assert Delivery.objects.get().address == "+380509876543"
    assert "secret-token" not in str(list(Event.objects.values_list("changes", "data", "why")))
    assert client(org.outsider).get(there).status_code == 403
    assert (
        "+380509876543" not in client(org.agent).get(there).content.decode()
    )  # a lead looks at settings only


def test_a_webhook_secret_is_shown_once_and_a_channel_can_be_switched_off(
    org: Organisation, boss: Person
) -> None:
    page = client(boss)
    there = reverse("console:channel", args=["webhook"])
    secret = re.findall(r"whsec_[A-Za-z0-9+/=]+", page.post(there, {"do": "secret"}).content.decode())[0]
    assert decrypt(ChannelSetting.objects.get(channel="webhook").secret) == secret
    assert secret not in page.get(there).content.decode()
    page.post(there, {"do": "off"})
    assert "nothing goes out this way" in page.get(there).content.decode()
    page.post(there, {"do": "on"})
    assert ChannelSetting.objects.get(channel="webhook").enabled
    assert page.get(reverse("console:channel", args=["pigeon"])).status_code == 404
