"""The forwarder between a real gateway and a small HTTP server on a UNIX socket that keeps what it gets."""

import contextlib
import hashlib
import re
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from .conftest import Running


@dataclass
class Web:
    """Answers each connection with the bytes that `answer` gives for the request; then closes."""

    answer: Callable[[bytes], bytes] = lambda request: b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    requests: list[bytes] = field(default_factory=list)
    pour: Callable[[socket.socket], None] | None = None

    def serve(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._handle, args=(connection,), daemon=True).start()

    def _handle(self, connection: socket.socket) -> None:
        with connection:
            request = b""
            while not _complete(request):
                if not (part := connection.recv(65536)):
                    break
                request += part
            self.requests.append(request)
            with contextlib.suppress(OSError):
                connection.sendall(self.answer(request))
            if self.pour:
                self.pour(connection)

    def header(self, name: str) -> list[str]:
        head = self.requests[-1].split(b"\r\n\r\n")[0].decode("latin-1")
        return re.findall(rf"(?im)^{re.escape(name)}: ?(.*?)\r?$", head)


def _complete(request: bytes) -> bool:
    head, end, body = request.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    return bool(end) and len(body) >= int(length.group(1) if length else 0)


@pytest.fixture
def web(gateway: Running) -> Iterator[Web]:
    server = Web()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(gateway.web_socket))
        listener.listen(64)
        threading.Thread(target=server.serve, args=(listener,), daemon=True).start()
        yield server
    gateway.web_socket.unlink()


def test_a_page_comes_back_as_the_web_process_made_it(gateway: Running, web: Web) -> None:
    web.answer = lambda _: (
        b"HTTP/1.1 303 See Other\r\nLocation: /x\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n"
        b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    )
    answer = gateway.ask("GET", "/a%2Fb?q=1&r=%20")
    assert (answer.status, answer.body, answer.headers["location"]) == (303, b"abcde", "/x")
    assert web.requests[-1].startswith(b"GET /a%2Fb?q=1&r=%20 HTTP/1.1\r\n")
    raw = gateway.raw(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert raw.lower().count(b"set-cookie") == 2


def test_only_the_gateway_says_who_is_asking(gateway: Running, web: Web) -> None:
    gateway.ask(
        "GET",
        "/",
        headers={
            "X-Forwarded-For": "10.9.9.9",
            "X_Forwarded_For": "10.9.9.9",
            "X-Forwarded-Proto": "https",
            "X-Request-ID": "mine",
            "Forwarded": "for=10.9.9.9",
            "Connection": "close, X-Secret",
            "X-Secret": "1",
            "Accept": "text/html",
        },
    )
    assert web.header("X-Forwarded-For") == ["127.0.0.1"]
    assert web.header("X-Forwarded-Proto") == ["http"]
    assert re.fullmatch("[0-9a-f]{32}", web.header("X-Request-ID")[0])
    assert web.header("Accept") == ["text/html"]
    assert not web.header("X_Forwarded_For") + web.header("Forwarded") + web.header("X-Secret")


def test_what_a_trusted_proxy_says_counts(start: Callable[..., Running], tmp_path: Path) -> None:
    gateway, server = start(FIRSTLINE_TRUSTED_PROXIES="127.0.0.1"), Web()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(gateway.web_socket))
        listener.listen()
        threading.Thread(target=server.serve, args=(listener,), daemon=True).start()
        headers = {
            "X-Forwarded-For": "6.6.6.6, 203.0.113.7",
            "X-Forwarded-Proto": "https",
            "X-Request-ID": "r1",
        }
        gateway.ask("GET", "/", headers=headers)
    assert server.header("X-Forwarded-For") == ["203.0.113.7"]
    assert server.header("X-Forwarded-Proto") == ["https"]
    assert server.header("X-Request-ID") == ["r1"]


@pytest.mark.parametrize("size", [0, 10, 1024 * 1024, 3 * 1024 * 1024 + 7])
def test_a_body_arrives_whole_with_its_length(gateway: Running, web: Web, size: int) -> None:
    body = bytes(range(256)) * (size // 256 + 1)
    body = body[:size]
    web.answer = lambda request: (
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
        + hashlib.sha256(request.partition(b"\r\n\r\n")[2]).hexdigest().encode()
    )
    assert gateway.ask("POST", "/upload", body).body.decode() == hashlib.sha256(body).hexdigest()
    assert web.header("Content-Length") == [str(size)]


def test_a_chunked_body_becomes_one_with_a_length(gateway: Running, web: Web) -> None:
    sent = b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    assert b"200 OK" in gateway.raw(sent + b"3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n")
    assert web.requests[-1].endswith(b"\r\n\r\nabcdefg")
    assert web.header("Content-Length") == ["7"]
    assert not web.header("Transfer-Encoding")


def test_the_web_process_never_sees_a_body_that_is_cut_or_slow(gateway: Running, web: Web) -> None:
    head = b"POST /form HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n"
    with socket.create_connection(("127.0.0.1", gateway.port)) as slow:
        slow.sendall(head + b"12345")
        assert gateway.ask("GET", "/other").status == 200, "a slow body holds nobody up"
        assert [request.split()[1] for request in web.requests] == [b"/other"]
        slow.sendall(b"67890")
        assert b"200 OK" in slow.recv(1000)
    gateway.raw(head + b"12345", half_close=True)
    gateway.raw(
        head.replace(b"Content-Length: 10", b"Transfer-Encoding: chunked") + b"5\r\n123", half_close=True
    )
    gateway.ask("GET", "/last")
    assert [request.split()[1] for request in web.requests] == [b"/other", b"/form", b"/last"]


def test_without_the_web_process_people_get_a_sentence_and_programs_a_problem(gateway: Running) -> None:
    page = gateway.ask("GET", "/console/")
    assert (page.status, "retry-after" in page.headers) == (502, True)
    assert b"starting or not running" in page.body
    problem = gateway.ask("GET", "/api/v1/incidents")
    assert (problem.status, problem.headers["content-type"]) == (502, "application/problem+json")
    assert problem.json()["status"] == 502


@pytest.mark.parametrize("answer", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Le"])
def test_an_answer_that_is_none_becomes_502(gateway: Running, web: Web, answer: bytes) -> None:
    web.answer = lambda _: answer
    assert gateway.ask("GET", "/").status == 502


@pytest.mark.parametrize("framing", [b"Content-Length: 100", b"Transfer-Encoding: chunked"])
def test_an_answer_that_breaks_off_is_not_made_whole(gateway: Running, web: Web, framing: bytes) -> None:
    part = b"a\r\n0123456789\r\n" if b"chunked" in framing else b"0123456789"
    web.answer = lambda _: b"HTTP/1.1 200 OK\r\n" + framing + b"\r\n\r\n" + part
    raw = gateway.raw(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    head, _, body = raw.partition(b"\r\n\r\n")
    if b"chunked" in head.lower():
        assert not body.endswith(b"0\r\n\r\n")
    else:
        assert len(body) < 100


def test_a_reader_that_leaves_is_not_written_for_any_more(gateway: Running, web: Web) -> None:
    written = threading.Event()
    stopped = threading.Event()

    def pour(connection: socket.socket) -> None:
        try:
            while True:
                connection.sendall(b"x" * 65536)
                written.set()
        except OSError:
            stopped.set()

    web.pour = pour
    web.answer = lambda _: b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n"
    with socket.create_connection(("127.0.0.1", gateway.port)) as reader:
        reader.sendall(b"GET /endless HTTP/1.1\r\nHost: a\r\n\r\n")
        assert reader.recv(1000)
        assert written.wait(10)
    assert stopped.wait(10)


def test_head_and_204_have_no_body(gateway: Running, web: Web) -> None:
    web.answer = lambda _: b"HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n"
    head = gateway.ask("HEAD", "/")
    assert (head.status, head.headers["content-length"], head.body) == (200, "1234", b"")
    web.answer = lambda _: b"HTTP/1.1 204 No Content\r\n\r\n"
    assert gateway.ask("DELETE", "/x").status == 204
