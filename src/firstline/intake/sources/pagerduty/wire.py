"""Events API v2 as documented by PagerDuty (alert events and change events), and v1 in its terms.

Only what decides is typed; the rest may be anything, because a sender's slip in a detail must not lose
the event.
"""

from typing import Any

import msgspec

HOSTS = ("host", "hostname", "instance", "HOSTNAME", "source")


class Payload(msgspec.Struct, frozen=True):
    summary: Any = None
    source: Any = None
    severity: Any = None
    timestamp: Any = None
    component: Any = None
    group: Any = None
    class_: Any = msgspec.field(default=None, name="class")
    custom_details: Any = None


class Event(msgspec.Struct, frozen=True):
    event_action: str = "trigger"
    dedup_key: Any = None
    payload: Payload | None = None
    links: Any = None
    images: Any = None
    client: Any = None
    client_url: Any = None
    event_type: Any = None  # these five are of version 1
    incident_key: Any = None
    description: Any = None
    details: Any = None
    contexts: Any = None

    @property
    def is_v1(self) -> bool:
        """Whether it is written in the terms of the Events API v1."""
        return self.event_type is not None and self.payload is None

    def as_v2(self) -> "Event":
        """An event of version 1 in the terms of version 2. It knows no severity and names no machine of its own."""
        details = self.details if isinstance(self.details, dict) else {}
        contexts = self.contexts if isinstance(self.contexts, list) else []
        contexts = [each for each in contexts if isinstance(each, dict)]
        return Event(
            event_action=self.event_type if isinstance(self.event_type, str) else "",
            dedup_key=self.incident_key,
            payload=Payload(
                summary=self.description,
                source=next((details[name] for name in HOSTS if details.get(name)), None),
                severity=details.get("severity"),
                custom_details=self.details,
            ),
            links=[each for each in contexts if each.get("type") != "image"],
            images=[each for each in contexts if each.get("type") == "image"],
            client=self.client,
            client_url=self.client_url,
        )
