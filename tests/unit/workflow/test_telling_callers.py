"""Who hears what is written to the caller, and by which name."""

import pytest

from firstline.incidents import actions
from firstline.incidents.models import Incident
from firstline.notifications.models import Delivery
from firstline.workflow import telling
from tests.organisation import MAKER, Organisation, organisation

pytestmark = pytest.mark.django_db


@pytest.fixture
def org() -> Organisation:
    return organisation()


def answered(org: Organisation, incident: Incident) -> dict[str, str]:
    """What each address was told after an answer."""
    actions.comment(incident.id, "Your new key is 77", actor=org.by(org.agent), now=org.now)
    telling.answers_due(now=org.now)
    rows = Delivery.objects.filter(message__kind="answer").select_related("message")
    return {row.address: f"{row.message.subject} {row.message.body}" for row in rows}


def test_who_says_me_too_does_not_hear_what_is_written_to_the_caller(org: Organisation) -> None:
    incident = org.incident(title="I lost my key to the safe")
    actions.publish(incident.id, title="Safe", status="", actor=org.by(org.agent), now=org.now)
    actions.me_too(incident.id, actor=org.by(org.colleague), now=org.now)
    assert list(answered(org, incident)) == [org.caller.email]


def test_who_was_merged_hears_the_answer_and_never_a_colleagues_title(org: Organisation) -> None:
    original = org.incident(title="I lost my key to the safe")
    duplicate = org.incident(title="Safe shut", caller_id=org.colleague.id)
    actions.merge(duplicate.id, original.id, actor=MAKER, now=org.now)
    told = answered(org, original)
    assert "I lost my key" in told[org.caller.email]
    assert "Your new key is 77" in told[org.colleague.email]
    assert "I lost my key" not in told[org.colleague.email]
