"""What a caller sees of their own incidents."""

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from firstline.accounts.viewer import Viewer
from firstline.closure import actions as closure
from firstline.closure import queries as closures
from firstline.core import blobs, clock, rate
from firstline.core.errors import Invalid
from firstline.core.pagination import paginate
from firstline.incidents import actions as incidents
from firstline.incidents import queries
from firstline.incidents.models import Incident
from firstline.portal.forms import BrokenForm, RatingForm, ReplyForm
from firstline.portal.pages import actor_of, page, signed_in, too_often, viewer_for_request
from firstline.portal.wording import Facts, Status, status

PAGE = 30
FILES = 10
WRITING = rate.Limit("reply", 60, timedelta(hours=1))


def status_of(incident: Incident, viewer: Viewer) -> Status:
    facts = Facts(
        state=incident.state,
        hold_reason=incident.hold_reason,
        group=incident.group.name if incident.group else "",
        closed_how=incident.closed_how,
        cancel_reason=incident.cancel_reason,
        merged=incident.merged_into_id is not None,
        is_caller=incident.caller_id == viewer.person_id,
        look_again_at=incident.look_again_at,
    )
    return status(facts)


@signed_in
@require_GET
def mine(request: HttpRequest) -> HttpResponse:
    """All of one's incidents, the newest first, those that wait for oneself marked."""
    viewer = viewer_for_request(request)
    rows = queries.own_incidents(viewer).select_related("service", "group")
    found = paginate(rows, ("-registered_at", "-id"), cursor=request.GET.get("after"), size=PAGE)
    shown = [(row, queries.own_title(row), status_of(row, viewer)) for row in found.rows]
    context = {"rows": shown, "next": found.next, "first": "after" not in request.GET}
    return page(request, "portal/mine.html", context, section="mine")


@signed_in
@require_GET
def incident(request: HttpRequest, incident_id: int) -> HttpResponse:
    """One incident in plain language, with the conversation and whatever is the reader's turn."""
    return _shown(request, incident_id, ReplyForm())


def _shown(request: HttpRequest, incident_id: int, form: ReplyForm, code: int = 200) -> HttpResponse:
    viewer = viewer_for_request(request)
    row = queries.own_incident(viewer, incident_id)
    assert viewer.person_id is not None
    waits = closures.waits_for(viewer.person_id, [row.id]).get(row.id)
    context: dict[str, Any] = {
        "incident": row,
        "status": status_of(row, viewer),
        "entries": queries.own_timeline(viewer, row.id),
        "files": [file for file in queries.own_attachments(viewer, row.id) if file.comment_id is None],
        "waits": waits if row.state == "resolved" else None,
        "unrated": closures.unrated(viewer.person_id, row.id) if row.state == "closed" else None,
        "form": form,
        "broken_form": BrokenForm(),
        "rating_form": RatingForm(),
        "me": viewer.person_id,
    }
    return page(request, "portal/incident.html", context, section="mine", status=code)


@signed_in
@require_POST
def reply(request: HttpRequest, incident_id: int) -> HttpResponse:
    """Write to whoever works on it; what waits for the caller goes on with it."""
    actor = actor_of(request)
    if refused := too_often(request, WRITING, str(actor.id)):
        return refused
    form = ReplyForm(request.POST, request.FILES)
    if not form.is_valid():
        return _shown(request, incident_id, form, 422)
    queries.own_incident(viewer_for_request(request), incident_id)
    now = clock.now()
    try:
        files = _stored(form.cleaned_data["attachments"])
        incidents.comment_as_caller(
            incident_id, form.cleaned_data["body"], actor=actor, now=now, blob_ids=files
        )
    except Invalid as error:
        form.add_error("body", str(error))
        return _shown(request, incident_id, form, 422)
    messages.success(request, _("Sent."))
    return redirect("portal:incident", incident_id)


def _stored(files: "list[UploadedFile[Any]]") -> list[int]:
    if len(files) > FILES:
        raise Invalid(_("At most %(n)s files.") % {"n": FILES})
    now = clock.now()
    return [blobs.save(file.name or "file", file.chunks(), now=now).id for file in files]


@signed_in
@require_POST
def fixed(request: HttpRequest, incident_id: int) -> HttpResponse:
    """The caller's word: it works again."""
    queries.own_incident(viewer_for_request(request), incident_id)
    closure.confirm(incident_id, actor=actor_of(request), now=clock.now())
    messages.success(request, _("Thank you. It is closed."))
    return redirect("portal:incident", incident_id)


@signed_in
@require_POST
def still_broken(request: HttpRequest, incident_id: int) -> HttpResponse:
    """The caller's word: it does not work."""
    queries.own_incident(viewer_for_request(request), incident_id)
    text = request.POST.get("text", "")
    closure.still_broken(incident_id, text, actor=actor_of(request), now=clock.now())
    messages.success(request, _("Thank you. It goes back to those who work on it."))
    return redirect("portal:incident", incident_id)


@signed_in
@require_http_methods(["POST"])
def rate_incident(request: HttpRequest, incident_id: int) -> HttpResponse:
    """One to five, once."""
    queries.own_incident(viewer_for_request(request), incident_id)
    form = RatingForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Choose one to five."))
        return redirect("portal:incident", incident_id)
    closure.rate(
        incident_id,
        form.cleaned_data["rating"],
        text=form.cleaned_data["text"],
        actor=actor_of(request),
        now=clock.now(),
    )
    messages.success(request, _("Thank you for your rating."))
    return redirect("portal:incident", incident_id)


@signed_in
@require_GET
def file(request: HttpRequest, attachment_id: int) -> HttpResponseBase:
    """An attachment: pictures open, everything else is downloaded and never run here."""
    row, parts = queries.attachment(viewer_for_request(request), attachment_id)
    answer = StreamingHttpResponse(parts, content_type=row.blob.content_type)
    inline = row.blob.content_type in blobs.INLINE
    answer["Content-Disposition"] = content_disposition_header(not inline, row.blob.filename) or "attachment"
    answer["Content-Length"] = str(row.blob.size)
    answer["X-Content-Type-Options"] = "nosniff"
    answer["Content-Security-Policy"] = "default-src 'none'; sandbox"
    answer["Cache-Control"] = "private, max-age=3600"
    return answer
