"""Loading the shared conformance cases, and the words they have in common."""

import os
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml

from firstline.catalog.calendar import wall_instant

ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("FIRSTLINE_SHARED", ROOT.parent / "shared"))


@dataclass(frozen=True)
class Case:
    id: str
    given: dict[str, Any]
    expect: dict[str, Any]
    level: str
    fact: str


class _Plain(yaml.SafeLoader):
    """Times stay the text that they are in the file."""


_Plain.yaml_implicit_resolvers = {
    first: [
        pair for pair in pairs if pair[0] not in ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:int:sex")
    ]
    for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def cases(file: str, level: str = "") -> list[Any]:
    """The cases of a file at a level ("" pure); one that skips with its reason where the files are not
    there.
    """
    path = SHARED / "conformance" / file
    if not path.exists():
        reason = f"{path} is not there"
        return [pytest.param(Case("absent", {}, {}, "", ""), marks=pytest.mark.skip(reason=reason))]
    rows = yaml.load(path.read_text(), Loader=_Plain)
    every = [
        Case(row["id"], row["given"], row["expect"], row.get("level", ""), str(row["fact"])) for row in rows
    ]
    return [case for case in every if case.level == level]


def deviations() -> str:
    """What the project answers differently, or not yet, and why."""
    return (ROOT / "docs" / "deviations.md").read_text()


def instant(text: str, zone: tzinfo | None = None) -> datetime:
    """An instant as the files write it; without Z or offset it is local to `zone`."""
    at = datetime.fromisoformat(str(text))
    if at.tzinfo is not None:
        return at.astimezone(UTC)
    assert zone is not None, text
    return wall_instant(zone, at) if isinstance(zone, ZoneInfo) else at.replace(tzinfo=zone)


def duration(text: str | int) -> timedelta:
    """ "47h", "60m", "9995.1s" or a number of minutes."""
    found = re.fullmatch(r"([0-9.]+)([hms]?)", str(text))
    assert found, text
    unit = {"h": "hours", "m": "minutes", "s": "seconds", "": "minutes"}[found[2]]
    return timedelta(**{unit: float(found[1])})


def day(text: str) -> date:
    return date.fromisoformat(str(text))
