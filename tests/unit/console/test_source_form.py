"""What a kind of source keeps of its own: a secret that is never shown again, branches, a topic."""

import pytest
from django.test import Client

from firstline.core.secrets import decrypt, encrypt
from firstline.intake.models import Source
from tests.unit.console.test_source_inbox import signed_in
from tests.unit.intake.inboxes import Inbox as Box
from tests.unit.intake.inboxes import fresh_inbox

pytestmark = pytest.mark.django_db


@pytest.fixture
def box() -> Box:
    return fresh_inbox()


@pytest.fixture
def admin(box: Box) -> Client:
    return signed_in("administrator")


def edit(client: Client, source: Source, **fields: str) -> Source:
    """Post the form of a source as it is shown, with these fields changed."""
    address = f"/console/sources/{source.id}/edit/"
    form = client.get(address).context["form"]
    shown = {name: form[name].value() for name in form.fields}
    sent = {name: value for name, value in shown.items() if value not in (None, False)}
    answer = client.post(address, {**sent, **fields})
    assert answer.status_code == 302, answer.context["form"].errors
    return Source.objects.get(id=source.id)


def test_a_secret_is_kept_encrypted_stays_and_can_be_forgotten(box: Box, admin: Client) -> None:
    source = edit(admin, box.source("github"), secret="s3cr3t-of-the-hook")
    assert decrypt(source.secret) == "s3cr3t-of-the-hook" and "s3cr3t" not in source.secret
    assert "s3cr3t" not in admin.get(f"/console/sources/{source.id}/edit/").content.decode()
    source = edit(admin, source, branches="main, release")
    assert decrypt(source.secret) == "s3cr3t-of-the-hook"
    assert source.settings["branches"] == ["main", "release"]
    assert edit(admin, source, forget_secret="on").secret == ""


def test_what_the_job_learned_about_a_topic_survives_an_edit(box: Box, admin: Client) -> None:
    learned = {"certificates": {"https://x": "PEM"}, "subscriptions": {"arn:a": {"state": "confirmed"}}}
    source = edit(admin, box.source("sns", settings=learned), unsigned="on", topic="arn:a")
    assert source.settings == {**learned, "unsigned": True, "topic": "arn:a"}
    page = admin.get(f"/console/sources/{source.id}/").content.decode()
    assert "The subscription to arn:a is confirmed" in page
    assert edit(admin, source, topic="").settings["unsigned"] is True


def test_only_kinds_that_sign_ask_for_a_secret(box: Box, admin: Client) -> None:
    for kind, asked in (
        ("github", True),
        ("sentry", True),
        ("grafana", True),
        ("zabbix", False),
        ("sns", False),
    ):
        form = admin.get(f"/console/sources/new/?kind={kind}").context["form"]
        assert ("secret" in form.fields) is asked, kind
        assert "forget_secret" not in form.fields


def test_a_new_source_takes_its_secret_at_once(box: Box, admin: Client) -> None:
    admin.post("/console/sources/new/?kind=sentry", {"name": "Errors", "secret": "client-secret"})
    assert decrypt(Source.objects.get(name="Errors").secret) == "client-secret"
    assert encrypt("") == ""


def test_what_nagios_and_alertmanager_keep(box: Box, admin: Client) -> None:
    assert edit(admin, box.source("nagios"), ignore_soft="on").settings == {"ignore_soft": True}
    source = edit(admin, box.source("alertmanager"), group_by="alertname, cluster")
    assert source.settings == {"group_by": ["alertname", "cluster"]}
    page = admin.get(f"/console/sources/{source.pk}/edit/").content.decode()
    assert "alertname, cluster" in page
