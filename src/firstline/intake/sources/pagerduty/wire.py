"""Events API v2 as documented by PagerDuty: alert events and change events.

Only what decides is typed; the rest may be anything, because a sender's slip in a detail must not lose
the event.
"""

from typing import Any

import msgspec


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
