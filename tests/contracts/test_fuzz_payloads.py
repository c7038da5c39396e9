"""Every parser and every front, fed with real payloads that were broken on purpose.

A parser raises ParseError or gives signals that PostgreSQL can hold. A front gives an answer, never an error: 2xx, or a
4xx in the format's own shape. New formats are taken from the registry.
"""

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firstline.intake.signal import Signal
from firstline.intake.sources.base import IntakeRequest, SourceInfo
from firstline.intake.sources.generic.mapping import Mapping
from firstline.intake.sources.parsing import KEY_LENGTH, TITLE_LENGTH, ParseError, Received
from firstline.intake.sources.registry import FRONTS, PARSERS
from tests.contracts.mutation import mutated, payloads
from tests.effort import cases

ROOT = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("FIRSTLINE_SHARED") or ROOT.parent / "shared")
POOL = payloads(SHARED if (SHARED / "data" / "payloads").is_dir() else None)
AT = datetime(2026, 3, 2, 9, 16, tzinfo=UTC)
ALL = cases(2_000, 50_000)
EACH = max(40, ALL * 3 // 4 // len(PARSERS))
MEDIA = (
    "application/json",
    "",
    "text/plain",
    "application/x-www-form-urlencoded",
    "application/cloudevents+json",
)
checks = settings(max_examples=EACH, deadline=None, suppress_health_check=list(HealthCheck))
fronts = settings(max_examples=max(20, ALL // 4 // len(FRONTS)), parent=checks)


def pool_of(kind: str) -> list[bytes]:
    """The payloads of this format so often that most cases are near to it, and those of all others."""
    mine = [body for tool, body in POOL if tool == kind or tool in kind or kind in tool]
    others = [body for _, body in POOL]
    return mine * max(1, 3 * len(others) // max(1, len(mine))) + others


def broken(kind: str) -> st.SearchStrategy[bytes]:
    return st.builds(mutated, st.sampled_from(pool_of(kind)), st.integers(0, 2**32), st.integers(0, 8))


def texts_of(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for name, child in value.items():
            yield from texts_of(name)
            yield from texts_of(child)
    elif isinstance(value, list | tuple):
        for child in value:
            yield from texts_of(child)


def storable(signal: Signal) -> None:
    """What the columns of an alert can hold, and JSON in PostgreSQL."""
    assert signal.title and len(signal.title) <= TITLE_LENGTH
    assert signal.key and len(signal.key) <= KEY_LENGTH
    assert len(signal.group) <= 512
    assert signal.occurred_at.tzinfo is not None and signal.occurred_at <= AT
    assert signal.occurred_at.year > 1 and signal.clock_ahead >= 0
    assert signal.ends_at is None or signal.ends_at.tzinfo is not None
    for text in texts_of(msgspec.to_builtins(signal)):
        assert "\x00" not in text
        text.encode("utf-8")


@pytest.mark.parametrize("kind", sorted(PARSERS))
@checks
@given(data=st.data())
def test_a_broken_payload_is_read_or_refused_with_a_reason(kind: str, data: st.DataObject) -> None:
    body = data.draw(broken(kind))
    row = Received(
        id=1,
        received_at=AT,
        body=body,
        content_type=data.draw(st.sampled_from(MEDIA)),
        kind=data.draw(st.sampled_from(("alert", "alert", "alert", "change", "note"))),
        dedup_key=data.draw(st.sampled_from((None, "k"))),
    )
    try:
        signals = PARSERS[kind](row, {})
    except ParseError as error:
        assert str(error)
        return
    for signal in signals:
        storable(signal)


MAPPINGS = (
    Mapping(title="$.title", key="$.id", severity="{severity|level}", items="$.alerts"),
    Mapping(title="{*}{a.b[0]|'x'}", labels={"all": "$[*]", "x": "$.labels"}, items="$[*]"),
)


@checks
@given(body=broken("generic"), mapping=st.sampled_from(MAPPINGS))
def test_a_mapping_reads_or_refuses_a_broken_payload(body: bytes, mapping: Mapping) -> None:
    definition = {name: value for name, value in msgspec.to_builtins(mapping).items() if value}
    try:
        signals = PARSERS["generic"](Received(id=1, received_at=AT, body=body), {"mapping": definition})
    except ParseError:
        return
    for signal in signals:
        storable(signal)


@pytest.mark.parametrize("kind", sorted(FRONTS))
@fronts
@given(data=st.data())
def test_a_front_answers_whatever_comes(kind: str, data: st.DataObject) -> None:
    front = FRONTS[kind]
    path = data.draw(st.sampled_from([*front.endpoints, *front.addresses, "/x/close"]))
    request = IntakeRequest(
        id="0123456789abcdef" * 2,
        method=data.draw(st.sampled_from(("POST", "PUT", "GET"))),
        path=path,
        query=data.draw(st.binary(max_size=20)),
        headers={
            b"content-type": data.draw(st.sampled_from(MEDIA)).encode(),
            b"authorization": data.draw(st.binary(max_size=60)),
            b"x-amz-sns-message-type": data.draw(st.sampled_from((b"Notification", b"\xff"))),
        },
        body=data.draw(broken(kind)),
    )
    if front.methods(path):
        admission = front.admit(request, SourceInfo(id=1, kind=kind))
        assert 200 <= admission.status < 500
        assert admission.rows or admission.status != 202
        for row in admission.rows:
            assert row.body
            assert "\x00" not in (row.dedup_key or "")
            msgspec.json.encode(row.headers)
    front.credential(request)
