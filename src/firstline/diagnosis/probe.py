"""One check of one registered target, now: HTTP or TCP. No database, no clock of the domain.

A check never follows a redirect to another host, sends no credentials, and reads at most 64 KiB. What it says is one
line for people; it never raises for what the target does.
"""

import http.client
import socket
import ssl
import time
from dataclasses import dataclass
from typing import Literal
from urllib.parse import SplitResult, urljoin, urlsplit

from firstline.core.errors import Invalid

MOST_REDIRECTS = 3
MOST_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether the target did what is expected, how long it took, and what it said in a line."""

    ok: bool
    milliseconds: int
    text: str


def check_target(kind: str, target: str) -> str:
    """The target as it is stored; `Invalid` unless it is an http(s) URL or host:port."""
    target = target.strip()
    if kind == "http":
        if not _is_address(target):
            message = (
                "Write a whole address, such as https://intranet.example.org/health, without a password."
            )
            raise Invalid(message, {"target": message})
        return target
    host, port = _host_and_port(target)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _is_address(target: str) -> bool:
    try:
        parts = urlsplit(target)
        return (
            parts.scheme in ("http", "https")
            and bool(parts.hostname)
            and not parts.username
            and bool(_port(parts))
        )
    except ValueError:
        return False


def probe(kind: Literal["http", "tcp"], target: str, *, expect: str = "", timeout: float = 5.0) -> Answer:
    """Look at the target now. `expect` for HTTP: a status such as 204, or text that the page holds (default: any
    status under 400); for TCP: text that the greeting holds. `timeout` is in seconds and bounds the whole check."""
    begun = time.monotonic()
    try:
        if kind == "http":
            ok, text = _http(target, expect, begun + timeout)
        else:
            ok, text = _tcp(target, expect, begun + timeout)
    except TimeoutError:
        ok, text = False, f"no answer within {timeout:g} s"
    except ssl.SSLCertVerificationError as error:
        ok, text = False, f"its certificate is not valid: {error.verify_message}"
    except (OSError, http.client.HTTPException) as error:
        ok, text = False, _reason(error)
    except ValueError as error:  # an address that is none, such as the target's own Location
        ok, text = False, f"leads to what is no address: {error}"
    return Answer(ok, int((time.monotonic() - begun) * 1000), text[:500])


def _http(target: str, expect: str, deadline: float) -> tuple[bool, str]:
    first = urlsplit(target)
    url = target
    for _ in range(MOST_REDIRECTS + 1):
        status, reason, location, body = _get(urlsplit(url), deadline)
        if status not in (301, 302, 303, 307, 308) or not location or expect == str(status):
            return _judge(status, reason, body, expect)
        url = urljoin(url, location)
        onward = urlsplit(url)
        if onward.hostname != first.hostname or onward.scheme not in ("http", "https"):
            return False, f"{status}, redirects to another host ({onward.hostname}), which is not asked"
        if _port(onward) != _port(first) and (_port(first), _port(onward)) != (80, 443):
            return False, f"{status}, redirects to another port ({_port(onward)}), which is not asked"
    return False, f"redirects more than {MOST_REDIRECTS} times"


def _port(url: SplitResult) -> int:
    return url.port or (443 if url.scheme == "https" else 80)


def _get(url: SplitResult, deadline: float) -> tuple[int, str, str, bytes]:
    """Status, reason, Location and the beginning of the body."""
    assert url.hostname is not None
    kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
    connection = kind(url.hostname, url.port, timeout=_left(deadline))
    try:
        path = (url.path or "/") + (f"?{url.query}" if url.query else "")
        connection.request("GET", path, headers={"User-Agent": "Firstline", "Accept": "*/*"})
        answer = connection.getresponse()
        body = b""
        while len(body) < MOST_BYTES:
            if connection.sock is not None:
                connection.sock.settimeout(_left(deadline))
            part = answer.read1(MOST_BYTES - len(body))
            if not part:
                break
            body += part
        return answer.status, answer.reason, answer.getheader("Location", ""), body
    finally:
        connection.close()


def _judge(status: int, reason: str, body: bytes, expect: str) -> tuple[bool, str]:
    said = f"{status} {reason}".strip()
    if not expect:
        return status < 400, said
    if expect.isdecimal() and len(expect) == 3:
        return status == int(expect), said if status == int(expect) else f"{said}, expected {expect}"
    found = expect in body.decode("utf-8", "replace")
    return status < 400 and found, said if found else f"{said}, without the expected text"


def _tcp(target: str, expect: str, deadline: float) -> tuple[bool, str]:
    host, port = _host_and_port(target)
    with socket.create_connection((host, port), timeout=_left(deadline)) as connection:
        if not expect:
            return True, "connected"
        greeting = b""
        while expect.encode() not in greeting and len(greeting) < MOST_BYTES:
            connection.settimeout(_left(deadline))
            part = connection.recv(4096)
            if not part:
                break
            greeting += part
    found = expect.encode() in greeting
    return found, "connected" if found else "connected, without the expected greeting"


def _host_and_port(target: str) -> tuple[str, int]:
    host, _colon, port = target.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isdigit() or not 0 < int(port) < 65536 or any(c in host for c in "/@ "):
        message = "Write host:port, such as db1.example.org:5432."
        raise Invalid(message, {"target": message})
    return host, int(port)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _reason(error: OSError | http.client.HTTPException) -> str:
    if isinstance(error, socket.gaierror):
        return "its name can't be resolved"
    if isinstance(error, ConnectionRefusedError):
        return "refuses connections"
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return text.lower()
