"""The certificate of the TLS listener (RFC 5425), and the authority of the senders where they must show one too."""

import ssl
from pathlib import Path

import structlog

log = structlog.get_logger(__name__)


class Shown:
    """What senders are shown. Raises OSError (ssl.SSLError is one) when it can't be read at the start.

    `renew` reads a file that was replaced into the same context, so that connections from then on see the new one.
    """

    def __init__(self, certificate: str, key: str, client_ca: str) -> None:
        self._paths = (certificate, key or certificate)
        self._read = self._changed()
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.minimum_version = ssl.TLSVersion.TLSv1_2
        self.context.load_cert_chain(*self._paths)
        if client_ca:
            self.context.load_verify_locations(client_ca)
            self.context.verify_mode = ssl.CERT_REQUIRED

    def renew(self) -> None:
        """Look whether the files changed; a broken one leaves the old certificate in force."""
        try:
            if (changed := self._changed()) != self._read:
                self.context.load_cert_chain(*self._paths)
                self._read = changed
                log.info("gateway.syslog_certificate_renewed")
        except OSError as error:
            log.warning("gateway.syslog_certificate_unreadable", reason=str(error))

    def _changed(self) -> tuple[int, ...]:
        return tuple(Path(path).stat().st_mtime_ns for path in self._paths)
