"""Every alert of the AIT data set in its tool's own shape: parsers keep machine, address, rule and time of each."""

import csv
import gzip
import json
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from firstline.intake.entities import normalised
from firstline.intake.signal import Entity, EntityKind, SignalKind
from firstline.intake.sources.parsing import Received
from firstline.intake.sources.registry import PARSERS
from tests.effort import PROVING

AT = datetime(2026, 11, 23, tzinfo=UTC)


def wire(row: dict[str, str]) -> tuple[str, dict[str, Any]]:
    """The line as Wazuh's integrator or AMiner's JSON output would send it; Wazuh relays Suricata's."""
    tool, _, name = row["name"].partition(": ")
    if tool == "AMiner":
        component = {"AnalysisComponentName": name, "AnalysisComponentType": "Detector"}
        logged = {"RawLogData": ["…"], "Timestamps": [float(row["time"])]}
        return "aminer", {
            "AnalysisComponent": component,
            "LogData": logged,
            "AMiner": {"ID": row["ip"]},
            "hostname": row["host"],
        }
    rule = {"id": row["short"], "level": 7, "description": row["name"] if tool == "Suricata" else name}
    return "wazuh", {
        "timestamp": datetime.fromtimestamp(int(row["time"]), UTC).isoformat(),
        "rule": rule,
        "agent": {"name": row["host"], "ip": row["ip"]},
    }


@pytest.mark.parametrize("scenario", ["russellmitchell", "shaw"])
def test_every_line(shared_data: Path, scenario: str, capsys: pytest.CaptureFixture[str]) -> None:
    with gzip.open(shared_data / "data" / "ait_alerts" / f"{scenario}_alerts.txt.gz", "rt") as file:
        rows = list(csv.DictReader(file))
    found: Counter[str] = Counter()
    for number, row in enumerate(rows if PROVING else rows[::10]):
        kind, document = wire(row)
        received = Received(id=number, received_at=AT, body=json.dumps(document).encode())
        (signal,) = PARSERS[kind](received, {})
        found[kind] += 1
        assert (signal.kind, signal.security) == (SignalKind.TRIGGER, True)
        assert signal.title in row["name"] and signal.title
        assert signal.occurred_at == datetime.fromtimestamp(int(row["time"]), UTC)
        assert Entity(EntityKind.IP, row["ip"], "target") in signal.entities
        assert Entity(EntityKind.HOST, normalised(EntityKind.HOST, row["host"]), "target") in signal.entities
        assert row["short"] in signal.key or signal.title in signal.key
    with capsys.disabled():
        sys.stdout.write(f"\n{scenario}: {dict(found)} of {len(rows)} alerts read\n")
    assert set(found) == {"wazuh", "aminer"}
