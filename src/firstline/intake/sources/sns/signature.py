"""The signature of an SNS message: RSA over chosen fields, SHA-1 in version 1, SHA-256 in version 2.

https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
"""

import base64
import binascii
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from .wire import CONFIRMATIONS, Message

NOTIFICATION_FIELDS = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
CONFIRMATION_FIELDS = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")


def is_signed(message: Message, certificate: str) -> bool:
    """Whether `certificate` (PEM) signed this message. False also for what cannot be checked."""
    key = _public_key(certificate)
    if key is None:
        return False
    # Amazon's version 1 is SHA-1; a topic chooses version 2 by its attribute SignatureVersion
    algorithm = hashes.SHA256() if str(message.SignatureVersion) == "2" else hashes.SHA1()  # noqa: S303
    try:
        signature = base64.b64decode(str(message.Signature), validate=True)
        key.verify(signature, signed_text(message), padding.PKCS1v15(), algorithm)
    except (binascii.Error, InvalidSignature, ValueError):
        return False
    return True


def signed_text(message: Message) -> bytes:
    """The fields that are signed, each as name and value on lines of their own; a missing Subject is left out."""
    names = CONFIRMATION_FIELDS if message.Type in CONFIRMATIONS else NOTIFICATION_FIELDS
    values = [(name, getattr(message, name)) for name in names]
    return "".join(f"{name}\n{value}\n" for name, value in values if value is not None).encode(
        "utf-8", "replace"
    )


@lru_cache(maxsize=64)
def _public_key(certificate: str) -> rsa.RSAPublicKey | None:
    try:
        key = x509.load_pem_x509_certificate(certificate.encode()).public_key()
    except ValueError:
        return None
    return key if isinstance(key, rsa.RSAPublicKey) else None
