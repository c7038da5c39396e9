"""What hangs together with an incident is shown as far as its reader may see it, and no further."""

import pytest
from django.test import Client

from firstline.accounts.viewer import viewer_of
from firstline.core import installation
from firstline.desk import dossier
from firstline.incidents import actions
from firstline.incidents.models import Incident
from firstline.problems import actions as problems
from tests.organisation import MAKER, Organisation, organisation

pytestmark = pytest.mark.django_db


@pytest.fixture
def org() -> Organisation:
    return organisation()


def page(org: Organisation, incident: Incident) -> str:
    client = Client()
    client.force_login(org.agent)
    return client.get(f"/console/incidents/{incident.id}/").content.decode()


def test_a_restricted_parent_keeps_its_title(org: Organisation) -> None:
    child = org.incident()
    parent = org.incident(title="Payroll stolen", security=True, group_id=org.security.id)
    actions.set_parent(child.id, parent.id, actor=MAKER, now=org.now)
    shown = page(org, child)
    assert "Payroll stolen" not in shown and "restricted" in shown


def test_an_original_of_another_group_keeps_its_title_where_agents_read_only_their_own(
    org: Organisation,
) -> None:
    installation.put("agents_read_all", value=False, actor=MAKER, now=org.now)
    duplicate = org.incident()
    original = org.incident(title="The director's printer", group_id=org.other.id)
    actions.merge(duplicate.id, original.id, actor=MAKER, now=org.now)
    shown = page(org, duplicate)
    assert "The director" not in shown and "restricted" in shown


def test_a_problem_of_a_security_group_is_left_out(org: Organisation) -> None:
    incident = org.incident(security=True, group_id=org.security.id)
    problems.open_problem(title="A leak", incident_ids=[incident.id], actor=MAKER, now=org.now)
    Incident.objects.filter(id=incident.id).update(security=False, group=org.first)
    assert dossier.read(viewer_of(org.agent.id), incident.id).problems == []
