"""A channel that only writes a line into the log: for synthetic incidents, and for a sink on a new
installation.
"""

from collections.abc import Mapping

import structlog

from firstline.notifications.channels.base import Envelope, Outcome

log = structlog.get_logger(__name__)


class Log:
    kind = "log"
    timeout = 1

    def send(self, envelope: Envelope) -> Outcome:
        log.info(
            "notification",
            kind=envelope.kind,
            incident=envelope.incident_id,
            address=envelope.address,
            key=envelope.idempotency_key,
        )
        return Outcome(True, "logged")

    def check(self, address: str, settings: Mapping[str, object]) -> str:
        return ""
