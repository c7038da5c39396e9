"""Signed webhooks as https://www.standardwebhooks.com specifies them.

`webhook-id` is the delivery's idempotency key: a receiver that has seen it may drop the second one. Redirects
are not followed, and the connection goes to the address that was checked, whatever the name says a moment
later.
"""

import base64
import hashlib
import hmac
import http.client
import json
from collections.abc import Mapping
from urllib.parse import urlsplit

from firstline.notifications.channels.base import Envelope, Outcome
from firstline.notifications.channels.http import enabled, post

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
            status, answer = post(envelope.address, body, headers, enabled(envelope.settings), self.timeout)
        except PermissionError as error:
            return Outcome(False, str(error), permanent=True)
        except (OSError, http.client.HTTPException, ValueError) as error:
            return Outcome(False, f"{type(error).__name__}: {error}")
        return Outcome(200 <= status < 300, f"HTTP {status} {answer}".strip(), permanent=status in _GONE)

    def check(self, address: str, settings: Mapping[str, object]) -> str:
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            return "A webhook's address begins with https://"
        if parts.scheme == "http" and parts.hostname not in enabled(settings):
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
