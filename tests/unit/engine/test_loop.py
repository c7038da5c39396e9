"""The engine: what is due happens in order, a failing module holds up no other, the sign of life is left."""

import threading
from datetime import timedelta

import psycopg
import pytest

from firstline.accounts.actions import create_person
from firstline.core import clock, due
from firstline.core.actor import Actor
from firstline.core.models import Due, Setting
from firstline.engine import loop
from firstline.engine.loop import Engine
from firstline.engine.modules import MODULES, Module
from firstline.incidents.actions import Report, register_one
from firstline.incidents.models import Incident
from firstline.notifications.models import Message
from tests.database import Clone

ENGINE = Actor.system("test")


@pytest.mark.django_db
def test_a_report_is_triaged_in_one_cycle() -> None:
    now = clock.now()
    incident = register_one(Report(title="x", channel="monitoring", received_at=now), actor=ENGINE, now=now)
    cycle = Engine().cycle(wait=True)
    assert cycle.failed == {}
    incident.refresh_from_db()
    assert incident.priority is not None


@pytest.mark.django_db
def test_a_module_that_fails_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(now: object) -> int:
        raise ValueError("broken on purpose")

    monkeypatch.setattr(loop, "MODULES", (Module("broken", broken), *MODULES[1:]))
    now = clock.now()
    register_one(Report(title="x", channel="monitoring", received_at=now), actor=ENGINE, now=now)
    cycle = Engine().cycle(wait=True)
    assert "broken on purpose" in cycle.failed["broken"]
    assert cycle.done["triage"] == 1
    assert list(Setting.objects.get(key="engine.cycle").value["failing"]) == ["broken"]


@pytest.mark.django_db
def test_administrators_are_told_once_of_a_row_that_keeps_failing() -> None:
    now = clock.now()
    create_person(email="admin@example.org", roles=["administrator"], actor=ENGINE, now=now)
    due.schedule("nobody does this", [(7, now)])
    Due.objects.update(error="ValueError('x')", attempts=5, failing_since=now - timedelta(seconds=61))
    for _ in range(2):
        Engine().cycle(wait=True)
    (told,) = Message.objects.filter(kind="engine")
    assert "ValueError('x')" in told.body


def test_it_wakes_by_notify_and_survives_a_cut_connection(cloned_database: Clone) -> None:
    stop = threading.Event()
    thread = threading.Thread(target=loop.run, args=[stop], daemon=True)
    thread.start()
    try:
        for _round in range(2):
            now = clock.now()
            incident = register_one(
                Report(title="x", channel="monitoring", received_at=now), actor=ENGINE, now=now
            )
            _until(lambda incident=incident: Incident.objects.get(id=incident.id).priority is not None)
            with psycopg.connect(cloned_database.url, autocommit=True) as admin:
                admin.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid() AND query LIKE 'LISTEN%'"
                )
    finally:
        stop.set()
        thread.join(10)
    assert not thread.is_alive()


def _until(condition: object, seconds: float = 20) -> None:
    waited = threading.Event()
    for _ in range(int(seconds / 0.05)):
        if condition():  # type: ignore[operator]
            return
        waited.wait(0.05)
    raise AssertionError("it did not happen")
