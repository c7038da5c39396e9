"""Tokens and secrets: tokens are random and stored hashed, secrets that must be read back are encrypted."""

import base64
import hashlib
import secrets

from cryptography.fernet import Fernet, InvalidToken
from django.conf import settings

from firstline.core.errors import Invalid


def new_token() -> str:
    """32 random characters of [A-Za-z0-9_-]: 192 bits, and what PagerDuty's clients take for a key."""
    return secrets.token_urlsafe(24)


def hash_token(token: str) -> str:
    """SHA-256 in hexadecimal. Enough for a token of 192 random bits; passwords go another way."""
    return hashlib.sha256(token.encode()).hexdigest()


def encrypt(secret: str, *, key: str | None = None) -> str:
    """Encrypt with a key derived from FIRSTLINE_SECRET_KEY (or from `key`); the empty string stays empty."""
    return _fernet(key).encrypt(secret.encode()).decode() if secret else ""


def decrypt(stored: str, *, key: str | None = None) -> str:
    """The secret again. `Invalid` when it was encrypted under another FIRSTLINE_SECRET_KEY.

    `key` is that key, for a process that has no Django settings (the gateway).
    """
    if not stored:
        return ""
    try:
        return _fernet(key).decrypt(stored.encode()).decode()
    except InvalidToken as error:
        raise Invalid(
            "A stored secret can't be read: FIRSTLINE_SECRET_KEY is not the one it was stored under. "
            "Restore that key, or enter the secret again."
        ) from error


def _fernet(key: str | None = None) -> Fernet:
    secret = settings.SECRET_KEY if key is None else key
    digest = hashlib.sha256(b"firstline.secrets:" + secret.encode()).digest()
    return Fernet(base64.urlsafe_b64encode(digest))
