"""What a person does with a mail: file it to an incident, have it looked at again."""

import pytest

from firstline.accounts.actions import create_person
from firstline.accounts.models import Person
from firstline.accounts.viewer import viewer_of
from firstline.core import installation
from firstline.core.actor import Actor
from firstline.core.errors import Invalid, NotFound
from firstline.incidents.models import Comment
from firstline.intake import mailfiling
from firstline.intake.sources.mail.templates import Template
from tests.unit.intake.inboxes import Inbox
from tests.unit.intake.test_mail import Desk

MAKER = Actor.system("test")


@pytest.fixture
def desk(inbox: Inbox) -> Desk:
    return Desk(inbox)


@pytest.fixture
def boss(desk: Desk) -> Person:
    return create_person(
        email="boss@example.org",
        name="Boss",
        roles=["administrator", "agent"],
        actor=MAKER,
        now=desk.inbox.now,
    )


def refused(desk: Desk) -> int:
    """The id of a mail that came to nothing."""
    installation.put("unknown_senders", False, actor=MAKER, now=desk.inbox.now)
    kept = desk.send("new@example.net", "Door 3", "It is open. password=hunter2")
    assert kept.verdict == "unknown_sender"
    return kept.id


def test_a_mail_is_filed_to_an_incident_by_its_number(desk: Desk, boss: Person) -> None:
    incident, mail_id = desk.incident(), refused(desk)
    common = {"actor": Actor.person(boss.id), "now": desk.inbox.now}
    with pytest.raises(NotFound):
        mailfiling.file_to(desk.source.id, mail_id, "INC-999999", **common)
    mailfiling.file_to(desk.source.id, mail_id, incident.number, **common)
    comment = Comment.objects.get()
    assert (comment.incident_id, comment.public, comment.from_address) == (
        incident.id,
        False,
        "new@example.net",
    )
    with pytest.raises(Invalid):
        mailfiling.file_to(desk.source.id, mail_id, incident.number, **common)


def test_another_look_goes_by_todays_settings_and_happens_once(desk: Desk, boss: Person) -> None:
    mail_id = refused(desk)
    common = {"actor": Actor.person(boss.id), "now": desk.inbox.now}
    assert mailfiling.process_again(desk.source.id, mail_id, **common).verdict == "unknown_sender"
    installation.put("unknown_senders", True, actor=MAKER, now=desk.inbox.now)
    again = mailfiling.process_again(desk.source.id, mail_id, **common)
    assert again.verdict == "opened" and again.incident is not None and again.incident.title == "Door 3"
    with pytest.raises(Invalid):
        mailfiling.process_again(desk.source.id, mail_id, **common)


def test_what_is_shown_is_masked_and_templates_are_tried(desk: Desk, boss: Person) -> None:
    mail_id, viewer = refused(desk), viewer_of(boss.id)
    shown = mailfiling.mail(viewer, desk.source.id, mail_id)
    assert "Door 3" in shown.raw and "hunter2" not in shown.raw + shown.text and shown.again
    (preview,) = mailfiling.previews(
        viewer, desk.source.id, [Template(name="doors", subject=("Door {door}",), key="{door}")]
    )
    assert preview.signal is not None and preview.signal.key == "doors:3:new@example.net"
