"""Amazon SNS, from our side: certificates are fetched, subscriptions confirmed, and what waited is read again.

Runs in a background job, because it speaks to the network. It speaks to Amazon's own hosts only: the address of a
certificate must be one of SNS, and the address that confirms is made here of the topic's region, never taken from the
message. A confirmation is sent only for a message whose signature is right.
"""

import http.client
import ssl
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import structlog
from cryptography import x509
from django.db import connection, transaction

from firstline.core import config_log, live
from firstline.core.actor import Actor
from firstline.intake.models import Source
from firstline.intake.sources.parsing import ParseError, decode_as
from firstline.intake.sources.sns.front import HANDSHAKE
from firstline.intake.sources.sns.parse import UNCHECKED
from firstline.intake.sources.sns.signature import is_signed
from firstline.intake.sources.sns.wire import (
    CONFIRMATIONS,
    HOST,
    Message,
    confirmation_address,
    is_certificate_address,
)

KIND = "sns"
TIMEOUT = 10.0
LARGEST = 64 * 1024
OVERLAP = timedelta(minutes=5)  # a row may become visible a little after its instant
GOOD_FOR = timedelta(days=3)  # Amazon's own limit of a confirmation's token
MOST_CERTIFICATES = 10
MOST_ROWS = 50
ACTOR = Actor.system("sns")
HANDSHAKES = """
SELECT received_at, body FROM inbox
WHERE source_id = %s AND received_at > %s AND kind = %s ORDER BY received_at LIMIT %s
"""
WAITING = """
SELECT body FROM inbox WHERE source_id = %s AND state = 'failed' AND starts_with(error, %s) ORDER BY id LIMIT %s
"""
AGAIN = """
UPDATE inbox SET state = 'new', error = '', attempts = 0
WHERE source_id = %s AND state = 'failed' AND starts_with(error, %s)
"""
Fetch = Callable[[str], bytes]
log = structlog.get_logger(__name__)


class Unreachable(Exception):
    """Amazon could not be asked, or said no; the text is for the person who set the source up."""


def fetch(address: str) -> bytes:
    """The body at an address of Amazon SNS. Raises Unreachable; redirects are not followed."""
    parts = urlsplit(address)
    if parts.scheme != "https" or HOST.fullmatch(parts.netloc) is None:
        raise Unreachable("not an address of Amazon SNS")
    link = http.client.HTTPSConnection(parts.netloc, timeout=TIMEOUT, context=ssl.create_default_context())
    try:
        link.request("GET", parts.path + (f"?{parts.query}" if parts.query else ""))
        answer = link.getresponse()
        body = answer.read(LARGEST)
    except (OSError, http.client.HTTPException) as error:
        raise Unreachable(f"{parts.netloc}: {type(error).__name__}: {error}") from error
    finally:
        link.close()
    if answer.status != 200:
        raise Unreachable(f"{parts.netloc} answered {answer.status}")
    return body


def look_after(now: datetime, *, get: Fetch = fetch) -> int:
    """Do what is to be done for every source of SNS; returns how many things were."""
    return sum(
        _one(source, now, get) for source in Source.objects.filter(kind=KIND, enabled=True).order_by("id")
    )


def _one(source: Source, now: datetime, get: Fetch) -> int:
    before = dict(source.settings)
    after = {**before, "certificates": dict(before.get("certificates") or {})}
    subscriptions = {**(before.get("subscriptions") or {})}
    since = _instant(before.get("looked_at"), now - GOOD_FOR)
    for message, at in _handshakes(source.id, max(since - OVERLAP, now - GOOD_FOR)):
        topic, known = str(message.TopicArn), subscriptions.get(str(message.TopicArn), {})
        if known.get("state") == "confirmed" and known.get("at", "") >= at.isoformat():
            continue
        if message.Type in CONFIRMATIONS[:1] and known.get("token") != message.Token:
            subscriptions[topic] = {
                "state": "waiting",
                "at": at.isoformat(),
                "token": str(message.Token),
                "why": "",
            }
            subscriptions[topic] |= _checked(message, after, get)
    done = 0
    for topic, each in subscriptions.items():
        if each.get("state") == "waiting" and each.get("checked"):
            subscriptions[topic] = {**each, **_confirmed(topic, each, now, get)}
            done += subscriptions[topic]["state"] == "confirmed"
    for message in _unchecked(source.id):
        _certificate(message, after["certificates"], get)
    unread = any(
        each.get("state") == "waiting" and not each.get("checked") for each in subscriptions.values()
    )
    after |= {"subscriptions": subscriptions, "looked_at": (since if unread else now).isoformat()}
    _keep(source.id, after, now)
    return done + _read_again(source.id, before, after)


def _checked(message: Message, settings: dict[str, Any], get: Fetch) -> dict[str, Any]:
    """What is known about a request to confirm, once its signature was looked at."""
    wanted = settings.get("topic")
    if wanted and message.TopicArn != wanted:
        return {"state": "refused", "why": "another topic"}
    why = _certificate(message, settings["certificates"], get)
    if why:
        return {"state": "waiting", "token": "", "why": why}  # asked again at the next look
    if not is_signed(message, settings["certificates"][message.certificate]):
        return {"state": "refused", "why": "the signature is wrong"}
    return {"checked": True}


def _certificate(message: Message, known: dict[str, str], get: Fetch) -> str:
    """Fetch the message's certificate unless it is `known`; why that failed, or nothing."""
    address = message.certificate
    if address in known:
        return ""
    if not is_certificate_address(address):
        return "the certificate's address is not one of Amazon SNS"
    try:
        text = get(address).decode("ascii", "replace")
        x509.load_pem_x509_certificate(text.encode())
    except (Unreachable, ValueError) as error:
        log.warning("sns.certificate", address=address, error=str(error))
        return str(error)
    known[address] = text
    for oldest in list(known)[:-MOST_CERTIFICATES]:
        del known[oldest]
    return ""


def _confirmed(topic: str, known: dict[str, Any], now: datetime, get: Fetch) -> dict[str, Any]:
    address = confirmation_address(topic, str(known.get("token")))
    if address is None:
        return {"state": "refused", "why": "the topic or the token is malformed"}
    if _instant(known.get("at"), now) < now - GOOD_FOR:
        return {"state": "refused", "why": "the token has run out; subscribe again"}
    try:
        get(address)
    except Unreachable as error:
        log.warning("sns.confirmation", topic=topic, error=str(error))
        return {"why": str(error)}
    return {"state": "confirmed", "at": now.isoformat(), "why": ""}


def _handshakes(source_id: int, since: datetime) -> Iterator[tuple[Message, datetime]]:
    with connection.cursor() as cursor:
        cursor.execute(HANDSHAKES, [source_id, since, HANDSHAKE, MOST_ROWS])
        rows = cursor.fetchall()
    for at, body in rows:
        if (message := _message(bytes(body))) is not None:
            yield message, at


def _unchecked(source_id: int) -> list[Message]:
    with connection.cursor() as cursor:
        cursor.execute(WAITING, [source_id, UNCHECKED, MOST_ROWS])
        return [found for (body,) in cursor.fetchall() if (found := _message(bytes(body))) is not None]


def _message(body: bytes) -> Message | None:
    try:
        return decode_as(body, Message)
    except ParseError:
        return None


def _keep(source_id: int, settings: dict[str, Any], now: datetime) -> None:
    """Write what was learned beside what a person may have changed meanwhile."""
    mine = ("certificates", "subscriptions", "looked_at")
    with transaction.atomic():
        source = Source.objects.select_for_update().filter(id=source_id).first()
        if source is None:
            return
        before = _counted(source.settings)
        source.settings = {**source.settings, **{name: settings[name] for name in mine}}
        source.save(update_fields=["settings"])
        after = _counted(source.settings)
        config_log.changed("source", source.id, actor=ACTOR, now=now, before=before, after=after)


def _counted(settings: dict[str, Any]) -> dict[str, int]:
    """What the log says about it: numbers."""
    subscriptions = (settings.get("subscriptions") or {}).values()
    return {
        "subscriptions_confirmed": sum(each.get("state") == "confirmed" for each in subscriptions),
        "subscriptions_refused": sum(each.get("state") == "refused" for each in subscriptions),
        "certificates": len(settings.get("certificates") or {}),
    }


def _read_again(source_id: int, before: dict[str, Any], after: dict[str, Any]) -> int:
    """What waited for a certificate that is here now becomes new; how many rows."""
    if set(after["certificates"]) <= set(before.get("certificates") or {}):
        return 0
    with connection.cursor() as cursor:
        cursor.execute(AGAIN, [source_id, UNCHECKED])
        count = int(cursor.rowcount)
    if count:
        live.wake_engine()
    return count


def _instant(text: object, otherwise: datetime) -> datetime:
    return datetime.fromisoformat(text) if isinstance(text, str) and text else otherwise
