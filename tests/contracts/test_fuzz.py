"""Whatever comes in: a parser raises ParseError or gives signals that can be stored; a mail is always read."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firstline.intake.mailparse import parse as parse_mail
from firstline.intake.masking import masked
from firstline.intake.quoting import fold
from firstline.intake.sources.generic.mapping import mapping_from
from firstline.intake.sources.generic.paths import PathError, check, render
from firstline.intake.sources.parsing import ParseError, Received, instant
from firstline.intake.sources.registry import PARSERS
from tests.effort import cases

AT = datetime(2026, 3, 2, 9, 16, tzinfo=UTC)
WORDS = [
    "labels",
    "annotations",
    "startsAt",
    "endsAt",
    "alerts",
    "status",
    "groupKey",
    "fingerprint",
    "truncatedAlerts",
    "commonLabels",
    "event_action",
    "dedup_key",
    "payload",
    "summary",
    "source",
    "severity",
    "timestamp",
    "custom_details",
    "links",
    "images",
    "href",
    "rule",
    "level",
    "description",
    "id",
    "mitre",
    "tactic",
    "agent",
    "name",
    "data",
    "srcip",
    "title",
    "message",
    "state",
    "all_fields",
    "_source",
    "items",
    "host",
    "Type",
    "deployment",
    "full_log",
    "groups",
]
VALUES = (
    "trigger",
    "resolve",
    "firing",
    "resolved",
    "2026-03-02T09:00:00Z",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59+14:00",
)
leaves = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=20), st.sampled_from(VALUES)
)
documents = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.one_of(st.sampled_from(WORDS), st.text(max_size=5)), inner, max_size=8),
    ),
    max_leaves=30,
)
many = settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
# shared by all parsers, so that a new format makes no test longer
parsers = settings(max_examples=max(25, cases(1_000, 20_000) // len(PARSERS)), parent=many)


def read(fmt: str, body: bytes, /, **fields: Any) -> None:
    row = Received(id=1, received_at=AT, body=body, **fields)
    try:
        signals = PARSERS[fmt](row, {})
    except ParseError:
        return
    for signal in signals:
        assert signal.title and signal.key and len(signal.key) <= 512
        assert signal.occurred_at <= AT and signal.clock_ahead >= 0
        stored = "".join(
            [signal.title, signal.key, signal.description, signal.group, *signal.labels.values()]
        )
        assert "\x00" not in stored
        stored.encode("utf-8")


@pytest.mark.parametrize("kind", sorted(PARSERS))
@parsers
@given(document=documents, change=st.booleans())
def test_any_json(kind: str, document: Any, change: bool) -> None:
    read(
        kind,
        json.dumps(document).encode(),
        content_type="application/json",
        kind="change" if change else "alert",
    )


@pytest.mark.parametrize("kind", sorted(PARSERS))
@parsers
@given(
    body=st.binary(max_size=200),
    media=st.sampled_from(["", "text/plain", "application/x-www-form-urlencoded"]),
)
def test_any_bytes(kind: str, body: bytes, media: str) -> None:
    read(kind, body, content_type=media)


@many
@given(path=st.text(alphabet="$.[]*'\"{}|ab0 \\", max_size=20), document=documents)
def test_any_path(path: str, document: Any) -> None:
    """What passes the check renders; what doesn't is said as a PathError."""
    try:
        check(path)
    except PathError:
        return
    assert isinstance(render(document, path), str)


@many
@given(definition=documents)
def test_any_mapping(definition: Any) -> None:
    try:
        mapping = mapping_from(definition)
    except ParseError as error:
        assert str(error)
        return
    assert isinstance(mapping.title, str)


@many
@given(value=st.one_of(leaves, st.datetimes().map(str), st.text(alphabet="0123456789-:TZ+. ", max_size=40)))
def test_any_instant(value: Any) -> None:
    found = instant(value)
    assert found is None or found.tzinfo is not None


HEADERS = [
    "From",
    "To",
    "Subject",
    "Content-Type",
    "Content-Transfer-Encoding",
    "Date",
    "Message-ID",
    "References",
    "Return-Path",
    "Auto-Submitted",
    "Content-Disposition",
    "MIME-Version",
]
PIECES = st.sampled_from(
    [
        "multipart/mixed; boundary=x",
        "multipart/report; report-type=delivery-status; boundary=x",
        "text/html; charset=zz",
        "message/rfc822",
        "base64",
        "quoted-printable",
        "=?utf-8?q?=ff?=",
        "=?utf-8?b?//8=?=",
        "<a@b>",
        "a@b, <c",
        '"',
        "x-uuencode",
        "text/plain; charset*=utf-8''%ff",
        "attachment; filename*0=a; filename*1*=%ff",
    ]
)
REPORT = b"--x\n\nhello\n--x\nContent-Type: message/delivery-status\n\nA: b\n--x--"
LINES = (
    "> quoted",
    "On 1 May, Ann wrote:",
    "-- ",
    "From: a",
    "Sent: b",
    "Subject: c",
    "--- Original Message ---",
    "",
)


@many
@given(
    head=st.lists(st.tuples(st.sampled_from(HEADERS), st.one_of(PIECES, st.text(max_size=30)))),
    body=st.one_of(
        st.binary(max_size=200),
        st.just(REPORT),
    ),
)
def test_any_mail(head: list[tuple[str, str]], body: bytes) -> None:
    raw = (
        "".join(f"{name}: {value}\n" for name, value in head).encode("utf-8", "surrogateescape")
        + b"\n"
        + body
    )
    mail = parse_mail(raw)
    assert mail.message_id and "\x00" not in mail.text + mail.subject + mail.message_id
    (mail.text + mail.subject + mail.sender + mail.message_id).encode("utf-8")


@many
@given(lines=st.lists(st.one_of(st.text(max_size=30), st.sampled_from(LINES)), max_size=15))
def test_folding_loses_nothing(lines: list[str]) -> None:
    text = "\n".join(lines)
    folded = fold(text)
    assert sorted("".join((folded.visible + folded.rest).split())) == sorted("".join(text.split()))


@many
@given(text=st.text(max_size=200))
def test_masking_always_ends(text: str) -> None:
    assert isinstance(masked(text), str)
