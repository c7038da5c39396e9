"""The channels there are."""

from firstline.notifications.channels.apprise import Apprise
from firstline.notifications.channels.base import Channel
from firstline.notifications.channels.email import Email
from firstline.notifications.channels.log import Log
from firstline.notifications.channels.sms import Sms
from firstline.notifications.channels.voice import Voice
from firstline.notifications.channels.webhook import Webhook

CHANNELS: dict[str, Channel] = {
    "email": Email(),
    "webhook": Webhook(),
    "sms": Sms(),
    "voice": Voice(),
    "apprise": Apprise(),
    "log": Log(),
}
