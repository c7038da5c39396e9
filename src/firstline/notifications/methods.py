"""Contact methods: a person adds a way to be reached, proves that it works, and may drop it."""

import hmac
import secrets
from datetime import datetime, timedelta

from django.db import transaction

from firstline.accounts.models import Person
from firstline.accounts.viewer import viewer_for
from firstline.core import rate
from firstline.core.actor import Actor
from firstline.core.errors import Invalid, NotAllowed, NotFound
from firstline.core.secrets import hash_token
from firstline.notifications.actions import Outgoing, To, send
from firstline.notifications.channels.registry import CHANNELS
from firstline.notifications.claiming import channel_settings
from firstline.notifications.models import ContactMethod, NotificationRule, QuietHours
from firstline.notifications.wording import code_text

CODE_LIVES = timedelta(minutes=15)
TRIES = 5
CODES = rate.Limit("contact-code", 10, timedelta(hours=1))


@transaction.atomic
def add(
    person_id: int, *, channel: str, address: str, actor: Actor, now: datetime, label: str = ""
) -> ContactMethod:
    """Add a way to reach somebody and send a code through it; it counts only once the code came back."""
    _own(person_id, actor)
    if channel not in CHANNELS or channel == "log":
        raise Invalid("There is no such channel.", {"channel": "unknown"})
    address = address.strip()
    settings = channel_settings()[channel][0]
    if settings.get("off"):
        raise Invalid("This channel is switched off here.", {"channel": "off"})
    if wrong := CHANNELS[channel].check(address, settings):
        raise Invalid(wrong, {"address": wrong})
    method, _made = ContactMethod.objects.update_or_create(
        person_id=person_id, channel=channel, address=address, defaults={"label": label, "active": True}
    )
    if method.verified_at is None:
        send_code(method, now=now)
    return method


@transaction.atomic
def send_code(method: ContactMethod, *, now: datetime) -> None:
    """Send a new six-digit code, good for a quarter of an hour. `Invalid` when there were too many: each is a
    message to an address that nobody has proven yet, and five more guesses."""
    if not rate.take(CODES, str(method.person_id), now=now).allowed:
        raise Invalid("That were many codes; wait an hour.", {"address": "too many codes"})
    code = f"{secrets.randbelow(10**6):06}"
    method.code_hash, method.code_expires_at = hash_token(f"{method.id}:{code}"), now + CODE_LIVES
    method.save(update_fields=["code_hash", "code_expires_at"])
    text = code_text(code)
    to = To(person_id=method.person_id, method_id=method.id, channel=method.channel, address=method.address)
    outgoing = Outgoing(
        kind="account",
        subject=text.subject,
        body=text.body,
        key=f"code:{method.id}:{method.code_hash[:12]}",
        to=[to],
        subject_type="contact_method",
        subject_id=method.id,
        urgency="high",
        give_up_after=CODE_LIVES,
    )
    send([outgoing], now=now)


def verify(method_id: int, code: str, *, actor: Actor, now: datetime) -> ContactMethod:
    """The code came back. `Invalid` when it is wrong or old; each wrong one takes a fifth of its life."""
    with transaction.atomic():
        method = _found(method_id, actor)
        if method.code_expires_at is None or method.code_expires_at <= now:
            raise Invalid("This code has expired; ask for a new one.", {"code": "expired"})
        right = hmac.compare_digest(hash_token(f"{method.id}:{code.strip()}"), method.code_hash)
        if right:
            method.verified_at, method.code_hash, method.code_expires_at = now, "", None
        else:
            method.code_expires_at -= CODE_LIVES / TRIES
        method.save(update_fields=["verified_at", "code_hash", "code_expires_at"])
    if not right:
        raise Invalid("That is not the code that was sent.", {"code": "wrong"})
    return method


@transaction.atomic
def remove(method_id: int, *, actor: Actor, now: datetime) -> None:
    """Not to be used any more; what was sent through it stays in the ledger."""
    method = _found(method_id, actor)
    NotificationRule.objects.filter(method=method).delete()
    ContactMethod.objects.filter(id=method.id).update(active=False, verified_at=None)


@transaction.atomic
def set_rules(
    person_id: int, urgency: str, rules: list[tuple[int, int]], *, actor: Actor, now: datetime
) -> list[NotificationRule]:
    """Replace a person's rules of one urgency by (method id, minutes after the page), in order."""
    _own(person_id, actor)
    if urgency not in ("high", "low"):
        raise Invalid("Urgency is high or low.", {"urgency": "unknown"})
    own = set(ContactMethod.objects.filter(person_id=person_id, active=True).values_list("id", flat=True))
    if any(method not in own or not 0 <= minutes <= 1440 for method, minutes in rules):
        raise Invalid("A rule names one of your own ways to be reached and 0 to 1440 minutes.")
    NotificationRule.objects.filter(person_id=person_id, urgency=urgency).delete()
    return NotificationRule.objects.bulk_create(
        NotificationRule(person_id=person_id, urgency=urgency, method_id=method, delay_minutes=minutes)
        for method, minutes in rules
    )


@transaction.atomic
def set_quiet_hours(person_id: int, hours: tuple[str, str] | None, *, actor: Actor, now: datetime) -> None:
    """Local times between which low urgency waits; None: never."""
    _own(person_id, actor)
    QuietHours.objects.filter(person_id=person_id).delete()
    if hours is not None:
        QuietHours.objects.create(person_id=person_id, start=hours[0], end=hours[1])


def _own(person_id: int, actor: Actor) -> None:
    if actor.is_human and actor.id != person_id:
        viewer_for(actor).require("people.edit")
    elif not actor.is_human and actor.kind.value == "machine":
        raise NotAllowed("People set up their own ways to be reached.")
    if not Person.objects.filter(id=person_id, is_active=True).exists():
        raise NotFound("There is no such person.")


def _found(method_id: int, actor: Actor) -> ContactMethod:
    method = ContactMethod.objects.select_for_update().filter(id=method_id, active=True).first()
    if method is None:
        raise NotFound("There is no such contact method.")
    _own(method.person_id, actor)
    return method
