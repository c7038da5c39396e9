"""Amazon SNS (CloudWatch alarms and whatever else publishes to a topic), and EventBridge's API destinations.

Each message is signed. The certificate is fetched later by a job, from Amazon's own addresses only, and kept with
the source (`settings.certificates`); where it is here, the signature is checked before anything is stored. A message
whose certificate isn't here yet is stored and read only after its signature was found right. Requests without any
signature (raw message delivery, EventBridge) are taken only where the source's setting `unsigned` says so.
"""

import msgspec

from ..base import Admission, IntakeRequest, NotTheContainer, Refusal, SourceInfo, decode
from ..webhook import WebhookFront
from .signature import is_signed
from .wire import CONFIRMATIONS, NOTIFICATION, Message, is_certificate_address

HANDSHAKE = "handshake"


class SnsFront(WebhookFront):
    kind = "sns"
    container = dict[str, msgspec.Raw]
    kept_headers = (b"x-amz-sns-message-type", b"x-amz-sns-topic-arn", b"x-amz-sns-rawdelivery")

    def admit(self, request: IntakeRequest, source: SourceInfo) -> Admission:
        try:
            message = self._message(request)
        except NotTheContainer as error:
            return self.refuse(Refusal(status=400, message=str(error)))
        if wrong := complaint(message, source):
            return self.refuse(Refusal(status=403, message=wrong))
        kind = HANDSHAKE if message.Type in CONFIRMATIONS else "alert"
        accepted = msgspec.json.encode({"status": "accepted", "id": request.id})
        return Admission(status=self.success, body=accepted, rows=(self.row(request, source, kind=kind),))

    def _message(self, request: IntakeRequest) -> Message:
        """SNS says text/plain and sends JSON; raw delivery may send any text."""
        if b"x-amz-sns-rawdelivery" in request.headers:
            try:
                request.body.decode("utf-8")
            except UnicodeDecodeError as error:
                raise NotTheContainer(f"invalid UTF-8 at byte {error.start}") from None
            if not request.body:
                raise NotTheContainer("the body is empty")
            return Message()
        decode(request.body, self.container)
        return decode(request.body, Message)


def complaint(message: Message, source: SourceInfo) -> str:
    """Why a message is refused; nothing when it may be stored."""
    if message.Type not in (NOTIFICATION, *CONFIRMATIONS):
        if source.settings.get("unsigned") is True:
            return ""
        return "only messages that Amazon SNS signed are taken here; raw delivery and EventBridge have to be allowed"
    if not is_certificate_address(message.certificate):
        return "SigningCertURL is not an address of Amazon SNS"
    topic = source.settings.get("topic")
    if topic and message.TopicArn != topic:
        return "this source takes another topic"
    known = source.settings.get("certificates")
    certificate = known.get(message.certificate) if isinstance(known, dict) else None
    if certificate and not is_signed(message, str(certificate)):
        return "the signature of this message is wrong"
    return ""
