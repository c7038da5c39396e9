"""Everything that Apprise can reach (ntfy, Slack, Teams, SMS gateways …), by its address scheme.

Only the schemes that an administrator enabled; none is by default.
"""

import logging
from collections.abc import Mapping
from urllib.parse import urlsplit

from apprise import Apprise as Library
from apprise import LogCapture, NotifyFormat, NotifyType

from firstline.notifications.channels.base import Envelope, Outcome
from firstline.notifications.channels.hosts import resolve


class Apprise:
    """Apprise says only yes or no; what it logs meanwhile becomes the answer."""

    kind = "apprise"
    timeout = 15

    def send(self, envelope: Envelope) -> Outcome:
        if refused := self.check(envelope.address, envelope.settings):
            return Outcome(False, refused, permanent=True)
        try:
            _check_host(envelope)
        except PermissionError as error:
            return Outcome(False, str(error), permanent=True)
        except OSError as error:
            return Outcome(False, f"{type(error).__name__}: {error}")
        library = Library()
        library.add(envelope.address)
        with LogCapture(level=logging.WARNING, fmt="%(message)s") as captured:  # type: ignore[no-untyped-call]
            ok = library.notify(
                title=envelope.subject,
                body=envelope.body,
                body_format=NotifyFormat.TEXT,
                notify_type=NotifyType.WARNING if envelope.urgency == "high" else NotifyType.INFO,
            )
            said = captured.getvalue().strip()
        return Outcome(bool(ok), said[:500] or ("accepted" if ok else "refused"))

    def check(self, address: str, settings: Mapping[str, object]) -> str:
        scheme = urlsplit(address).scheme
        allowed = settings.get("schemes", ())
        if not scheme:
            return "An address for Apprise begins with its scheme, such as ntfy://"
        if not isinstance(allowed, list | tuple) or scheme not in allowed:
            return f"The scheme {scheme} is not enabled here; an administrator can enable it"
        if Library.instantiate(address, suppress_exceptions=True) is None:
            return f"This is not an address that Apprise understands for {scheme}"
        return ""


def _check_host(envelope: Envelope) -> None:
    """An address that names a host may not lead into the private network, unless the host is enabled."""
    hosts = envelope.settings.get("hosts", ())
    enabled = [str(host) for host in hosts] if isinstance(hosts, list | tuple) else []
    plugin = Library.instantiate(envelope.address, suppress_exceptions=True)
    host = getattr(plugin, "host", None)
    if not isinstance(host, str) or not host:
        return
    host = host.removeprefix("[").removesuffix("]")
    try:
        resolve(host, getattr(plugin, "port", None) or 443, enabled)
    except OSError as error:
        # PermissionError: it leads inside. Else a word without dots may be a topic or a token, which is no
        # host.
        if isinstance(error, PermissionError) or "." in host:
            raise
