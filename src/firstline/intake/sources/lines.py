"""The front of formats whose shippers post one JSON document, an array, or one document a line (NDJSON)."""

from typing import Any, ClassVar

import msgspec

from .base import IntakeRequest, NotTheContainer, decode
from .webhook import WebhookFront

NDJSON = ("application/x-ndjson", "application/jsonl", "application/stream+json")


class LinesFront(WebhookFront):
    """Takes JSON objects however many and however listed; what is in them is the parser's business."""

    container: ClassVar[Any] = dict[str, msgspec.Raw] | list[msgspec.Raw]

    def check(self, request: IntakeRequest) -> None:
        lines = [line for line in request.body.splitlines() if line.strip()]
        if len(lines) > 1 and request.content_type.lower().startswith(NDJSON):
            _check_lines(lines)
            return
        try:
            super().check(request)
        except NotTheContainer as error:
            if len(lines) < 2:
                raise
            try:
                _check_lines(lines)
            except NotTheContainer:
                raise error from None


def _check_lines(lines: list[bytes]) -> None:
    for number, line in enumerate(lines, 1):
        try:
            decode(line, dict[str, msgspec.Raw])
        except NotTheContainer as error:
            raise NotTheContainer(f"line {number}: {error}") from None
