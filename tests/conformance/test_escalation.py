"""The shared conformance cases of escalation (`escalation.yaml`)."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from firstline.incidents import actions as incidents
from firstline.intake import actions_noise, heartbeats
from firstline.intake.models import Alert, AlertSpan, Heartbeat
from firstline.oncall import actions as oncall
from firstline.oncall.models import Page
from firstline.oncall.policy import Hours, Policy, Step, Target
from firstline.oncall.replies import parse
from firstline.oncall.rotation import Window
from firstline.oncall.schedule import Schedule
from tests.conformance.cases import Case, cases, deviations
from tests.scenarios.story import MAKER, Story
from tests.unit.intake.inboxes import Inbox

NOT_YET: set[str] = set()


def persons(story: Story, given: dict[str, Any], names: list[str]) -> tuple[Target, ...]:
    rules = {name: [(minutes, way) for minutes, way in rows] for name, rows in given.get("rules", {}).items()}
    return tuple(
        Target("person", story.person(name, rules=rules.get(name, [(0, "sms")])).id) for name in names
    )


def steps_of(story: Story, given: dict[str, Any]) -> tuple[Step, ...]:
    found = []
    for step in given["steps"]:
        names = step["to"] if isinstance(step["to"], list) else [step["to"]]
        if names == ["schedule-empty-now"]:
            targets: tuple[Target, ...] = (Target("schedule", story.schedule("Empty", Schedule("UTC")).id),)
        else:
            targets = persons(story, given, names)
        hours = None
        if "only_between" in step:
            start, end = step["only_between"]
            hours = Hours(given["zone"], Window(start, end), otherwise=step["otherwise"])
        found.append(
            Step(
                targets,
                step.get("delay", 60),
                hours=hours,
                must_acknowledge=step.get("must_acknowledge", "any"),
            )
        )
    return tuple(found)


def minutes_of(story: Story) -> list[tuple[float, str]]:
    return [(minutes, name) for minutes, name, _ in story.pages()]


def two_steps(case: Case, story: Story) -> None:
    story.policy(Policy(steps_of(story, case.given)))
    group = story.group("Owners", "Owner", leads=["Lead"])
    incident = story.incident(priority=4, group=group)
    incidents.assign(
        incident.id,
        actor=story.by("Lead"),
        now=story.now,
        group_id=group.id,
        assignee_id=story.people["Owner"].id,
    )
    story.at(200)
    assert minutes_of(story) == [tuple(page) for page in case.expect["pages"]]
    ((at, _verb, data),) = story.log(incident, "escalation_exhausted")
    assert at == case.expect["exhausted_at"]
    assert case.expect["then_told"] == ["incident owner", "group lead"]
    assert [story.names[person] for person in data["told"]] == ["Owner", "Lead"]
    assert [(sent.minutes, sent.to) for sent in story.told("exhausted")] == [(at, "Owner"), (at, "Lead")]


def person_rules(case: Case, story: Story) -> None:
    story.policy(Policy(steps_of(story, case.given)))
    story.incident()
    story.at(45)
    assert story.pages() == sorted(tuple(row) for row in case.expect["deliveries"])


def one_acknowledges(case: Case, story: Story) -> None:
    story.policy(Policy(steps_of(story, case.given)))
    incident = story.incident()
    for minutes, name in case.given["acknowledge"]:
        story.at(minutes)
        page = Page.objects.get(incident=incident, person=story.people[name])
        oncall.acknowledge_page(page.id, actor=story.by(name, "link"), now=story.now)
    story.at(45)
    assert story.pages() == sorted(tuple(row) for row in case.expect["deliveries"])


def nobody_on_call(case: Case, story: Story) -> None:
    story.policy(Policy(steps_of(story, case.given)), owner="Owner")
    incident = story.incident()
    story.at(10)
    assert minutes_of(story) == [tuple(page) for page in case.expect["pages"]]
    assert case.expect["incident_says"] == "step 1 reached nobody"
    ((at, _verb, data),) = story.log(incident, "step_passed")
    assert (at, data["step"], data["reason"]) == (0, 0, "nobody")
    assert case.expect["owner_told"]
    assert [(sent.minutes, sent.to) for sent in story.told("reached_nobody")] == [(0, "Owner")]


def time_condition(case: Case, story: Story) -> None:
    steps = steps_of(story, case.given)
    story.policy(Policy(steps))
    opened = datetime.fromisoformat(f"2026-11-24T{case.given['opened_local']}+02:00")
    page_at = datetime.fromisoformat(f"2026-11-24T{case.expect['pages_local'][0][0]}+02:00")
    story.until(opened)
    waiting = story.incident(priority=3)
    story.until(page_at)
    assert [page.created_at for page in Page.objects.filter(incident=waiting)] == [page_at]
    assert [name for _, name in minutes_of(story)] == [case.expect["pages_local"][0][1]]


def time_condition_at_p1(case: Case, story: Story) -> None:
    assert case.expect["at_priority_P1"] == "paged at 07:30"
    story.policy(Policy(steps_of(story, case.given)))
    story.until(datetime.fromisoformat("2026-11-24T07:30+02:00"))
    urgent = story.incident(priority=1)
    story.until(story.now + timedelta(minutes=1))
    assert [page.created_at for page in Page.objects.filter(incident=urgent)] == [
        story.now - timedelta(minutes=1)
    ]
    story.pages()


def time_condition_skipped(case: Case, story: Story) -> None:
    assert case.expect["with_otherwise_skip"] == "the next step at once"
    steps = case.given["steps"][0]
    given = {**case.given, "steps": [{**steps, "otherwise": "skip"}, {"to": "U2"}]}
    story.policy(Policy(steps_of(story, given)))
    story.until(datetime.fromisoformat("2026-11-24T07:30+02:00"))
    incident = story.incident(priority=3)
    story.until(story.now + timedelta(minutes=1))
    assert [name for _, name in minutes_of(story)] == ["U2"]
    assert [data["reason"] for _at, _verb, data in story.log(incident, "step_passed")] == ["hours"]


def deduplicated(case: Case, story: Story) -> None:
    inbox = Inbox(story.now)
    sources = {name: inbox.source("generic") for name in ("one", "other")}
    for signal in case.given["signals"]:
        body = {name: value for name, value in signal.items() if name not in ("token", "dedup")}
        key = {"dedup_key": signal["dedup"]} if "dedup" in signal else {}
        inbox.put(sources[signal.get("token", "one")], {"title": body.pop("summary"), **body, **key})
    inbox.drain()
    assert Alert.objects.count() == case.expect["alerts"]
    if "count" in case.expect:
        assert AlertSpan.objects.get().count == case.expect["count"]


def heartbeat(case: Case, story: Story) -> None:
    inbox = Inbox(story.now)
    source = inbox.source("heartbeat", name="Backup")
    period = timedelta(seconds=case.given["period"])
    Heartbeat.objects.create(
        source=source, period_seconds=case.given["period"], grace_seconds=case.given["grace"],
        next_at=inbox.now + period,
    )  # fmt: skip
    opened, resolved = [], []
    for check in case.given["checks"]:
        before = _spans()
        inbox.pass_time(seconds=case.given["period"])
        if check == "present":
            inbox.put(source, b"", kind="beat", headers={"path": ""})
            inbox.drain()
        heartbeats.run(inbox.now)
        after = _spans()
        opened.append(after[0] - before[0])
        resolved.append(after[1] - before[1])
    assert (opened, resolved) == (case.expect["alerts_opened"], case.expect["alerts_resolved"])


def _spans() -> tuple[int, int]:
    return AlertSpan.objects.count(), AlertSpan.objects.filter(state="resolved").count()


def maintenance(case: Case, story: Story) -> None:
    given = case.given
    rules = [(minutes, way) for minutes, way in given["rules"]]
    target = Target("person", story.person(given["person"], rules=rules).id)
    story.policy(Policy((Step((target,), 60),)))
    service, inbox = story.service(), Inbox(story.now)
    source = inbox.source("generic", service_id=service.id)
    starts, ends = (story.begin + timedelta(minutes=minutes) for minutes in given["maintenance"])
    actions_noise.create_rule(
        kind="maintenance",
        name="Patching",
        definition={
            "match": {"services": [service.id]},
            "window": {"type": "once", "start": starts.isoformat(), "end": ends.isoformat()},
        },
        actor=MAKER,
        now=story.now,
    )
    inbox.put(source, {"title": "Mail queue grows", "dedup_key": "one", "severity": "critical"})
    story.at(given["alert_during"]["at"])
    inbox.now = story.now
    inbox.put(source, {"title": "Mail store is full", "dedup_key": "two", "severity": "critical"})
    story.until(story.now)
    muted = AlertSpan.objects.get(alert__dedup_key="two")
    assert (muted.state, muted.incident_id) == ("suppressed", None)
    assert [reason["kind"] for reason in muted.reasons] == ["maintenance"]
    story.at(70)
    assert [(minutes, way) for minutes, _name, way in story.pages()] == sorted(
        (minutes, way) for minutes, way in case.expect["deliveries"]
    )
    muted.refresh_from_db()
    assert (muted.state, muted.reasons) == ("firing", [])
    assert muted.incident is not None and muted.incident.received_at == ends


RUN: dict[str, list[Callable[[Case, Story], None]]] = {
    "two-steps": [two_steps],
    "person-rules-with-delay": [person_rules],
    "one-acknowledges-the-other-still-owes": [one_acknowledges],
    "dedup-without-key": [deduplicated],
    "same-key-other-summary": [deduplicated],
    "nobody-on-call-falls-through": [nobody_on_call],
    "heartbeat-fires-and-restores": [heartbeat],
    "maintenance-silences-then-starts": [maintenance],
    "time-condition-pauses-and-resumes": [time_condition, time_condition_at_p1, time_condition_skipped],
}


@pytest.mark.parametrize("case", cases("escalation.yaml"), ids=lambda case: case.id)
def test_pure_case(case: Case) -> None:
    assert case.id == "reply-texts"
    expected = [tuple(reply) if reply else None for reply in case.expect["parsed"]]
    found = [parse(text) for text in case.given["replies"]]
    assert [(reply.verb, reply.number) if reply else None for reply in found] == expected


SCENARIOS = cases("escalation.yaml", "scenario")


@pytest.mark.parametrize(
    ("case", "run"),
    [(case, run) for case in SCENARIOS if isinstance(case, Case) for run in RUN.get(case.id, [])],
    ids=lambda value: value.id if isinstance(value, Case) else value.__name__,
)
@pytest.mark.scenario
def test_scenario_case(case: Case, run: Callable[[Case, Story], None], story: Story) -> None:
    run(case, story)


def test_what_is_not_run_is_said() -> None:
    absent = {case.id for case in SCENARIOS if isinstance(case, Case)} - set(RUN)
    assert absent <= NOT_YET
    for name in absent:
        assert name in deviations()
