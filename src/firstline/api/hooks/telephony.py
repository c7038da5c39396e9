"""Answers by text message and by key, as a provider that speaks Twilio's protocol hands them over.

A form counts when it is signed with the channel's token and names its account; a reply counts only from the number that
was paged. The answer is TwiML: what to say or write back.
"""

from collections.abc import Mapping
from typing import cast
from xml.sax.saxutils import escape

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from firstline.core import clock
from firstline.notifications.channels.telephony import is_signed
from firstline.notifications.channels.voice import ACKNOWLEDGE, DECLINE
from firstline.notifications.claiming import channel_settings
from firstline.notifications.queries import language_at
from firstline.oncall import actions as oncall
from firstline.oncall.replies import Verb

KEYS: Mapping[str, Verb] = {ACKNOWLEDGE: "acknowledge", DECLINE: "decline"}


@csrf_exempt
@require_POST
def sms(request: HttpRequest) -> HttpResponse:
    """A text message came in."""
    if not _sent_by_provider(request, "sms"):
        return HttpResponse("The signature is missing or wrong.\n", status=403, content_type="text/plain")
    sender = request.POST.get("From", "")
    with translation.override(language_at("sms", sender)):
        answered = oncall.answer_by_number(
            request.POST.get("Body", ""), from_address=sender, channel="sms", now=clock.now()
        )
        # nothing is written to a number that nobody was paged at: it could be anybody's, or another machine's
        return _twiml(f"<Message>{escape(answered.said)}</Message>" if answered is not None else "")


@csrf_exempt
@require_POST
def voice(request: HttpRequest, page_id: int) -> HttpResponse:
    """A key was pressed in a call about a page."""
    if not _sent_by_provider(request, "voice"):
        return HttpResponse("The signature is missing or wrong.\n", status=403, content_type="text/plain")
    called, verb = request.POST.get("To", ""), KEYS.get(request.POST.get("Digits", ""))
    with translation.override(language_at("voice", called)):
        if verb is None:
            return _twiml(f"<Say>{escape(_('That key does nothing.'))}</Say>")
        answered = oncall.answer_by_key(page_id, verb, from_address=called, channel="voice", now=clock.now())
        return _twiml(f"<Say>{escape(answered.said if answered else _('This page was not for you.'))}</Say>")


def _sent_by_provider(request: HttpRequest, channel: str) -> bool:
    known, token = channel_settings()[channel]
    form = {name: str(request.POST.get(name, "")) for name in request.POST}
    url = settings.URL + request.get_full_path()
    given = request.headers.get("X-Twilio-Signature", "")
    return is_signed(token, url, form, given) and form.get("AccountSid") == cast(str, known.get("account"))


def _twiml(inside: str) -> HttpResponse:
    return HttpResponse(
        f'<?xml version="1.0" encoding="UTF-8"?><Response>{inside}</Response>',
        content_type="text/xml; charset=utf-8",
    )
