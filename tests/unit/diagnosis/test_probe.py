"""Checks against real sockets on loopback."""

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from firstline.core.errors import Invalid
from firstline.diagnosis.probe import check_target, probe


class Handler(BaseHTTPRequestHandler):
    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        if self.path == "/hang":
            self.connection.recv(1)  # until the asking side has had enough
            return
        status, location = {
            "/gone": (410, ""),
            "/moved": (302, "/"),
            "/away": (302, "http://192.0.2.1/secret"),
            "/round": (302, "/round"),
            "/file": (302, "file:///etc/passwd"),
        }.get(self.path, (200, ""))
        body = b"x" * 5_000_000 if self.path == "/large" else b"all systems go"
        self.send_response(status)
        if location:
            self.send_header("Location", location)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        return


@pytest.fixture
def site() -> Iterator[str]:
    Handler.asked = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("path", "expect", "ok", "said"),
    [
        ("/", "", True, "200 OK"),
        ("/", "systems go", True, "200 OK"),
        ("/", "all is lost", False, "200 OK, without the expected text"),
        ("/gone", "", False, "410 Gone"),
        ("/gone", "410", True, "410 Gone"),
        ("/", "204", False, "200 OK, expected 204"),
        ("/moved", "", True, "200 OK"),
        ("/away", "", False, "302, redirects to another host (192.0.2.1), which is not asked"),
        ("/file", "", False, "302, redirects to another host (None), which is not asked"),
        ("/round", "", False, "redirects more than 3 times"),
        ("/large", "", True, "200 OK"),
    ],
)
def test_http(site: str, path: str, expect: str, ok: bool, said: str) -> None:
    answer = probe("http", site + path, expect=expect)
    assert (answer.ok, answer.text) == (ok, said)


def test_a_site_that_hangs_ends_at_the_timeout(site: str) -> None:
    assert probe("http", f"{site}/hang", timeout=0.3).text == "no answer within 0.3 s"


def test_another_port_of_the_same_host_is_a_redirect_that_is_followed_once(site: str) -> None:
    assert probe("http", f"{site}/moved").ok
    assert Handler.asked == ["/moved", "/"]


def test_tcp_with_and_without_a_greeting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def greet() -> None:
            for _ in range(3):
                with server.accept()[0] as connection:
                    connection.sendall(b"220 mail.example.org ESMTP\r\n")

        threading.Thread(target=greet, daemon=True).start()
        target = f"127.0.0.1:{port}"
        assert probe("tcp", target).text == "connected"
        assert probe("tcp", target, expect="220 ").ok
        wrong = probe("tcp", target, expect="SSH-2.0", timeout=2)
        assert (wrong.ok, wrong.text) == (False, "connected, without the expected greeting")
    refused = probe("tcp", target)
    assert (refused.ok, refused.text) == (False, "refuses connections")


def test_a_name_that_is_not_there() -> None:
    assert probe("tcp", "nowhere.invalid:80", timeout=5).ok is False


@pytest.mark.parametrize(
    ("kind", "target"),
    [
        ("http", "ftp://example.org"),
        ("http", "example.org"),
        ("http", "http://user:secret@example.org/"),
        ("tcp", "example.org"),
        ("tcp", "example.org:0"),
        ("tcp", "example.org:99999"),
        ("tcp", "http://example.org:80"),
    ],
)
def test_what_is_no_target_is_refused_at_its_field(kind: str, target: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_target(kind, target)
    assert list(refused.value.fields) == ["target"]


def test_an_ipv6_target_keeps_its_brackets() -> None:
    assert check_target("tcp", "[::1]:5432") == "[::1]:5432"


@pytest.mark.parametrize("location", ["http://[broken", "//127.0.0.1:99999/", "http://127.0.0.1:1/"])
def test_a_target_that_leads_astray_is_only_a_failed_check(location: str) -> None:
    class Astray(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(302)
            self.send_header("Location", location)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Astray)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        answer = probe("http", f"http://127.0.0.1:{server.server_port}/")
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert not answer.ok and ("no address" in answer.text or "another port" in answer.text)


@pytest.mark.parametrize("target", ["http://example.org:99999/", "http://[broken/"])
def test_what_is_no_address_is_refused(target: str) -> None:
    with pytest.raises(Invalid):
        check_target("http", target)
