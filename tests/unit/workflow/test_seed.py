"""What an installation begins with."""

from datetime import UTC, datetime, timedelta

import pytest

from firstline.accounts.queries import catch_all_group
from firstline.accounts.viewer import SYSTEM
from firstline.catalog import actions, queries
from firstline.core.actor import Actor
from firstline.core.models import Event
from firstline.incidents.models import Matrix
from firstline.sla.models import Agreement
from firstline.workflow.seed import ensure_defaults

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def test_everything_has_an_owner_a_target_and_a_place_from_the_first_minute() -> None:
    ensure_defaults(now=NOW)
    group = catch_all_group()
    assert group is not None and group.name == "First line"
    assert [calendar.name for calendar in queries.calendars(SYSTEM)] == ["Always (24×7)", "Office hours"]
    assert queries.resolution_codes(SYSTEM).filter(code="fixed").exists()
    assert queries.categories(SYSTEM).filter(path="Network › VPN").exists()
    assert Agreement.objects.get().versions.get().definition["promises"]["1"]["response"] == {"minutes": 15}
    assert Matrix.objects.get().cells == [[1, 2, 3], [2, 3, 4], [3, 4, 5]]


def test_a_second_time_changes_nothing_and_brings_nothing_back() -> None:
    ensure_defaults(now=NOW)
    code = queries.resolution_codes(SYSTEM).get(code="fixed")
    actions.edit_code(code.id, name="Mended", actor=Actor.system("test"), now=NOW)
    before = Event.objects.count()
    ensure_defaults(now=NOW + timedelta(days=1))
    assert Event.objects.count() == before
    assert queries.resolution_code(SYSTEM, code.id).name == "Mended"
