"""Settings of the installation that administrators change while it runs, with their defaults and meaning."""

from datetime import datetime
from typing import Any

from django.db import transaction

from firstline.core import config_log
from firstline.core.actor import Actor
from firstline.core.errors import Invalid
from firstline.core.models import Setting

# key → (default, what it means). The type of the default is the type of the setting.
SETTINGS: dict[str, tuple[Any, str]] = {
    "name": ("Firstline", "What the portal and mails call this installation"),
    "agents_read_all": (True, "Agents may read incidents of groups they don't belong to"),
    "unknown_senders": (True, "A mail from an unknown address creates a caller"),
    "report_without_account": (True, "The portal takes reports without sign-in, verified by mail"),
    "confirm_window_days": ([3, 3, 3, 3, 3], "Working days after which a resolved P1…P5 closes by silence"),
    "remind_after_days": (1, "Working days after which the caller is reminded once (P1–P3)"),
    "soak_hours": (8, "Working hours after which a resolved incident without a caller closes"),
    "rating_share_percent": (100, "Share of closures for which a rating is asked"),
    "burst_incidents": (3, "Fresh incidents on one service that propose a major incident"),
    "burst_minutes": (30, "Within how many minutes"),
    "enabled_webhook_hosts": ([], "Hosts that webhooks may reach even on private addresses"),
    "enabled_apprise_schemes": ([], "Apprise schemes that people may use"),
    "patience_hours": (
        [1, 4, 12, 48, 120],
        "Work next: hours that P1…P5 without a running target may wait",
    ),
    "boost_minutes": ([240, 60, 0, 0, 0], "Work next: how far P1…P5 move ahead"),
    "ola_stalled_minutes": (
        0,
        "Working minutes without progress after which an incident goes to the next group (0: never)",
    ),
}


def get(key: str) -> Any:
    """The value in force. `KeyError` for a key that is not in `SETTINGS`."""
    default, _meaning = SETTINGS[key]
    row = Setting.objects.filter(key=key).first()
    return default if row is None else row.value


def get_all() -> dict[str, Any]:
    """Every setting with its value in force, in one query."""
    stored = dict(Setting.objects.values_list("key", "value"))
    return {key: stored.get(key, default) for key, (default, _meaning) in SETTINGS.items()}


@transaction.atomic
def put(key: str, value: Any, *, actor: Actor, now: datetime) -> None:
    """Change one setting; `Invalid` when there is none of this name or the type is another."""
    if key not in SETTINGS:
        raise Invalid(f"There is no setting {key}.", {"key": "unknown"})
    default = SETTINGS[key][0]
    if type(value) is not type(default):
        raise Invalid(f"{key} must be of the kind of {default!r}.", {key: "wrong kind of value"})
    before = get(key)
    Setting.objects.update_or_create(key=key, defaults={"value": value})
    config_log.changed(f"setting {key}", 0, actor=actor, now=now, before={key: before}, after={key: value})
