"""`firstline doctor` says when security incidents would be seen by nobody."""

from datetime import UTC, datetime

import pytest

from firstline.accounts.actions import create_group, create_person, set_members
from firstline.config import env
from firstline.config.examination import WITH_TABLES, Result
from firstline.core.actor import Actor
from firstline.intake.models import Source

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SETUP = Actor.system("test")
pytestmark = pytest.mark.django_db


def examined() -> Result:
    (check,) = (check for check in WITH_TABLES if check.__name__ == "_security")
    (result,) = check(env.read())
    return result


def test_a_security_source_needs_a_security_group_with_somebody_in_it() -> None:
    assert examined().state == "ok"
    Source.objects.create(name="SIEM", kind="wazuh", token_hash="0" * 64, created_at=NOW)
    assert (examined().state, "nobody can open them" in examined().seen) == ("finding", True)
    group = create_group(name="Security", security=True, actor=SETUP, now=NOW)
    assert examined().state == "finding"
    analyst = create_person(email="a@example.org", roles=["agent"], actor=SETUP, now=NOW)
    set_members(group.id, {analyst.id: False}, actor=SETUP, now=NOW)
    assert examined().state == "ok"
