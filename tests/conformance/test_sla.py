"""The shared conformance cases of calendars and clocks (`sla.yaml`)."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from firstline.catalog.calendar import (
    ALWAYS,
    Calendar,
    Week,
    add_working_time,
    same_hours,
    working_time,
)
from firstline.incidents import actions as incidents
from firstline.incidents.actions.talking import add_comment
from firstline.incidents.models import Incident
from firstline.sla.agreement import Agreement, Duration, Promise, working_amount
from firstline.sla.clock import ClockEvent, Pause, Phase, Reopen, Resume, Retarget, Start, Stop, fold
from firstline.sla.ledger import why_due
from tests.conformance.cases import Case, cases, day, duration, instant
from tests.scenarios.story import MAKER, Story

LATER = timedelta(days=30)


def calendar_of(given: dict[str, Any]) -> Calendar:
    spec = given["calendar"]
    week = (
        same_hours("mon tue wed thu fri", "09:00", "17:00")
        if spec.get("office")
        else msgspec.convert(dict.fromkeys(Week.__struct_fields__, spec.get("segments", {}).get("all")), Week)
    )
    return Calendar(
        zone=spec["zone"], week=week, closed=tuple(day(text) for text in spec.get("holidays", ()))
    )


def working(case: Case) -> None:
    start, end = instant(case.given["from"]), instant(case.given["to"])
    assert working_time(calendar_of(case.given), start, end) == duration(case.expect["working"])


def added(case: Case) -> None:
    calendar, start, amount = calendar_of(case.given), instant(case.given["start"]), case.given["add"]
    length = (
        working_amount(Duration(days=amount["working_days"]), calendar, start)
        if isinstance(amount, dict)
        else duration(amount)
    )
    assert add_working_time(calendar, start, length) == instant(case.expect["due"])


def paused(case: Case) -> None:
    given = case.given
    events: list[ClockEvent] = [Start(instant(given["start"]), calendar_of(given), duration(given["target"]))]
    for low, high in given["pauses"]:
        events += [Pause(instant(low)), Resume(instant(high))]
    assert fold(events).due() == instant(case.expect["due"])


def event_of(row: list[Any], calendar: Calendar) -> ClockEvent:
    at, verb = instant(row[0]), row[1]
    if verb == "start":
        return Start(at, calendar, duration(row[2]))
    if verb == "retarget":
        return Retarget(at, duration(row[2]), retroactive=row[3] == "retroactive")
    return {"pause": Pause, "resume": Resume, "stop": Stop}[verb](at)


def folded(case: Case) -> None:
    calendar = calendar_of(case.given)
    events = [event_of(row, calendar) for row in case.given["events"]]
    state = fold(events)
    now = events[-1].at + LATER
    seen: dict[str, object] = {
        "due": state.due(),
        "met": state.met(now),
        "breached_at": state.breach(now),
        "superseded_breach_at": next((breach.at for breach in state.superseded_breaches), None),
    }
    for name, expected in case.expect.items():
        assert seen[name] == (expected if isinstance(expected, bool) else instant(expected)), name


def reopened(case: Case) -> None:
    given = case.given
    state = fold(
        [
            Start(instant(given["start"]), calendar_of(given), duration(given["target"])),
            Stop(instant(given["resolved"])),
            Reopen(instant(given["reopened"])),
        ]
    )
    due = state.due()
    assert due == instant(case.expect["due"])
    ledger = why_due(state, due)
    assert ledger.in_phase(Phase.PAUSED) == duration(case.expect["pending_minutes"])
    assert ledger.in_phase(Phase.STOPPED) == duration(case.expect["solved_minutes"])


def nearly_used_up(case: Case) -> None:
    start = datetime.fromisoformat("2024-06-03T00:00Z")
    state = fold([Start(start, ALWAYS, duration(case.given["target"]))])
    now = start + duration(case.given["elapsed"])
    assert (state.breach(now) is not None) is case.expect["breached"]


RUN: dict[str, Callable[[Case], None]] = {
    "twenty-four-seven-loses-nothing": working,
    "autumn-day-has-25": working,
    "over-the-weekend": added,
    "past-local-minutes-use-the-offset-of-their-day": working,
    "pause-outside-hours-is-free": paused,
    "pause-inside-hours-moves-due": paused,
    "target-changed-mid-pause-keeps-the-pause": folded,
    "reopen-resumes": reopened,
    "day-is-a-working-day-when-said-so": added,
    "instants-not-percentages": nearly_used_up,
    "target-ends-with-the-day": added,
    "resolved-at-the-due-instant-is-in-time": folded,
    "shorter-target-already-past": folded,
    "longer-target-after-a-breach": folded,
    "working-day-onto-a-holiday": added,
}


@pytest.mark.parametrize("case", cases("sla.yaml"), ids=lambda case: case.id)
def test_case(case: Case) -> None:
    RUN[case.id](case)


def automatic_reply(case: Case, story: Story) -> None:
    minutes = duration(case.given["agreement"]["response"]) // timedelta(minutes=1)
    story.agreement(Agreement(promises={"*": Promise(response=Duration(minutes=minutes))}))
    agent = story.person("Olena", "email")
    incident = story.incident(priority=4)
    story.at(duration(case.given["automatic_reply_at"]) / timedelta(minutes=1))
    add_comment(
        Incident.objects.select_for_update().get(id=incident.id), "We received your mail.", public=True,
        automatic=True, actor=MAKER, now=story.now,
    )  # fmt: skip
    story.at(duration(case.given["human_comment_at"]) / timedelta(minutes=1))
    incidents.comment(incident.id, "We look at it.", actor=story.by(agent.name), now=story.now)
    story.at(60)
    assert case.expect["response"] == "breached at 30m"
    assert [(at, data["target"]) for at, _verb, data in story.log(incident, "target_breached")] == [
        (30, "response")
    ]


SCENARIOS: dict[str, Callable[[Case, Story], None]] = {"automatic-reply-is-no-response": automatic_reply}


@pytest.mark.scenario
@pytest.mark.parametrize("case", cases("sla.yaml", "scenario"), ids=lambda case: case.id)
def test_scenario_case(case: Case, story: Story) -> None:
    SCENARIOS[case.id](case, story)
