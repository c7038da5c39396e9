"""The shared conformance cases of intake (`intake.yaml`)."""

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from firstline.accounts.viewer import SYSTEM
from firstline.incidents.models import Incident
from firstline.intake import actions, actions_noise, queries
from firstline.intake.dedup import Span, fold
from firstline.intake.matching import Condition, Facts, Field, Match, compile_match
from firstline.intake.models import AlertSpan, Source
from firstline.intake.signal import Severity, Signal, SignalKind
from firstline.intake.sources.base import IntakeRequest, Refusal, SourceInfo
from firstline.intake.sources.parsing import Received
from firstline.intake.sources.registry import FRONTS, PARSERS
from firstline.intake.suppression import Inhibition, ready, values_as_cause, values_as_target
from firstline.intake.suppression import Known as KnownRule
from firstline.oncall.policy import Policy, Step, Target
from tests.conformance.cases import Case, cases, deviations, duration
from tests.scenarios.story import MAKER, Story

AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
NOT_YET: tuple[str, ...] = ()


def parsed(kind: str, body: object, **fields: Any) -> list[Signal]:
    return PARSERS[kind](Received(id=1, received_at=AT, body=json.dumps(body).encode(), **fields), {})


def folded(signals: list[Signal]) -> list[Span]:
    return fold({}, signals, {}).spans


def later(text: str) -> str:
    """T+5 as an instant: five seconds after an hour before the push."""
    return (AT - timedelta(hours=1) + timedelta(seconds=int(text.removeprefix("T+")))).isoformat()


def admitted(kind: str, body: bytes, path: str = "") -> Any:
    request = IntakeRequest(id="f" * 32, method="POST", path=path, body=body)
    return FRONTS[kind].admit(request, SourceInfo(id=1, kind=kind))


# --- pure cases


def earliest_start(case: Case) -> None:
    push = [
        {
            "labels": alert["labels"],
            "startsAt": later(alert["startsAt"]),
            "annotations": {name: str(value) for name, value in alert["annotations"].items()},
        }
        for alert in case.given["push"]
    ]
    signals = parsed(
        "alertmanager", [{**alert, "annotations": {"summary": str(alert["annotations"])}} for alert in push]
    )
    (span,) = folded(signals)
    assert case.expect["alerts"] == 1
    assert span.started_at == datetime.fromisoformat(later(case.expect["starts"]))
    assert span.signal is not None
    annotations = {name: str(value) for name, value in case.expect["annotations"].items()}
    assert span.signal.title == f"X: {annotations}"


def label_order(case: Case) -> None:
    for kind, body in (
        ("alertmanager", [{"labels": labels} for labels in case.given["labels"]]),
        ("alertmanager_webhook", {"alerts": [{"labels": labels} for labels in case.given["labels"]]}),
    ):
        assert len(folded(parsed(kind, body))) == case.expect["alerts"]


def pagerduty_events(case: Case) -> list[Signal]:
    signals = []
    for number, (action, key) in enumerate(case.given["events"]):
        body: dict[str, Any] = {"routing_key": "x" * 32, "event_action": action, "dedup_key": key}
        if action == "trigger":
            body["payload"] = {"summary": "s", "source": "h", "severity": "error"}
        if key is None:
            del body["dedup_key"]
        admission = FRONTS["pagerduty"].admit(
            IntakeRequest(
                id=f"{number:032d}", method="POST", path="/v2/enqueue", body=json.dumps(body).encode()
            ),
            SourceInfo(id=1, kind="pagerduty"),
        )
        assert admission.status == 202
        (row,) = admission.rows
        found = PARSERS["pagerduty"](
            Received(id=number, received_at=AT, body=row.body, dedup_key=row.dedup_key), {}
        )
        assert json.loads(admission.body)["dedup_key"] == found[0].key
        signals += found
    return signals


def trigger_on_open_key(case: Case) -> None:
    assert len(folded(pagerduty_events(case))) == case.expect["alert_spans"]


def resolve_without_open(case: Case) -> None:
    signals = pagerduty_events(case)  # asserts the 202
    assert case.expect["answers"] == [202] * len(signals)
    assert len(folded(signals)) == case.expect["alerts"]


def no_key(case: Case) -> None:
    assert len({span.key for span in folded(pagerduty_events(case))}) == case.expect["alerts"]


def bad_requests(case: Case) -> None:
    answers = []
    for given in case.given:
        if isinstance(given, str):
            answers.append(admitted("pagerduty", given.encode(), "/v2/enqueue"))
        elif given["routing_key"] == "valid":
            body = {**given, "routing_key": "x" * 32}
            answers.append(admitted("pagerduty", json.dumps(body).encode(), "/v2/enqueue"))
        else:  # well-formed and unknown: the gateway itself turns it away, in the format's shape
            answers.append(
                FRONTS["pagerduty"].refuse(Refusal(status=401, message="no source has this routing_key"))
            )
    assert [answer.status for answer in answers] == case.expect["answers"]
    bodies = [json.loads(answer.body) for answer in answers]
    assert {body["status"] for body in bodies} == {case.expect["body"]["status"]}
    named = ["event_action", "source", "routing_key", ""]
    for body, name in zip(bodies, named, strict=True):
        assert body["errors"] and name in " ".join(body["errors"])
    assert not any(answer.rows for answer in answers)


def severity_change(case: Case) -> None:
    state: dict[str, Span] = {}
    spans: list[Span] = []
    counts = []
    for number, said in enumerate(case.given["signals"]):
        kind = SignalKind.RESOLVE if said == "resolve" else SignalKind.TRIGGER
        severity = Severity.ERROR if said == "resolve" else Severity(said)
        signal = Signal(
            kind=kind, key=case.given["key"], title="t", severity=severity, occurred_at=AT, row=number
        )
        for span in fold(state, [signal], {}).spans:
            span.touched = False
            state[span.key] = span
            if span not in spans:
                spans.append(span)
        counts.append(state[case.given["key"]].count)
    assert len(spans) == case.expect["spans"]
    assert counts == case.expect["counts"]
    assert spans[0].severity == case.expect["first_span_severity"]


def inhibited(case: Case) -> None:
    """The rule alone: which value a target has in common with a cause."""
    rule = inhibition_of(case)
    known = ready(KnownRule(1, rule), lambda _service: ())
    found: dict[bool, list[str]] = {True: [], False: []}
    firing = {value for name in case.given["firing"] for value in values_as_cause(known, zoned(name))}
    for name in case.given["arriving"]:
        facts = zoned(name)
        muted = known.match.holds(facts) and not firing.isdisjoint(
            values_as_target(known, facts, lambda _service: ())
        )
        found[muted].append(name)
    assert (found[True], found[False]) == (case.expect["muted"], case.expect["not_muted"])


def inhibition_of(case: Case) -> Inhibition:
    def match(labels: Mapping[str, str]) -> Match:
        return Match(
            conditions=tuple(Condition(Field.LABEL, values=(v,), label=name) for name, v in labels.items())
        )

    rule = case.given["rule"]
    return Inhibition(match=match(rule["target"]), cause=match(rule["source"]), equal=tuple(rule["equal"]))


def zoned(name: str) -> Facts:
    """`JobDown/aa` as the alert of that name in that zone."""
    alertname, _slash, zone = name.partition("/")
    return Facts(title=alertname, labels={"alertname": alertname, "zone": zone})


def subscribers_of(case: Case) -> None:
    """Which teams mean the alert; that they are told of one incident is in `tests/scenarios/test_noise.py`."""
    facts = Facts(labels=case.given["alert"])
    told = [
        each["team"]
        for each in case.given["subscriptions"]
        if compile_match(
            Match(
                conditions=tuple(
                    Condition(Field.LABEL, values=(value,), label=name)
                    for name, value in each["match"].items()
                )
            )
        ).holds(facts)
    ]
    assert told == case.expect["told"]
    assert case.expect["incidents"] == 1


PURE: Mapping[str, Callable[[Case], None]] = {
    "one-incident-two-subscribers": subscribers_of,
    "inhibition-by-equal-labels": inhibited,
    "alertmanager-merge-keeps-earliest-start": earliest_start,
    "label-order-is-no-identity": label_order,
    "pagerduty-trigger-on-open-key-appends": trigger_on_open_key,
    "pagerduty-resolve-without-open-is-dropped": resolve_without_open,
    "pagerduty-no-key": no_key,
    "pagerduty-bad-requests": bad_requests,
    "severity-change-same-alert": severity_change,
}


# --- cases on the running engine


def source_of(story: Story, kind: str, **settings: Any) -> Source:
    made, _ = actions.create_source(name=kind, kind=kind, settings=settings, actor=MAKER, now=story.now)
    return made


def push(story: Story, source: Source, body: object) -> None:
    raw = json.dumps(body).encode()
    admission = admitted(source.kind, raw)
    assert 200 <= admission.status < 300
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO inbox (received_at, source_id, kind, content_type, body) VALUES (%s, %s, 'alert', %s, %s)",
            [story.now, source.id, "application/json", raw],
        )
    story.until(story.now)


def seconds(story: Story, at: datetime | None) -> float:
    assert at is not None
    return (at - story.begin).total_seconds()


def expires_by_silence(case: Case, story: Story) -> None:
    given = case.given
    source = source_of(
        story, "alertmanager", resolve_timeout=duration(given["resolve_timeout"]).total_seconds()
    )
    story.at(duration(given["push_at"]) / timedelta(minutes=1))
    push(story, source, [{"labels": {"alertname": "X"}}])
    span = AlertSpan.objects.get()
    assert seconds(story, span.ends_at) == duration(case.expect["alert_ends_at"]).total_seconds()
    story.at(1)
    span.refresh_from_db()
    assert span.state == case.expect["as"]
    assert seconds(story, span.ended_at) == duration(case.expect["alert_ends_at"]).total_seconds()


def future_end(case: Case, story: Story) -> None:
    source = source_of(story, "alertmanager")
    ends = story.begin + duration(case.given["ends_at"])
    push(story, source, [{"labels": {"alertname": "X"}, "endsAt": ends.isoformat()}])
    story.until(ends - timedelta(seconds=1))
    assert AlertSpan.objects.get().state == "firing"
    story.until(ends)
    assert AlertSpan.objects.get().state == "expired"
    assert (
        seconds(story, AlertSpan.objects.get().ended_at)
        == duration(case.expect["expired_at"]).total_seconds()
    )
    incident = Incident.objects.get()
    assert [verb for _, verb, _ in story.log(incident, "source_silent")] == ["source_silent"]
    story.at(60)
    assert story.fresh(incident).is_open
    assert "stays open" in case.expect["incident"]


def parse_error(case: Case, story: Story) -> None:
    source = source_of(story, "alertmanager_webhook")  # Grafana's webhook has its shape
    push(story, source, {"headline": "Of an unknown shape"})
    (payload,) = queries.last_payloads(SYSTEM, source.id)
    assert (payload.state, case.expect["stored"]) == ("failed", True)
    assert re.search(r"alerts", payload.error)
    actions.save_mapping(source.id, {"title": "$.headline"}, actor=MAKER, now=story.now)
    actions.replay_failed(source.id, actor=MAKER, now=story.now)
    story.at(1)
    assert "Of an unknown shape" in [span.title for span in queries.alerts(SYSTEM).rows]


def labelled(name: str, **fields: Any) -> dict[str, Any]:
    alertname, _slash, zone = name.partition("/")
    return {"labels": {"alertname": alertname, "zone": zone}, **fields}


def inhibited_and_let_go(case: Case, story: Story) -> None:
    source = source_of(story, "alertmanager", resolve_timeout=3600)
    actions_noise.create_rule(
        kind="inhibition", name="Job", definition=inhibition_of(case), actor=MAKER, now=story.now
    )
    push(story, source, [labelled(name) for name in case.given["firing"]])
    push(story, source, [labelled(name) for name in case.given["arriving"]])
    spans = {span.title: span for span in AlertSpan.objects.filter(state="suppressed")}
    assert len(spans) == 1
    (muted,) = spans.values()
    assert f"{muted.labels['alertname']}/{muted.labels['zone']}" == case.expect["muted"][0]
    assert muted.reasons[0]["by"] == AlertSpan.objects.get(labels__alertname="JobDown").id
    story.at(2)
    push(story, source, [labelled(name, endsAt=story.now.isoformat()) for name in case.given["firing"]])
    muted.refresh_from_db()
    assert (muted.state, muted.reasons) == ("firing", [])
    assert muted.incident_id is not None


def window_of(case: Case, story: Story) -> list[tuple[float, str]]:
    """Fire and mute as the case says; returns the pages."""
    given = case.given
    person = story.person("On call", rules=[(0, "sms")])
    story.policy(Policy((Step((Target("person", person.id),), 60),)))
    source = source_of(story, "alertmanager", resolve_timeout=3600)
    starts, ends = (story.begin + timedelta(minutes=minutes) for minutes in given["suppressed"])
    window = {"type": "once", "start": starts.isoformat(), "end": ends.isoformat()}
    actions_noise.create_rule(
        kind="maintenance",
        name="Window",
        definition={"match": {"sources": [source.id]}, "window": window},
        actor=MAKER,
        now=story.now,
    )
    story.at(given["firing_from"])
    push(story, source, [{"labels": {"alertname": "X"}}])
    pages = [(minutes, way) for minutes, _to, way in story.pages()]
    story.at(max(case.expect["muted"][0], given["firing_from"]))
    span = AlertSpan.objects.get()
    assert (span.state, [reason["kind"] for reason in span.reasons]) == ("suppressed", ["maintenance"])
    story.at(case.expect["muted"][1])
    span.refresh_from_db()
    assert (span.state, span.reasons) == ("firing", [])
    story.at(20)
    return pages + [(minutes, way) for minutes, _to, way in story.pages()]


def window_on_known(case: Case, story: Story) -> None:
    assert window_of(case, story) == [(minutes, "sms") for minutes in case.expect["pages"]]
    assert case.expect["re_evaluated"] == case.expect["muted"][1]


def window_on_new(case: Case, story: Story) -> None:
    assert window_of(case, story) == [(minutes, "sms") for minutes in case.expect["pages"]]


SCENARIO: Mapping[str, Callable[[Case, Story], None]] = {
    "alertmanager-expires-by-silence": expires_by_silence,
    "alertmanager-future-end": future_end,
    "parse-error-is-kept": parse_error,
    "suppression-window-on-a-known-alert": window_on_known,
    "suppression-window-on-a-new-alert": window_on_new,
}


@pytest.mark.parametrize(
    "case",
    [case for case in cases("intake.yaml") if not isinstance(case, Case) or case.id in PURE],
    ids=lambda c: c.id,
)
def test_pure_case(case: Case) -> None:
    PURE[case.id](case)


@pytest.mark.parametrize(
    "case",
    [case for case in cases("intake.yaml", "scenario") if not isinstance(case, Case) or case.id in SCENARIO],
    ids=lambda c: c.id,
)
def test_scenario_case(case: Case, story: Story) -> None:
    SCENARIO[case.id](case, story)


def test_inhibition_on_the_engine(story: Story) -> None:
    (case,) = (
        case
        for case in cases("intake.yaml")
        if isinstance(case, Case) and case.id == "inhibition-by-equal-labels"
    )
    inhibited_and_let_go(case, story)


def test_every_case_runs_or_is_listed() -> None:
    listed = deviations()
    for case in (*cases("intake.yaml"), *cases("intake.yaml", "scenario")):
        if isinstance(case, Case):
            assert (case.id in PURE or case.id in SCENARIO) is (case.id not in NOT_YET), case.id
            assert (f"`{case.id}`" in listed) is (case.id in NOT_YET), case.id
