"""Signed webhooks as https://www.standardwebhooks.com specifies them.

`webhook-id` is the delivery's idempotency key: a receiver that has seen it may drop the second one. Redirects
are not followed, and the connection goes to the address that was checked, whatever the name says a moment
later.
"""

import base64
import contextlib
import hashlib
import hmac
import http.client
import json
import socket
import ssl
import threading
from collections.abc import Collection, Mapping
from urllib.parse import urlsplit

from firstline.notifications.channels.base import Envelope, Outcome
from firstline.notifications.channels.hosts import resolve

PREFIX = "whsec_"
_GONE = frozenset({404, 410})


class Webhook:
    """POSTs one JSON object; 2xx is delivered, 410 and 404 are final."""

    kind = "webhook"
    timeout = 10

    def send(self, envelope: Envelope) -> Outcome:
        body = payload(envelope)
        headers = {
            "content-type": "application/json",
            "user-agent": "Firstline",
            **signed(envelope.idempotency_key, int(envelope.now.timestamp()), body, envelope.secret),
        }
        try:
            status, answer = _post(envelope.address, body, headers, _enabled(envelope.settings), self.timeout)
        except PermissionError as error:
            return Outcome(False, str(error), permanent=True)
        except (OSError, http.client.HTTPException, ValueError) as error:
            return Outcome(False, f"{type(error).__name__}: {error}")
        return Outcome(200 <= status < 300, f"HTTP {status} {answer}".strip(), permanent=status in _GONE)

    def check(self, address: str, settings: Mapping[str, object]) -> str:
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            return "A webhook's address begins with https://"
        if parts.scheme == "http" and parts.hostname not in _enabled(settings):
            return "A webhook needs https, unless an administrator enabled its host"
        return ""


def payload(envelope: Envelope) -> bytes:
    """`type`, `timestamp` and `data`, as the specification recommends."""
    return json.dumps(
        {
            "type": f"firstline.{envelope.kind}",
            "timestamp": envelope.now.isoformat(),
            "data": {
                "incident_id": envelope.incident_id,
                "subject": envelope.subject,
                "body": envelope.body,
                "urgency": envelope.urgency,
                **envelope.context,
            },
        },
        ensure_ascii=False,
    ).encode()


def signed(identifier: str, timestamp: int, body: bytes, secret: str) -> dict[str, str]:
    """The three headers of Standard Webhooks. Without a secret nothing is signed."""
    headers = {"webhook-id": identifier, "webhook-timestamp": str(timestamp)}
    if secret:
        key = base64.b64decode(secret.removeprefix(PREFIX))
        digest = hmac.new(key, f"{identifier}.{timestamp}.".encode() + body, hashlib.sha256).digest()
        headers["webhook-signature"] = "v1," + base64.b64encode(digest).decode()
    return headers


class _Pinned(http.client.HTTPConnection):
    """Connects to an address that was checked; name and certificate stay those of the host."""

    def __init__(self, host: str, port: int, address: str, timeout: int, tls: bool) -> None:
        super().__init__(host, port, timeout=timeout)
        self._address = address
        self.was_cut = False
        self._context = ssl.create_default_context() if tls else None

    def connect(self) -> None:
        self.sock = socket.create_connection((self._address, self.port), self.timeout)
        if self._context is not None:
            self.sock = self._context.wrap_socket(self.sock, server_hostname=self.host)

    def cut(self) -> None:
        """End whatever is under way: a receiver that answers a byte at a time must not hold a thread for
        ever.
        """
        self.was_cut = True
        with contextlib.suppress(OSError):
            if self.sock is not None:
                self.sock.shutdown(socket.SHUT_RDWR)


def _post(
    url: str, body: bytes, headers: Mapping[str, str], enabled: Collection[str], timeout: int
) -> tuple[int, str]:
    parts = urlsplit(url)
    tls = parts.scheme == "https"
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise PermissionError("not an http address")
    port = parts.port or (443 if tls else 80)
    address = resolve(parts.hostname, port, enabled)
    connection = _Pinned(parts.hostname, port, address, timeout, tls)
    ends = threading.Timer(timeout, connection.cut)  # each read has its own patience; all together have this
    ends.daemon = True
    ends.start()
    try:
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", path, body, dict(headers))
        response = connection.getresponse()
        status, answer = response.status, response.read(500).decode(errors="replace")
        if connection.was_cut:  # half an answer reads like a whole one
            raise TimeoutError(f"no whole answer within {timeout} s")
        return status, answer
    finally:
        ends.cancel()
        connection.close()


def _enabled(settings: Mapping[str, object]) -> Collection[str]:
    hosts = settings.get("hosts", ())
    return [str(host) for host in hosts] if isinstance(hosts, list | tuple) else ()
