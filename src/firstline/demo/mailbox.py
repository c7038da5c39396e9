"""Where the demo's mail goes: a listener on loopback that takes everything, so that nothing leaves the machine."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import structlog
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from django.conf import settings

log = structlog.get_logger(__name__)
HERE = ("127.0.0.1", "localhost")
logging.getLogger("mail.log").setLevel(logging.WARNING)  # aiosmtpd tells each line of each session


class Mailbox:
    """Counts what arrives and keeps nothing."""

    def __init__(self) -> None:
        self.received = 0

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        self.received += 1
        log.debug("demo.mail", to=envelope.rcpt_tos)
        return "250 Kept by nobody"

    @classmethod
    @contextmanager
    def listening(cls) -> Iterator["Mailbox | None"]:
        """Listen where `FIRSTLINE_MAIL_URL` says, if that is this machine and nobody else does."""
        parts = urlsplit(settings.ENVIRONMENT.mail_url or "")
        box = cls()
        if parts.hostname not in HERE or not parts.port:
            yield None
            return
        controller = Controller(box, hostname=parts.hostname, port=parts.port)
        try:
            controller.start()
        except OSError as error:
            log.warning("demo.no_mailbox", error=str(error))
            yield None
            return
        try:
            yield box
        finally:
            controller.stop()
