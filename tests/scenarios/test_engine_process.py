"""The engine as a process: killed at any instant it loses nothing and doubles nothing; it outlives the
database's connections; several of them share the work."""

import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Session
from aiosmtpd.smtp import Envelope as Received

from firstline.core import clock
from firstline.core.models import Due
from firstline.incidents import actions as incidents
from firstline.incidents.actions.register import Report
from firstline.notifications.models import Delivery
from firstline.oncall import actions as oncall
from firstline.oncall.models import Escalation, Page
from firstline.sla.models import Clock
from tests.database import Clone
from tests.effort import cases
from tests.machine import free_port, wait_until
from tests.organisation import MAKER, Organisation, organisation

KILLS = cases(4, 100)
BATCH = 15


class Sink:
    """Counts mails by Message-ID."""

    def __init__(self) -> None:
        self.ids: Counter[str] = Counter()

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Received) -> str:
        content = envelope.content or b""
        text = content.decode() if isinstance(content, bytes) else content
        self.ids[text.split("Message-ID: ")[1].split()[0]] += 1
        return "250 OK"


@pytest.fixture
def sink(cloned_database: Clone, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sink]:
    port = free_port()
    handler = Sink()
    controller = Controller(handler, hostname="127.0.0.1", port=port)
    controller.start()
    monkeypatch.setenv("FIRSTLINE_MAIL_URL", f"smtp://127.0.0.1:{port}")
    yield handler
    controller.stop()


@pytest.fixture
def org(sink: Sink) -> Organisation:
    made = organisation()
    clock.release()
    type(made.agent).objects.update(email_verified_at=made.now)
    made.now = clock.now()
    return made


@contextmanager
def engine() -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen([sys.executable, "-m", "firstline.config.child", "engine"])
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def report(org: Organisation, count: int) -> list[int]:
    """Incidents that page their group."""
    now = clock.now()
    rows = incidents.register(
        [
            Report(
                title=f"Mail is down {number}", channel="monitoring", received_at=now, group_id=org.first.id
            )
            for number in range(count)
        ],
        actor=MAKER,
        now=now,
    )
    for row in rows:
        incidents.override_priority(row.id, 1, reason="management", actor=MAKER, now=now)
    return [row.id for row in rows]


def settled(ids: list[int]) -> bool:
    pages = Page.objects.filter(incident_id__in=ids)
    waiting = Delivery.objects.filter(state__in=("due", "sending"), page_id__isnull=False)
    due = Due.objects.filter(kind__in=("triage", "sla.evaluate", "oncall.look"), subject_id__in=ids)
    return pages.count() >= len(ids) and not waiting.exists() and not due.exists()


@pytest.mark.scenario
def test_killed_again_and_again_each_incident_has_one_escalation_one_page_and_one_mail_key(
    org: Organisation, sink: Sink
) -> None:
    ids: list[int] = []
    for number in range(KILLS):
        with engine() as process:
            ids += report(org, BATCH)
            before = Delivery.objects.count()
            # Somewhere in the middle of its work, another place each time.
            wait_until(lambda most=before + number % BATCH: Delivery.objects.count() > most, "it works")
            process.send_signal(signal.SIGKILL)
            process.wait()
    with engine(), engine():
        wait_until(lambda: settled(ids), "all is done")
    assert Counter(Escalation.objects.values_list("incident_id", flat=True)) == Counter(ids)
    assert Counter(Page.objects.filter(step=0, cycle=0).values_list("incident_id", flat=True)) == Counter(ids)
    assert Counter(
        Clock.objects.filter(target="resolution").values_list("incident_id", flat=True)
    ) == Counter(ids)
    mails = Delivery.objects.filter(page_id__isnull=False, state="delivered")
    assert mails.count() == len(ids)
    # Outside it is at least once, always under the same Message-ID.
    assert set(mails.values_list("mail_id", flat=True)) <= set(sink.ids)
    assert len(sink.ids) == Delivery.objects.filter(channel="email", state="delivered").count()


@pytest.mark.scenario
def test_an_escalation_whose_incident_somebody_is_writing_waits_for_the_next_cycle(
    org: Organisation, cloned_database: Clone
) -> None:
    (incident_id,) = report(org, 1)
    oncall.look([incident_id], now=clock.now())
    with psycopg.connect(cloned_database.url) as other:
        other.execute("SELECT 1 FROM incident WHERE id = %s FOR UPDATE", [incident_id])
        assert oncall.step_due(now=clock.now()) == 0
    assert oncall.step_due(now=clock.now()) == 1
    assert Page.objects.filter(incident_id=incident_id).count() == 1
