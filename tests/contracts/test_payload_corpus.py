"""The corpus of real payloads: named formats are read as their manifest says, every other one is taken and guessed."""

import sys
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from firstline.intake.signal import SignalKind
from tests.contracts.corpus import QUESTIONS, VERDICTS, Entry, Verdict, entries, judged

GUESSED_FLOORS = {"taken": 1.0, "kind": 0.9, "severity": 0.9, "title": 0.85, "identity": 0.9}


@pytest.fixture(scope="module")
def verdicts(shared_data: Path) -> list[Verdict]:
    return [judged(entry) for entry in entries(shared_data / "data" / "payloads")]


def table(verdicts: list[Verdict]) -> str:
    """Right answers of those asked, per tool and question."""
    right: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for verdict in verdicts:
        row = right[verdict.entry.tool, verdict.entry.source_kind]
        row["payloads"] += 1
        for question, answer in verdict.answers.items():
            row[question + ":asked"] += 1
            row[question] += answer
    lines = [
        f"{'tool':26} {'kind of source':20} {'files':>5} " + " ".join(f"{name:>9}" for name in QUESTIONS)
    ]
    for (tool, kind), row in sorted(right.items()):
        cells = [f"{row[name]}/{row[name + ':asked']}" if row[name + ":asked"] else "–" for name in QUESTIONS]
        lines.append(f"{tool:26} {kind:20} {row['payloads']:>5} " + " ".join(f"{cell:>9}" for cell in cells))
    for title, chosen in (
        ("named formats", [each for each in verdicts if each.entry.is_named and not _is_verdict(each.entry)]),
        ("guessed", [each for each in verdicts if not each.entry.is_named and not _is_verdict(each.entry)]),
        ("analysts' verdicts (siem_*)", [each for each in verdicts if _is_verdict(each.entry)]),
    ):
        cells = [_share(chosen, name) for name in QUESTIONS]
        lines.append(f"{title:47} {len(chosen):>5} " + " ".join(f"{cell:>9}" for cell in cells))
    return "\n".join(lines)


def _is_verdict(entry: Entry) -> bool:
    """Whether title and verdict are of a detection rule, which the payload only was tested with."""
    return entry.tool.startswith(VERDICTS)


def _share(verdicts: list[Verdict], question: str) -> str:
    asked = [verdict.answers[question] for verdict in verdicts if question in verdict.answers]
    return f"{sum(asked)}/{len(asked)}" if asked else "–"


def test_the_score_is_printed(verdicts: list[Verdict], capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        sys.stdout.write(f"\n{table(verdicts)}\n")
    assert len(verdicts) >= 90


def test_no_payload_is_refused_or_lost(verdicts: list[Verdict]) -> None:
    """Every one is stored, and read without an error."""
    assert [(verdict.entry.file, verdict.error) for verdict in verdicts if not verdict.answers["taken"]] == []


def test_named_formats_are_read_as_the_manifest_says(verdicts: list[Verdict]) -> None:
    wrong = [
        (verdict.entry.file, question, verdict.entry.expected, verdict.signals)
        for verdict in verdicts
        if verdict.entry.is_named and not _is_verdict(verdict.entry)
        for question, answer in verdict.answers.items()
        if not answer
    ]
    assert wrong == []


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_guess_is_right_often_enough(verdicts: list[Verdict], question: str) -> None:
    answers = [
        verdict.answers[question]
        for verdict in verdicts
        if question in verdict.answers and not verdict.entry.is_named and not _is_verdict(verdict.entry)
    ]
    assert answers and sum(answers) / len(answers) >= GUESSED_FLOORS[question]


def test_what_an_analyst_calls_an_alert_triggers(verdicts: list[Verdict]) -> None:
    """None of the payloads that a detection rule fires on is passed over; titles are the rule's, not the payload's."""
    chosen = [
        verdict
        for verdict in verdicts
        if _is_verdict(verdict.entry) and verdict.entry.kind.startswith("firing")
    ]
    assert chosen
    for verdict in chosen:
        assert [signal.kind for signal in verdict.signals] == [SignalKind.TRIGGER], verdict.entry.file
