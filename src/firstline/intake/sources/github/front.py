"""GitHub's webhooks, signed with X-Hub-Signature-256: https://docs.github.com/webhooks/webhook-events-and-payloads

`application/x-www-form-urlencoded` is GitHub's own default; the JSON stands in its field `payload`.
"""

import msgspec

from ..base import IntakeRequest
from ..signing import SignedFront
from ..textual import TextOr


class GitHubFront(TextOr, SignedFront):
    kind = "github"
    header = b"x-hub-signature-256"
    prefix = "sha256="
    container = dict[str, msgspec.Raw]
    kept_headers = (b"x-github-event", b"x-github-delivery")

    def check(self, request: IntakeRequest) -> None:
        self.check_text_or(request, super().check)
