"""AWS Security Hub (ASFF) and GuardDuty findings, alone, listed or in EventBridge's envelope → security signals.

Identity: the finding's id (its ARN), which AWS keeps over updates. A finding that is resolved, suppressed or archived,
or whose control passed, resolves; sample findings make no alert. What is never resolved expires `expires_after`
seconds (a day by default) after the last one of its key. Security Hub's findings in OCSF are the kind `ocsf`.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from firstline.intake.signal import Signal
from firstline.intake.sources.aws_securityhub import asff, guardduty
from firstline.intake.sources.ocsf import parse as ocsf
from firstline.intake.sources.parsing import Received
from firstline.intake.sources.security import Record, each, records


def parse(row: Received, settings: Mapping[str, Any]) -> list[Signal]:
    """The signals of all findings. Raises ParseError where there is no finding."""
    if b'"class_uid"' in row.body and b'"ProductArn"' not in row.body:  # the newer Security Hub speaks OCSF
        return ocsf.parse(row, settings)
    found = records(
        row, _is_finding, "a finding of Security Hub (ProductArn, Id) or GuardDuty (type, service)"
    )
    return each(found, lambda position, record: _signals(row, settings, position, record))


def _is_finding(record: Record) -> bool:
    return asff.is_finding(record) or guardduty.is_finding(record)


def _signals(row: Received, settings: Mapping[str, Any], position: int, finding: Record) -> Iterator[Signal]:
    if asff.is_finding(finding):
        return asff.signals(row, settings, position, finding)
    return guardduty.signals(row, settings, position, finding)
