"""The channels of an installation: on or off, with what settings, behind which secret."""

import base64
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django.db import transaction

from firstline.accounts.models import Person
from firstline.accounts.viewer import viewer_for
from firstline.core import config_log
from firstline.core.actor import Actor
from firstline.core.errors import Invalid
from firstline.core.secrets import encrypt
from firstline.notifications.actions import Outgoing, To, send
from firstline.notifications.channels.registry import CHANNELS
from firstline.notifications.channels.telephony import check_number
from firstline.notifications.claiming import channel_settings
from firstline.notifications.models import ChannelSetting, Message

TELEPHONY = ("sms", "voice")
CONFIGURED = ("email", "webhook", "apprise", *TELEPHONY)


@dataclass(frozen=True, slots=True, kw_only=True)
class Telephony:
    """Settings of the sms and voice channels; an empty `base` is Twilio's own address."""

    account: str
    number: str
    base: str = ""

    def as_settings(self) -> dict[str, Any]:
        return {"account": self.account.strip(), "from": self.number.strip(), "base": self.base.strip()}


@transaction.atomic
def set_up_telephony(
    channel: str, settings: Telephony, *, actor: Actor, now: datetime, token: str = ""
) -> ChannelSetting:
    """Connect sms or voice with a provider. An empty `token` keeps the one there is."""
    viewer_for(actor).require("configuration.edit")
    if channel not in TELEPHONY:
        raise Invalid("Only text messages and calls have a provider.", {"channel": "unknown"})
    if wrong := check_number(settings.number.strip()):
        raise Invalid(wrong, {"number": wrong})
    base = urlsplit(settings.base.strip())
    if settings.base.strip() and (base.scheme not in ("http", "https") or not base.hostname):
        raise Invalid("A provider's address begins with https://", {"base": "not an address"})
    row = _row(channel)
    if not token.strip() and not row.secret:
        raise Invalid("The provider's token is needed.", {"token": "needed"})
    return _keep(row, settings.as_settings(), token.strip(), actor, now)


@transaction.atomic
def new_webhook_secret(*, actor: Actor, now: datetime) -> str:
    """Sign webhooks from now on, with a new secret that is returned once (Standard Webhooks: `whsec_` and base64)."""
    viewer_for(actor).require("configuration.edit")
    text = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    row = _row("webhook")
    _keep(row, row.settings, text, actor, now)
    return text


@transaction.atomic
def switch(channel: str, on: bool, *, actor: Actor, now: datetime) -> None:
    """Offer a channel to people, or no longer."""
    viewer_for(actor).require("configuration.edit")
    if channel not in CONFIGURED:
        raise Invalid("There is no such channel.", {"channel": "unknown"})
    row = _row(channel)
    before = _facts(row)
    row.enabled = on
    row.save()
    config_log.changed(f"channel {channel}", 0, actor=actor, now=now, before=before, after=_facts(row))


@transaction.atomic
def try_out(channel: str, address: str, *, actor: Actor, now: datetime) -> Message:
    """Send one test message; what came of it is in the list of last deliveries."""
    viewer_for(actor).require("configuration.edit")
    settings, _secret = channel_settings()[channel] if channel in CHANNELS else ({}, "")
    wrong = (
        CHANNELS[channel].check(address.strip(), settings)
        if channel in CHANNELS
        else "There is no such channel."
    )
    if wrong:
        raise Invalid(wrong, {"address": wrong})
    person = Person.objects.filter(id=actor.id).first() if actor.id is not None and actor.is_human else None
    told = send(
        [
            Outgoing(
                kind="test",
                subject="Test from Firstline",
                body="This is a test. Nothing has happened.\n",
                key=f"test:{channel}:{now.timestamp()}",
                to=[To(channel=channel, address=address.strip(), person_id=person.id if person else None)],
                subject_type="channel",
                urgency="high",
            )
        ],
        now=now,
    )
    return told[0]


def _row(channel: str) -> ChannelSetting:
    found = ChannelSetting.objects.select_for_update().filter(channel=channel).first()
    return found or ChannelSetting(channel=channel)


def _keep(
    row: ChannelSetting, settings: Mapping[str, Any], secret: str, actor: Actor, now: datetime
) -> ChannelSetting:
    before = _facts(row)
    row.settings = dict(settings)
    if secret:
        row.secret = encrypt(secret)
    row.save()
    after = _facts(row) | ({"secret": "renewed"} if secret else {})
    config_log.changed(f"channel {row.channel}", 0, actor=actor, now=now, before=before, after=after)
    return row


def _facts(row: ChannelSetting) -> dict[str, Any]:
    return {"enabled": row.enabled, **row.settings}
