"""The fold of signals into spans: a table, and a slower, obviously right version beside it."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstline.intake.dedup import Span, SpanState, fold, has_expired, source_suspected
from firstline.intake.signal import Severity, Signal, SignalKind

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)


def signal(
    kind: str, key: str = "k", minute: int = 0, severity: Severity = Severity.ERROR, row: int = 0
) -> Signal:
    return Signal(
        kind=SignalKind(kind), key=key, title=f"{key} {row}", severity=severity, row=row,
        occurred_at=AT + timedelta(minutes=minute),
    )  # fmt: skip


def run(*kinds: str, latest: dict[str, Span] | None = None) -> list[tuple[str, int]]:
    return [
        (span.state.value, span.count)
        for span in fold(latest or {}, [signal(kind) for kind in kinds], {}).spans
    ]


@pytest.mark.parametrize(
    ("kinds", "spans"),
    [
        (["trigger"], [("firing", 1)]),
        (["trigger", "trigger"], [("firing", 2)]),
        (["trigger", "acknowledge"], [("acknowledged", 1)]),
        (["trigger", "acknowledge", "trigger"], [("acknowledged", 2)]),
        (["trigger", "resolve", "trigger"], [("resolved", 1), ("firing", 1)]),
        (["trigger", "resolve", "resolve", "acknowledge"], [("resolved", 1)]),
        (["acknowledge", "resolve"], []),
        (["note", "change"], []),
    ],
)
def test_table(kinds: list[str], spans: list[tuple[str, int]]) -> None:
    assert run(*kinds) == spans


def stored(state: SpanState) -> dict[str, Span]:
    return {"k": Span(key="k", id=9, state=state, count=4, started_at=AT, first_seen_at=AT, last_seen_at=AT)}


def test_what_is_stored_goes_on() -> None:
    (span,) = fold(stored(SpanState.FIRING), [signal("trigger", minute=-5)], {}).spans
    assert (span.id, span.count, span.started_at) == (9, 5, AT - timedelta(minutes=5))


def test_an_expired_span_is_settled_by_a_resolve_and_followed_by_a_new_one() -> None:
    assert run("resolve", latest=stored(SpanState.EXPIRED)) == [("resolved", 4)]
    assert run("trigger", latest=stored(SpanState.EXPIRED)) == [("firing", 1)]


def test_first_and_last_seen_are_the_gateways_time() -> None:
    received = {1: AT + timedelta(minutes=2), 2: AT + timedelta(minutes=3)}
    (span,) = fold({}, [signal("trigger", row=1), signal("trigger", row=2, minute=1)], received).spans
    assert (span.started_at, span.first_seen_at, span.last_seen_at) == (AT, received[1], received[2])
    assert span.signal is not None and span.signal.title == "k 2"


def test_notes_changes_and_what_is_dropped_are_handed_on() -> None:
    result = fold({}, [signal("note"), signal("change"), signal("resolve")], {})
    assert [len(part) for part in (result.notes, result.changes, result.dropped, result.spans)] == [
        1,
        1,
        1,
        0,
    ]


kinds = st.sampled_from(["trigger", "trigger", "acknowledge", "resolve"])


@given(
    sent=st.lists(st.tuples(kinds, st.sampled_from("ab"), st.integers(0, 9)), max_size=40),
    cut=st.integers(0, 40),
)
def test_as_the_slow_version_and_in_any_batches(sent: list[tuple[str, str, int]], cut: int) -> None:
    signals = [signal(kind, key, minute, row=row) for row, (kind, key, minute) in enumerate(sent)]
    whole = [(span.key, span.state, span.count, span.started_at) for span in fold({}, signals, {}).spans]
    for key in "ab":
        assert [(state, count) for k, state, count, _ in whole if k == key] == slow(
            [kind for kind, k, _ in sent if k == key]
        )
    first = fold({}, signals[:cut], {}).spans
    latest = {}
    for span in first:
        span.touched = False
        latest[span.key] = span
    spans = {id(span): span for span in (*first, *fold(latest, signals[cut:], {}).spans)}
    batched = [(span.key, span.state, span.count, span.started_at) for span in spans.values()]
    assert sorted(batched) == sorted(whole)


def slow(kinds_of_key: list[str]) -> list[tuple[str, int]]:
    """Cut after each resolve; each piece with a trigger is a span, counted from its first trigger on."""
    spans: list[tuple[str, int]] = []
    piece: list[str] = []
    for kind in [*kinds_of_key, "end"]:
        piece.append(kind)
        if kind in ("resolve", "end"):
            if "trigger" in piece:
                after = piece[piece.index("trigger") :]
                state = (
                    "resolved"
                    if kind == "resolve"
                    else "acknowledged"
                    if "acknowledge" in after
                    else "firing"
                )
                spans.append((state, after.count("trigger")))
            piece = []
    return spans


def test_expiry_and_suspicion() -> None:
    assert (
        has_expired(AT, AT) and not has_expired(AT + timedelta(seconds=1), AT) and not has_expired(None, AT)
    )
    assert source_suspected(2, 2) and not source_suspected(3, 2) and not source_suspected(1, 1)
