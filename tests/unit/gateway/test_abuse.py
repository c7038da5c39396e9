"""Raw bytes that no honest client sends."""

import re
import select
import socket
from collections.abc import Callable

import pytest

from firstline.gateway.load import MOST_NAMELESS

from .conftest import Running, wait_for
from .test_forward import Web, web

__all__ = ["web"]

SMUGGLED = [
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nContent-Length: 40\r\n\r\n"
    b"abcdGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n"
    b"0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n"
    b"0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer_Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nX: a\nY: b\r\nContent-Length: +3\r\n\r\nabc",
]


@pytest.mark.parametrize("sent", SMUGGLED)
def test_the_web_process_sees_each_request_as_the_gateway_did(
    gateway: Running, web: Web, sent: bytes
) -> None:
    """A connection to the web process carries exactly one request, framed by one length."""
    gateway.raw(sent, half_close=True)
    for request in web.requests:
        head, _, body = request.partition(b"\r\n\r\n")
        lengths = re.findall(rb"(?im)^content-length: (\d+)\r?$", head)
        assert not re.search(rb"(?i)transfer.encoding", head)
        assert len(lengths) <= 1
        assert len(body) == int(lengths[0] if lengths else 0)
        assert b"\n" not in head.replace(b"\r\n", b"")


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 200_000 + b"\r\n\r\n",
        b"GET /" + b"x" * 200_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        b"".join([b"GET / HTTP/1.1\r\nHost: a\r\n", *(b"X-%d: 1\r\n" % n for n in range(5000)), b"\r\n"]),
        b"\x00\x01\x02\x03\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: \x00\r\n\r\n",
    ],
)
def test_nonsense_is_turned_away_and_hurts_nobody(gateway: Running, web: Web, sent: bytes) -> None:
    answer = gateway.raw(sent, half_close=True)
    assert not answer.startswith(b"HTTP/1.1 2")
    assert web.requests == []
    assert gateway.ask("GET", "/").status == 200


@pytest.mark.parametrize("framing", [b"Content-Length: 20", b"Transfer-Encoding: chunked"])
def test_a_signal_that_is_cut_is_not_stored(
    gateway: Running, source: Callable[..., str], framing: bytes
) -> None:
    part = b'8\r\n{"a": 1}\r\n' if b"chunked" in framing else b'{"a": 1}'
    head = f"POST /intake/{source('generic')} HTTP/1.1\r\nHost: a\r\n".encode() + framing + b"\r\n\r\n"
    answer = gateway.raw(head + part, half_close=True)
    assert not answer.startswith(b"HTTP/1.1 2")
    assert gateway.rows() == []


def test_pipelined_signals_are_each_answered(gateway: Running, source: Callable[..., str]) -> None:
    head = f"POST /intake/{source('generic')} HTTP/1.1\r\nHost: a\r\nContent-Length: 7\r\n".encode()
    one, last = head + b'\r\n{"n":1}', head + b'Connection: close\r\n\r\n{"n":2}'
    answer = gateway.raw(one * 5 + last)
    assert answer.count(b"HTTP/1.1 202") == 6
    assert len(gateway.rows()) == 6


def test_one_address_cannot_fill_the_places_with_bodies_that_never_end(
    gateway: Running, source: Callable[..., str]
) -> None:
    """Where the token is in the body, anybody may begin one."""
    begun = [socket.create_connection(("127.0.0.1", gateway.port)) for _ in range(MOST_NAMELESS + 20)]
    try:
        for connection in begun:
            connection.sendall(b"POST /v2/enqueue HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{")
        refused, _, _ = select.select(begun, [], [], 15)
        assert refused[0].recv(1000).startswith(b"HTTP/1.1 429")
        assert gateway.ask("POST", f"/intake/{source('generic')}", b"{}").status == 202
    finally:
        for connection in begun:
            connection.close()
    wait_for(lambda: gateway.ask("POST", "/v2/enqueue", b"{}").status == 400)


def test_connections_that_say_nothing_do_not_stop_the_others(
    gateway: Running, source: Callable[..., str]
) -> None:
    silent = [socket.create_connection(("127.0.0.1", gateway.port)) for _ in range(300)]
    try:
        for connection in silent[::2]:
            connection.sendall(b"POST /intake/x HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n")
        assert gateway.ask("POST", f"/intake/{source('generic')}", b"{}").status == 202
    finally:
        for connection in silent:
            connection.close()
