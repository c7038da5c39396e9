"""The eight stages, each with what was done, what was seen and how long it took.

What is done goes by HTTP; what is seen is read from the database. A stage that has seen nothing within its patience
has failed; the stages behind it that need it are not tried. Whatever happens, the incident is closed at the end.
"""

import re
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import urlsplit

from django.db import close_old_connections

from firstline.catalog.models import Category, ResolutionCode
from firstline.closure.models import Confirmation
from firstline.core import clock
from firstline.core.errors import DomainError
from firstline.core.models import Event
from firstline.desk.selftest.browser import Browser, NoAnswer
from firstline.desk.selftest.fixtures import EMAIL, SELFTEST, Fixtures
from firstline.diagnosis.models import Evidence
from firstline.incidents import actions
from firstline.incidents.models import Incident
from firstline.intake.models import AlertSpan, Edge
from firstline.notifications.models import Delivery, Message
from firstline.oncall.models import Escalation, Page

STAGES = (
    "detection",
    "registration",
    "categorisation",
    "prioritisation",
    "diagnosis",
    "escalation",
    "resolution",
    "closure",
)
LOOK_EVERY = 0.05  # seconds
T = TypeVar("T")


class NotSeen(Exception):
    """What should have happened did not, within the patience of a stage."""


@dataclass(frozen=True, slots=True)
class Stage:
    stage: str
    ok: bool
    ms: int
    seen: str


class Selftest:
    """One run. `patience` is in seconds and per stage."""

    def __init__(self, fixtures: Fixtures, base: str, *, patience: float) -> None:
        self._fixtures = fixtures
        self._browser = Browser(base)
        self._patience = patience
        self._until = 0.0
        self._key = f"selftest-{secrets.token_hex(6)}"
        self._incident = 0
        self._reported = 0

    def run(self) -> Iterator[Stage]:
        """The stages in order, each as soon as it is over."""
        failed = ""
        try:
            for name in STAGES:
                if failed:
                    yield Stage(name, False, 0, f"not tried: {failed} failed")
                    continue
                stage = self._stage(name, getattr(self, f"_{name}"))
                failed = "" if stage.ok else name
                yield stage
        finally:
            self._clear_away()

    def _stage(self, name: str, take: Callable[[], str]) -> Stage:
        begun = time.monotonic()
        self._until = begun + self._patience
        try:
            seen, ok = take(), True
        except (NoAnswer, NotSeen, DomainError) as error:
            seen, ok = str(error), False
        return Stage(name, ok, round((time.monotonic() - begun) * 1000), seen)

    def _wait(self, what: str, look: Callable[[], T | None]) -> T:
        """What `look` finds, as soon as it finds something."""
        while True:
            found = look()
            if found is not None:
                return found
            if time.monotonic() > self._until:
                raise NotSeen(
                    f"{what}: not within {self._patience:g} s (is the engine running? see firstline doctor)"
                )
            close_old_connections()
            time.sleep(LOOK_EVERY)

    # The stages

    def _detection(self) -> str:
        """A signal through the gateway becomes an alert."""
        answer = self._signal("firing", expect=202)
        span = self._wait("an alert of the signal", self._span)
        return f"signal taken with {answer}, alert {span.alert_id} is {span.state}"

    def _registration(self) -> str:
        """The alert has opened an incident; its caller signs in, reports the same and is merged into it."""
        edge = self._wait(
            "an incident of the alert", lambda: Edge.objects.filter(span__alert__dedup_key=self._key).first()
        )
        incident = Incident.objects.get(id=edge.incident_id)
        self._incident = incident.id
        if not incident.synthetic:
            raise NotSeen(f"{incident.number} is not marked synthetic")
        self._reported = self._report()
        self._api(f"{self._reported}/merge", {"into_id": incident.id})
        self._patch({"caller_id": self._fixtures.person_id})
        merged = f"INC-{self._reported:06d} from the portal merged into it"
        return f"{incident.number} opened by {incident.channel}; {merged}"

    def _categorisation(self) -> str:
        event = self._event("categorised")
        by = "a rule" if event.why.get("rule") else "no rule"
        leaves = Category.objects.filter(active=True, parent__isnull=False)
        category = (leaves or Category.objects.filter(active=True)).order_by("id").first()
        if category is None:
            return f"{by} matched; there are no categories"
        self._patch({"category_id": category.id})
        return f"{by} matched; {category.path} chosen through the API"

    def _prioritisation(self) -> str:
        """Compared and prioritised after categorised, with a place in the queue."""
        ids = [self._event(verb).id for verb in ("categorised", "compared", "prioritised")]
        if ids != sorted(ids):
            raise NotSeen("categorised, compared and prioritised are not in this order")
        row = Incident.objects.get(id=self._incident)
        if row.work_next_at is None:
            raise NotSeen(f"{row.number} has no place in the queue")
        place = f"in the queue at {row.work_next_at:%H:%M}"
        return f"P{row.priority}: impact {row.impact} × urgency {row.urgency}, {place}"

    def _diagnosis(self) -> str:
        """A background job has run the check of the service; a note is written beside it."""
        found = self._wait(
            "the check's evidence (is the worker running?)",
            lambda: Evidence.objects.filter(incident_id=self._incident, kind="check").first(),
        )
        if not found.data.get("ok"):
            raise NotSeen(f"the check of its own health failed: {found.why.get('answer')}")
        body = f"Selftest: health answered in {found.why.get('milliseconds')} ms."
        self._api(f"{self._incident}/comments", {"body": body, "public": False}, expect=201)
        return f"evidence: health answered {found.why.get('answer') or 'well'}; work note written"

    def _escalation(self) -> str:
        """The policy has paged its sink; acknowledged, it stops."""
        page = self._wait(
            "a page",
            lambda: Page.objects.filter(incident_id=self._incident, delivered_at__isnull=False).first(),
        )
        people = Page.objects.filter(incident_id=self._incident, person__isnull=False).count()
        if people:
            raise NotSeen(f"{people} people were paged for a synthetic incident")
        self._api(f"{self._incident}/acknowledge", {})
        self._wait(
            "the end of the escalation",
            lambda: Escalation.objects.filter(incident_id=self._incident).exclude(state="running").first(),
        )
        took = (page.delivered_at - page.created_at).total_seconds() if page.delivered_at else 0.0
        through = Delivery.objects.filter(page_id=page.id).values_list("channel", flat=True).first()
        return (
            f"page {page.id} went to its sink ({through}) in {took * 1000:.0f} ms; acknowledged, it stopped"
        )

    def _resolution(self) -> str:
        code = (
            ResolutionCode.objects.filter(active=True).order_by("id").values_list("code", flat=True).first()
        )
        if code is None:
            raise NotSeen("there is no resolution code")
        self._api(f"{self._incident}/assign", {"group_id": self._fixtures.group_id})
        self._api(f"{self._incident}/start", {})
        self._signal("resolved", expect=202)
        self._api(f"{self._incident}/resolve", {"code": code, "notes": "The selftest is through."})
        row = Incident.objects.get(id=self._incident)
        if row.state != "resolved":
            raise NotSeen(f"{row.number} is {row.state}")
        return f"{row.number} resolved with {code}"

    def _closure(self) -> str:
        """The caller's message holds three links: showing one changes nothing, pressing its button closes."""
        links = self._wait("the message to the caller", self._links)
        page = Browser(f"{urlsplit(links['fixed']).scheme}://{urlsplit(links['fixed']).netloc}")
        page.get(urlsplit(links["fixed"]).path)
        if Incident.objects.get(id=self._incident).state != "resolved":
            raise NotSeen("showing the link has changed the incident")
        page.fill(urlsplit(links["fixed"]).path, {})
        page.fill(urlsplit(links["rate"]).path, {"rating": "5", "text": ""})
        row = Incident.objects.get(id=self._incident)
        rating = (
            Confirmation.objects.filter(incident_id=self._incident).values_list("rating", flat=True).last()
        )
        if (row.state, row.closed_how, rating) != ("closed", "caller", 5):
            raise NotSeen(
                f"{row.number} is {row.state}, closed by {row.closed_how or 'nobody'}, rated {rating}"
            )
        return f"confirmed by the caller's link: {row.number} closed and rated {rating}"

    # Ways in, and looks

    def _signal(self, status: str, *, expect: int) -> int:
        document = {
            "title": "Selftest",
            "message": "Sent by firstline selftest.",
            "severity": "error",
            "status": status,
            "dedup_key": self._key,
        }
        return self._browser.post_json(
            f"/intake/{self._fixtures.source_token}", document, expect=expect
        ).status

    def _span(self) -> AlertSpan | None:
        return AlertSpan.objects.filter(alert__dedup_key=self._key).order_by("-id").first()

    def _report(self) -> int:
        """Sign in as the synthetic caller and fill in the portal's form; the id of the incident."""
        visitor = Browser(self._browser.base)
        visitor.fill("/sign-in/", {"login": EMAIL, "password": self._fixtures.password}, expect=302)
        answer = visitor.fill(
            "/report/",
            {"service": "", "title": f"Selftest {self._key}", "extent": "one", "can_work": "yes"},
            expect=302,
        )
        found = re.search(r"/my/(\d+)/", answer.headers.get("Location", ""))
        if found is None:
            raise NoAnswer("the portal took the report but names no incident")
        return int(found.group(1))

    def _api(self, path: str, document: object, *, expect: int = 200) -> None:
        self._browser.post_json(
            f"/api/v1/incidents/{path}", document, token=self._fixtures.api_token, expect=expect
        )

    def _patch(self, values: dict[str, object]) -> None:
        self._browser.post_json(
            f"/api/v1/incidents/{self._incident}", values, token=self._fixtures.api_token, method="PATCH"
        )

    def _event(self, verb: str) -> Event:
        rows = Event.objects.filter(subject_type="incident", subject_id=self._incident, verb=verb)
        return self._wait(f"the incident {verb}", lambda: rows.order_by("id").first())

    def _links(self) -> dict[str, str] | None:
        """The addresses in the message that asks the caller, once it is delivered."""
        sent = Delivery.objects.filter(
            message__kind="resolved",
            message__subject_type="incident",
            message__subject_id=self._incident,
            person_id=self._fixtures.person_id,
            state="delivered",
        ).first()
        if sent is None:
            return None
        body = Message.objects.values_list("body", flat=True).get(id=sent.message_id)
        found = re.findall(r"https?://\S+/answer/\S+/", body)
        if len(found) != 3:
            raise NotSeen(f"the message to the caller holds {len(found)} links instead of three")
        return dict(zip(("fixed", "still broken", "rate"), found, strict=True))

    def _clear_away(self) -> None:
        """Leave nothing open: what did not get to its end is cancelled, its alert ended."""
        rows = Incident.objects.filter(
            id__in=[i for i in (self._incident, self._reported) if i],
            state__in=("new", "assigned", "in_progress", "on_hold"),
        )
        for row in rows:
            with suppress(DomainError):
                actions.cancel(row.id, reason="false_alarm", actor=SELFTEST, now=clock.now())
        if rows:
            with suppress(NoAnswer):
                self._signal("resolved", expect=202)
