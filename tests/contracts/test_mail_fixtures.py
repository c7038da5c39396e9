"""Real mails: what is automatic is recognised, what is quoted is folded. Prints how well."""

import json
import sys
from pathlib import Path

import pytest

from firstline.intake.mailparse import parse
from firstline.intake.quoting import fold


def test_reports_are_recognised(shared_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = shared_data / "data" / "emails"
    hits = misses = false_alarms = passed = 0
    addresses = known = 0
    for entry in json.loads((folder / "manifest.json").read_text()):
        if not entry["task"].startswith("classify"):
            continue
        mail = parse((folder / entry["file"]).read_bytes())
        if "must not" in entry["task"]:
            hits, misses = hits + bool(mail.automatic), misses + (not mail.automatic)
            known += 1
            addresses += mail.bounce is not None and bool(mail.bounce.failures)
        else:
            false_alarms, passed = false_alarms + bool(mail.automatic), passed + (not mail.automatic)
    recall, precision = hits / (hits + misses), hits / max(1, hits + false_alarms)
    with capsys.disabled():
        sys.stdout.write(
            f"\nautomatic mail: recall {recall:.3f}, precision {precision:.3f} ({hits} of {hits + misses} found, "
            f"{false_alarms} of {false_alarms + passed} ordinary ones mistaken; "
            f"addresses named in {addresses} of {known})\n"
        )
    assert recall >= 0.97 and false_alarms == 0


def test_quotations_are_folded(shared_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = shared_data / "data" / "emails"
    right = total = 0
    for entry in json.loads((folder / "manifest.json").read_text()):
        if entry["task"].startswith("classify"):
            continue
        text = (folder / entry["file"]).read_text()
        expected = (folder / entry["expected_file"]).read_text().strip()
        folded = fold(text)
        total += 1
        right += folded.visible.strip() == expected
        kept = "".join((folded.visible + folded.rest).split())
        assert sorted(kept) == sorted("".join(text.split())), f"{entry['file']}: folding lost text"
    with capsys.disabled():
        sys.stdout.write(f"\nquoted replies folded exactly as expected: {right} of {total}\n")
    assert right >= total * 0.8
