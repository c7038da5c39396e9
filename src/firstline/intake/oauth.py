"""Access tokens for mailboxes: from a token endpoint that an administrator configures, by client credentials or a
refresh token (RFC 6749, 4.4 and 6). Exchange Online takes the first, Gmail the second.
"""

import json
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from firstline.core.errors import Invalid

TIMEOUT = 20.0
LARGEST_ANSWER = 256 * 1024
EARLY = 60.0  # seconds before its end that a token is thought to be over
USUAL_LIFE = 300.0
HERE = ("127.0.0.1", "localhost", "::1")


class TokenRefused(Exception):
    """The endpoint gave no token; the text says why, as it said it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """Whom to ask for tokens. With `refresh_token` it is used, else the client's own credentials."""

    token_url: str
    client_id: str
    client_secret: str = ""
    refresh_token: str = ""
    scope: str = ""


def check_url(url: str) -> None:
    """`Invalid` for what a secret must not be sent to: anything but https, beyond this machine."""
    parts = urlsplit(url)
    if parts.scheme == "https" and parts.hostname:
        return
    if parts.scheme == "http" and parts.hostname in HERE:
        return
    raise Invalid(
        "A secret never travels unencrypted beyond this machine.",
        {"token_url": "an https address is needed, such as https://login.example.com/oauth2/token"},
    )


class Tokens:
    """The tokens of this process, each kept until shortly before it is over. Threads may share it.

    `renewed(client, refresh_token)` is called when the endpoint gave another refresh token than the one it was given:
    the old one may be void by now.
    """

    def __init__(self) -> None:
        self._kept: dict[Client, tuple[str, float]] = {}
        self._lock = threading.Lock()

    def get(
        self,
        client: Client,
        *,
        renewed: Callable[[str], None] = lambda _token: None,
        context: ssl.SSLContext | None = None,
    ) -> str:
        """An access token. Raises TokenRefused or OSError."""
        with self._lock:
            kept = self._kept.get(client)
        if kept and kept[1] > time.monotonic():
            return kept[0]
        answer = _asked(client, context)
        token = answer.get("access_token")
        if not isinstance(token, str) or not token:
            raise TokenRefused("The answer holds no access_token.")
        fresh = answer.get("refresh_token")
        if client.refresh_token and isinstance(fresh, str) and fresh not in ("", client.refresh_token):
            renewed(fresh)
        with self._lock:
            self._kept[client] = (token, time.monotonic() + max(0.0, _life(answer) - EARLY))
        return token

    def forget(self, client: Client) -> None:
        """The server refused it: ask for a new one next time."""
        with self._lock:
            self._kept.pop(client, None)


def _life(answer: dict[str, object]) -> float:
    try:
        return min(float(str(answer.get("expires_in", USUAL_LIFE))), 86_400.0)
    except ValueError:
        return USUAL_LIFE


def _asked(client: Client, context: ssl.SSLContext | None) -> dict[str, object]:
    check_url(client.token_url)
    fields = {"client_id": client.client_id, "client_secret": client.client_secret, "scope": client.scope}
    if client.refresh_token:
        fields |= {"grant_type": "refresh_token", "refresh_token": client.refresh_token}
    else:
        fields["grant_type"] = "client_credentials"
    body = urlencode({name: value for name, value in fields.items() if value}).encode()
    request = urllib.request.Request(  # noqa: S310 - checked above
        client.token_url, data=body, headers={"Accept": "application/json"}, method="POST"
    )
    opener = urllib.request.build_opener(
        urllib.request.HTTPSHandler(context=context or ssl.create_default_context()), _Staying()
    )
    try:
        with opener.open(request, timeout=TIMEOUT) as answer:
            found = json.loads(answer.read(LARGEST_ANSWER))
    except urllib.error.HTTPError as error:
        raise TokenRefused(_reason(error)) from None
    except ValueError:
        raise TokenRefused("The answer is not JSON: is this the token endpoint?") from None
    if not isinstance(found, dict):
        raise TokenRefused("The answer is not what a token endpoint gives.")
    return found


def _reason(error: urllib.error.HTTPError) -> str:
    """What RFC 6749, 5.2 says about why."""
    text = error.read(4096).decode("utf-8", "replace")
    try:
        told = json.loads(text)
        parts = [str(told[name]) for name in ("error", "error_description") if told.get(name)]
    except (ValueError, TypeError, AttributeError, KeyError):
        parts = []
    return f"{error.code}: {' – '.join(parts) or error.reason}"[:500]


class _Staying(urllib.request.HTTPRedirectHandler):
    """Follows nothing: the secret goes to the address that was configured, or nowhere."""

    def redirect_request(self, *_args: object, **_named: object) -> None:
        return None
