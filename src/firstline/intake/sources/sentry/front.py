"""Sentry's internal integrations, signed with their client secret: https://docs.sentry.io/integrations/integration-platform/webhooks/

The legacy webhook plugin signs nothing: a source that it sends to has no secret.
"""

from ..signing import SignedFront


class SentryFront(SignedFront):
    kind = "sentry"
    header = b"sentry-hook-signature"
    kept_headers = (b"sentry-hook-resource", b"sentry-hook-timestamp")
