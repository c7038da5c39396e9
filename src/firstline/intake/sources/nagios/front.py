"""What the command script of Firstline posts from Nagios, Icinga, Naemon or Checkmk, and lines of Nagios' own log.

The script itself is served to whoever has the source's token, so that a monitoring server fetches what fits.
"""

from importlib.resources import files

import msgspec

from ..base import Admission, IntakeRequest, SourceInfo
from ..webhook import WebhookFront
from .log import LINE

SCRIPT = files(__package__).joinpath("firstline-notify").read_bytes()
SCRIPT_HEADERS = (
    (b"content-type", b"text/x-python; charset=utf-8"),
    (b"content-disposition", b'attachment; filename="firstline-notify"'),
    (b"x-content-type-options", b"nosniff"),
)


class NagiosFront(WebhookFront):
    kind = "nagios"
    container = dict[str, msgspec.Raw] | list[msgspec.Raw]
    endpoints = {"": ("POST", "PUT"), "/firstline-notify": ("GET", "HEAD")}

    def admit(self, request: IntakeRequest, source: SourceInfo) -> Admission:
        if request.path == "/firstline-notify":
            return Admission(status=200, headers=SCRIPT_HEADERS, body=SCRIPT)
        return super().admit(request, source)

    def check(self, request: IntakeRequest) -> None:
        """JSON, or text whose first line is one of Nagios' log."""
        if not LINE.match(request.body[:512].lstrip().decode("utf-8", "replace")):
            super().check(request)
