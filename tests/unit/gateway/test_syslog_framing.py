"""Streams of syslog cut anywhere give the same messages."""

import itertools
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firstline.gateway.syslog.framing import Framer
from firstline.gateway.syslog.senders import chosen, peer_of
from tests.effort import cases


def through(stream: bytes, cuts: list[int], limit: int = 1000) -> tuple[list[bytes], int]:
    framer = Framer(limit)
    places = sorted({min(cut, len(stream)) for cut in cuts} | {0, len(stream)})
    found = [
        message for start, end in itertools.pairwise(places) for message in framer.feed(stream[start:end])
    ]
    return found + framer.end(), framer.too_large


counted = st.binary(max_size=30).map(lambda body: b"<13>" + body.rstrip(b"\r\n\0"))
lines = st.binary(max_size=30).map(
    lambda body: b"<13>" + body.replace(b"\n", b" ").replace(b"\0", b" ").replace(b"\r", b" ")
)
frames = st.lists(
    st.one_of(
        counted.map(lambda body: (body, str(len(body)).encode() + b" " + body)),
        lines.map(lambda body: (body, body + b"\n")),
        lines.map(lambda body: (body, body + b"\r\n")),
        lines.map(lambda body: (body, body + b"\0")),
    ),
    max_size=8,
)


@settings(max_examples=cases(500, 20_000), deadline=None)
@given(frames=frames, cuts=st.lists(st.integers(0, 300), max_size=12))
def test_wherever_it_is_cut(frames: list[tuple[bytes, bytes]], cuts: list[int]) -> None:
    found, too_large = through(b"".join(frame for _, frame in frames), cuts)
    assert found == [body for body, _ in frames]
    assert too_large == 0


@pytest.mark.parametrize(
    "stream",
    [
        b"60 <13>" + b"x" * 56 + b"<13>after\n",
        b"<13>" + b"x" * 60 + b"\n<13>after\n",
        b"<13>" + b"x" * 60 + b"\n9 <13>after",
    ],
)
@pytest.mark.parametrize("step", [1, 7, 1000])
def test_what_is_too_large_is_counted_and_passed_over(stream: bytes, step: int) -> None:
    assert through(stream, list(range(0, 200, step)), limit=40) == ([b"<13>after"], 1)


def test_ends() -> None:
    assert through(b"<13>no end", []) == ([b"<13>no end"], 0)
    assert through(b"20 <13>half", []) == ([], 0)
    assert through(b"\n\n<13>a\n\n", []) == ([b"<13>a"], 0)
    assert through(b"2026 is no count\n", []) == ([b"2026 is no count"], 0)


def test_a_framer_holds_little() -> None:
    framer = Framer(100)
    for _ in range(1000):
        framer.feed(b"x" * 50)
    assert framer.empty or len(framer._buffer) <= 150
    assert framer.too_large == 1


def test_the_smallest_network_wins_and_the_open_source_takes_the_rest() -> None:
    sources = [
        (1, (ip_network("10.0.0.0/8"),)),
        (2, ()),
        (3, (ip_network("10.1.0.0/16"), ip_network("2001:db8::/32"))),
        (4, ()),
    ]
    for address, expected in (("10.2.0.1", 1), ("10.1.0.1", 3), ("2001:db8::1", 3), ("192.0.2.1", 2)):
        assert chosen(sources, ip_address(address)) == expected
    assert chosen(sources[:1], ip_address("192.0.2.1")) is None


def test_ipv4_within_ipv6_is_ipv4() -> None:
    assert peer_of(("::ffff:192.0.2.1", 514, 0, 0)) == ip_address("192.0.2.1")
    assert peer_of(("fe80::1%eth0", 514)) == ip_address("fe80::1")
    assert peer_of("unix") is None
