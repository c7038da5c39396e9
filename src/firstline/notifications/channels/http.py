"""One request to an address that was checked: pinned to it, without redirects, ended when its time is over."""

import contextlib
import http.client
import socket
import ssl
import threading
from collections.abc import Collection, Mapping
from urllib.parse import urlsplit

from firstline.notifications.channels.hosts import resolve


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


def post(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    enabled: Collection[str],
    timeout: int,
    *,
    most: int = 500,
) -> tuple[int, str]:
    """(status, at most `most` bytes of the answer). `timeout`: seconds for all of it.

    Raises PermissionError for what is no public address and was not enabled, OSError and HTTPException for the network.
    """
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
        status, answer = response.status, response.read(most).decode(errors="replace")
        if connection.was_cut:  # half an answer reads like a whole one
            raise TimeoutError(f"no whole answer within {timeout} s")
        return status, answer
    finally:
        ends.cancel()
        connection.close()


def enabled(settings: Mapping[str, object]) -> Collection[str]:
    """The hosts that an administrator enabled although they are private."""
    hosts = settings.get("hosts", ())
    return [str(host) for host in hosts] if isinstance(hosts, list | tuple) else ()
