"""The front of every format whose tool posts JSON to an address of our choice and reads only the status."""

from typing import Any, ClassVar

import msgspec

from .base import Admission, Front, IntakeRequest, NotTheContainer, Refusal, SourceInfo, answer, decode


class WebhookFront(Front):
    """Takes any JSON object (or what `container` says); its shape is the parser's business."""

    container: ClassVar[Any] = dict[str, msgspec.Raw]
    success: ClassVar[int] = 200

    def admit(self, request: IntakeRequest, source: SourceInfo) -> Admission:
        try:
            self.check(request)
        except NotTheContainer as error:
            return self.refuse(Refusal(status=400, message=str(error)))
        accepted = {"status": "accepted", "id": request.id}
        return answer(self.success, accepted, self.row(request, source))

    def check(self, request: IntakeRequest) -> None:
        """Raises NotTheContainer."""
        decode(request.body, self.container)
