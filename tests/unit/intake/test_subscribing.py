"""Amazon SNS: who is believed, what is confirmed and where, and what waits until its signature can be checked."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from firstline.intake import subscribing
from firstline.intake.models import Source
from firstline.intake.sources.base import IntakeRequest, SourceInfo
from firstline.intake.sources.registry import FRONTS
from firstline.intake.sources.sns.signature import signed_text
from firstline.intake.sources.sns.wire import Message, confirmation_address, is_certificate_address
from firstline.intake.subscribing import Unreachable, fetch, look_after
from tests.unit.intake.inboxes import Inbox

TOPIC = "arn:aws:sns:eu-central-1:111122223333:alarms"
ADDRESS = "https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-00aa.pem"
TOKEN = "ab" * 60


class Amazon:
    """Signs as SNS does, and answers as its hosts would."""

    def __init__(self) -> None:
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
        made = datetime(2026, 1, 1, tzinfo=UTC)
        builder = (
            x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(self.key.public_key())
        )
        builder = builder.serial_number(1).not_valid_before(made).not_valid_after(made + timedelta(days=3650))
        self.pem = builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        self.asked: list[str] = []
        self.away = False

    def get(self, address: str) -> bytes:
        self.asked.append(address)
        if self.away:
            raise Unreachable("sns.eu-central-1.amazonaws.com: timed out")
        return self.pem if address == ADDRESS else b"<ConfirmSubscriptionResponse/>"

    def signed(self, version: str = "2", **fields: Any) -> dict[str, Any]:
        message = {"TopicArn": TOPIC, "MessageId": "m", "Timestamp": "2026-11-23T09:00:00Z", **fields}
        algorithm = hashes.SHA256() if version == "2" else hashes.SHA1()
        text = signed_text(Message(**message))
        signature = self.key.sign(text, padding.PKCS1v15(), algorithm)
        extra = {"SignatureVersion": version, "Signature": base64.b64encode(signature).decode()}
        return {**message, **extra, "SigningCertURL": message.get("SigningCertURL", ADDRESS)}

    def confirmation(self, **fields: Any) -> dict[str, Any]:
        said = {"Type": "SubscriptionConfirmation", "Token": TOKEN, "Message": "You have chosen …"}
        return self.signed(**{**said, "SubscribeURL": "https://evil.example/confirm", **fields})

    def notification(self, **fields: Any) -> dict[str, Any]:
        alarm = {"AlarmName": "CPU", "NewStateValue": "ALARM", "AlarmArn": "arn:aws:cloudwatch:x:1:alarm:CPU"}
        return self.signed(**{"Type": "Notification", "Message": json.dumps(alarm), **fields})


@pytest.fixture(scope="module")
def amazon() -> Amazon:
    return Amazon()


def admit(body: object, *, headers: dict[bytes, bytes] | None = None, **settings: Any) -> Any:
    request = IntakeRequest(
        id="0" * 32, method="POST", path="", headers={b"content-type": b"text/plain; charset=UTF-8", **(headers or {})},
        body=body if isinstance(body, bytes) else json.dumps(body).encode(),
    )  # fmt: skip
    return FRONTS["sns"].admit(request, SourceInfo(id=7, kind="sns", settings=settings))


@pytest.mark.parametrize("version", ["1", "2"])
def test_a_right_signature_is_stored_and_a_wrong_one_is_not(amazon: Amazon, version: str) -> None:
    known = {"certificates": {ADDRESS: amazon.pem.decode()}}
    message = amazon.notification(version=version)
    assert (admit(message, **known).status, len(admit(message, **known).rows)) == (200, 1)
    for name in ("Message", "MessageId", "Timestamp", "TopicArn"):
        refused = admit({**message, name: message[name] + "x"}, **known)
        assert (refused.status, refused.rows) == (403, ()) and b"signature" in refused.body
    assert admit({**message, "Signature": "?"}, **known).status == 403


@pytest.mark.parametrize(
    "address",
    [
        "http://sns.eu-central-1.amazonaws.com/SimpleNotificationService-00aa.pem",
        "https://sns.eu-central-1.amazonaws.com.evil.example/SimpleNotificationService-00aa.pem",
        "https://sns.eu-central-1.amazonaws.com@evil.example/SimpleNotificationService-00aa.pem",
        "https://evil.example/SimpleNotificationService-00aa.pem",
        "https://sns.eu-central-1.amazonaws.com:8443/SimpleNotificationService-00aa.pem",
        "https://sns.eu-central-1.amazonaws.com/other.pem",
        "https://sns.eu-central-1.amazonaws.com/x/../SimpleNotificationService-00aa.pem",
        "https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-00aa.pem?x=1",
        "https://s3.eu-central-1.amazonaws.com/SimpleNotificationService-00aa.pem",
        "https://[::1",
        "",
    ],
)
def test_a_certificate_from_elsewhere_is_refused(amazon: Amazon, address: str) -> None:
    assert not is_certificate_address(address)
    refused = admit(amazon.notification(SigningCertURL=address))
    assert (refused.status, refused.rows) == (403, ())


def test_the_address_that_confirms_is_made_here() -> None:
    made = confirmation_address(TOPIC, TOKEN)
    assert made is not None and made.startswith(
        "https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription&"
    )
    china = confirmation_address("arn:aws-cn:sns:cn-north-1:111122223333:a", TOKEN)
    assert china is not None and china.startswith("https://sns.cn-north-1.amazonaws.com.cn/")
    for topic, token in (
        (TOPIC + "&x=1", TOKEN),
        ("arn:aws:sns:evil.example/:1:a", TOKEN),
        (TOPIC, "a&b"),
        ("", ""),
    ):
        assert confirmation_address(topic, token) is None


def test_the_network_is_only_asked_for_amazon() -> None:
    with pytest.raises(Unreachable, match="not an address"):
        fetch("https://127.0.0.1/SimpleNotificationService-00aa.pem")


def test_raw_delivery_has_to_be_allowed() -> None:
    raw = {b"x-amz-sns-rawdelivery": b"true"}
    alarm = {"AlarmName": "CPU", "NewStateValue": "OK"}
    assert admit(alarm, headers=raw).status == 403
    admission = admit(alarm, headers=raw, unsigned=True)
    assert admission.status == 200 and admission.rows[0].headers == {"x-amz-sns-rawdelivery": "true"}
    assert admit({"detail-type": "x", "detail": {}}).status == 403


def test_a_subscription_is_confirmed_with_amazon_and_nobody_else(inbox: Inbox, amazon: Amazon) -> None:
    source = inbox.source("sns")
    amazon.asked.clear()
    inbox.put(source, amazon.confirmation(), kind="handshake")
    inbox.drain()
    assert not inbox.spans(source)
    assert look_after(inbox.now, get=amazon.get) == 1
    assert amazon.asked == [ADDRESS, confirmation_address(TOPIC, TOKEN)]
    kept = Source.objects.get(id=source.id).settings
    assert kept["subscriptions"][TOPIC]["state"] == "confirmed" and ADDRESS in kept["certificates"]
    look_after(inbox.pass_time(minutes=1), get=amazon.get)
    assert len(amazon.asked) == 2


def test_a_forged_request_confirms_nothing(inbox: Inbox, amazon: Amazon) -> None:
    source = inbox.source("sns")
    amazon.asked.clear()
    inbox.put(
        source, {**amazon.confirmation(), "TopicArn": TOPIC.replace("alarms", "mine")}, kind="handshake"
    )
    inbox.put(
        source, {**amazon.confirmation(), "SigningCertURL": "https://evil.example/x.pem"}, kind="handshake"
    )
    inbox.drain()
    assert look_after(inbox.now, get=amazon.get) == 0
    assert amazon.asked == [ADDRESS]


def test_while_amazon_is_away_it_is_asked_again(inbox: Inbox, amazon: Amazon) -> None:
    source = inbox.source("sns")
    amazon.away = True
    try:
        inbox.put(source, amazon.confirmation(), kind="handshake")
        assert look_after(inbox.now, get=amazon.get) == 0
        assert look_after(inbox.pass_time(minutes=10), get=amazon.get) == 0
        waiting = Source.objects.get(id=source.id).settings["subscriptions"][TOPIC]
        assert waiting["state"] == "waiting" and "timed out" in waiting["why"]
    finally:
        amazon.away = False
    assert look_after(inbox.pass_time(minutes=10), get=amazon.get) == 1


def test_what_cannot_be_checked_yet_waits_and_is_read_then(inbox: Inbox, amazon: Amazon) -> None:
    source = inbox.source("sns")
    inbox.put(source, amazon.notification())
    inbox.drain()
    assert [row[0] for row in inbox.rows(source)] == ["failed"]
    assert look_after(inbox.now, get=amazon.get) == 1
    inbox.drain()
    assert [row[0] for row in inbox.rows(source)] == ["done"]
    assert "CPU" in [span.title for span in inbox.spans(source)]


def test_a_forgery_that_waited_is_never_read(inbox: Inbox, amazon: Amazon) -> None:
    source = inbox.source("sns")
    inbox.put(
        source,
        {**amazon.notification(), "Message": json.dumps({"AlarmName": "Forged", "NewStateValue": "ALARM"})},
    )
    inbox.drain()
    look_after(inbox.now, get=amazon.get)
    inbox.drain()
    ((state, error, _),) = inbox.rows(source)
    assert (state, "signature" in error) == ("failed", True)
    assert "Forged" not in [span.title for span in inbox.spans(source)]


def test_certificates_are_bounded_in_number() -> None:
    known = {f"{ADDRESS}{number}": "x" for number in range(subscribing.MOST_CERTIFICATES + 5)}
    message = Message(SigningCertURL=ADDRESS)
    assert subscribing._certificate(message, known, Amazon().get) == ""
    assert len(known) == subscribing.MOST_CERTIFICATES and ADDRESS in known
