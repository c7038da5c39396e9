"""What Amazon SNS posts, and which of its addresses may be believed.

https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html
"""

import re
from typing import Any
from urllib.parse import urlsplit

import msgspec

REGION = r"[a-z]{2}(?:-[a-z]+){1,3}-\d"
HOST = re.compile(rf"sns\.({REGION})\.amazonaws\.com(?:\.cn)?")
CERTIFICATE = re.compile(r"/SimpleNotificationService-[0-9a-zA-Z-]{1,80}\.pem")
TOPIC = re.compile(rf"arn:aws(?:-cn|-us-gov)?:sns:({REGION}):\d{{10,12}}:[A-Za-z0-9_-]{{1,256}}(?:\.fifo)?")
TOKEN = re.compile(r"[0-9a-f]{32,1024}")
NOTIFICATION = "Notification"
CONFIRMATIONS = ("SubscriptionConfirmation", "UnsubscribeConfirmation")


class Message(msgspec.Struct, frozen=True):
    """An SNS message; raw delivery has none of this, but the header `x-amz-sns-rawdelivery`."""

    Type: Any = None
    MessageId: Any = None
    TopicArn: Any = None
    Subject: Any = None
    Message: Any = None
    Timestamp: Any = None
    Token: Any = None
    SubscribeURL: Any = None
    SignatureVersion: Any = None
    Signature: Any = None
    SigningCertURL: Any = None
    SigningCertUrl: Any = None  # as Lambda spells it, and those who forward from there

    @property
    def certificate(self) -> str:
        """Where its certificate is said to be."""
        found = self.SigningCertURL or self.SigningCertUrl
        return found if isinstance(found, str) else ""


def is_certificate_address(address: str) -> bool:
    """Whether this is where Amazon keeps the certificates that SNS signs with: nothing else is ever asked for one."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return (
        parts.scheme == "https"
        and HOST.fullmatch(parts.netloc) is not None
        and CERTIFICATE.fullmatch(parts.path) is not None
        and not parts.query
        and not parts.fragment
    )


def confirmation_address(topic: str, token: str) -> str | None:
    """Where a subscription to `topic` is confirmed, made of the topic's own region; None where either is malformed.

    The address in the message is not used: it would be one that the sender chose.
    """
    found = TOPIC.fullmatch(topic)
    if found is None or TOKEN.fullmatch(token) is None:
        return None
    end = ".cn" if topic.startswith("arn:aws-cn:") else ""
    host = f"sns.{found[1]}.amazonaws.com{end}"
    return f"https://{host}/?Action=ConfirmSubscription&TopicArn={topic}&Token={token}&AuthenticateOnUnsubscribe=true"
