"""For tools whose messages may be text or a form instead of JSON."""

from collections.abc import Callable

from .base import IntakeRequest, NotTheContainer

TEXT = ("text/", "application/x-www-form-urlencoded")


class TextOr:
    """Accepts any UTF-8 that is not empty where the content type says text or form, else what the format says."""

    def check_text_or(self, request: IntakeRequest, otherwise: Callable[[IntakeRequest], None]) -> None:
        """Raises NotTheContainer."""
        if not request.content_type.lower().startswith(TEXT):
            otherwise(request)
            return
        if not request.body:
            raise NotTheContainer("the body is empty")
        try:
            request.body.decode("utf-8")
        except UnicodeDecodeError as error:
            raise NotTheContainer(f"invalid UTF-8 at byte {error.start}") from None
