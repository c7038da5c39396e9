"""CEF or LEEF lines over HTTP, as text or within JSON."""

from ..text import TextFront


class CefFront(TextFront):
    kind = "cef"
    security = True
