"""Text messages and calls through a provider that speaks Twilio's REST protocol (version 2010-04-01).

Twilio's own service does, and several others offer the same interface under their own address. Settings of either
channel: `account` (its SID), `from` (a number of the account), `base` (the provider's address); the secret is the
account's token, which also signs what the provider sends back.

Source: https://www.twilio.com/docs/usage/requests-to-twilio and https://www.twilio.com/docs/usage/security
"""

import base64
import hashlib
import hmac
import http.client
import json
import re
from collections.abc import Mapping
from urllib.parse import quote, urlencode

from firstline.notifications.channels.base import Envelope, Outcome
from firstline.notifications.channels.http import enabled, post

TWILIO = "https://api.twilio.com"
VERSION = "2010-04-01"
NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")
TIMEOUT = 10
_WAIT = frozenset({408, 425, 429})


def order(resource: str, envelope: Envelope, parameters: Mapping[str, str]) -> Outcome:
    """POST to a resource of the account (`Messages`, `Calls`). What the provider refuses for good is permanent."""
    settings = envelope.settings
    account, sender = str(settings.get("account") or ""), str(settings.get("from") or "")
    if not (account and sender and envelope.secret):
        return Outcome(
            False, "this channel is not set up: account, number or token is missing", permanent=True
        )
    base = str(settings.get("base") or TWILIO).rstrip("/")
    url = f"{base}/{VERSION}/Accounts/{quote(account, safe='')}/{resource}.json"
    key = base64.b64encode(f"{account}:{envelope.secret}".encode()).decode()
    headers = {
        "authorization": f"Basic {key}",
        "content-type": "application/x-www-form-urlencoded",
        "accept": "application/json",
        "user-agent": "Firstline",
        "i-twilio-idempotency-token": envelope.idempotency_key,
    }
    body = urlencode({"To": envelope.address, "From": sender, **parameters}).encode()
    try:
        status, answer = post(url, body, headers, enabled(settings), TIMEOUT, most=4000)
    except PermissionError as error:
        return Outcome(False, str(error), permanent=True)
    except (OSError, http.client.HTTPException, ValueError) as error:
        return Outcome(False, f"{type(error).__name__}: {error}")
    return _outcome(status, answer)


def _outcome(status: int, answer: str) -> Outcome:
    try:
        said = json.loads(answer)
    except ValueError:
        said = {}
    said = said if isinstance(said, dict) else {}
    if 200 <= status < 300:
        return Outcome(
            True, f"HTTP {status} {said.get('status', '')}".strip(), message_id=str(said.get("sid", ""))[:255]
        )
    text = f"HTTP {status} {said.get('code', '')} {said.get('message', answer[:200])}".strip()
    return Outcome(False, text[:500], permanent=400 <= status < 500 and status not in _WAIT)


def check_number(address: str) -> str:
    """Why this is not a telephone number, for people; empty when it is."""
    if NUMBER.fullmatch(address):
        return ""
    return "A number begins with + and the code of the country, digits only, such as +380441234567"


def signature(token: str, url: str, parameters: Mapping[str, str]) -> str:
    """What `X-Twilio-Signature` has to be for a form that the provider posts to `url`."""
    signed = url + "".join(f"{name}{parameters[name]}" for name in sorted(parameters))
    return base64.b64encode(hmac.new(token.encode(), signed.encode(), hashlib.sha1).digest()).decode()


def is_signed(token: str, url: str, parameters: Mapping[str, str], given: str) -> bool:
    """Whether the provider sent this form. Without a token nothing is."""
    return bool(token) and hmac.compare_digest(signature(token, url, parameters), given)
