"""The incident page: head, conversation, evidence; its parts for live updates; the verbs and the composer."""

from collections.abc import Iterator
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from firstline.accounts import queries as accounts
from firstline.console import conversation, evidence, labels
from firstline.console.access import Request, is_partial, staff, status_of
from firstline.console.clocks import face_of, label_of
from firstline.console.components import Face
from firstline.console.rows import marks_of, owner_of
from firstline.console.shell import page, part
from firstline.console.verbs import registry
from firstline.console.verbs.forms import VerbForm
from firstline.console.verbs.verb import Verb
from firstline.console.views import story
from firstline.core import blobs
from firstline.core.errors import DomainError, NotFound
from firstline.desk import actions as desk
from firstline.desk import dossier, presence, queries
from firstline.incidents import queries as incidents
from firstline.incidents.actions import editing, people, relating, talking
from firstline.incidents.models import Incident
from firstline.intake.explaining import explained
from firstline.intake.subscriptions import subscribers
from firstline.sla import queries as sla
from firstline.sla.ledger import Line

PARTS = {
    "head": "console/incident/head.html",
    "talk": "console/incident/talk.html",
    "side": "console/incident/side.html",
}


def _context(request: Request, incident_id: int) -> dict[str, Any]:
    """What the templates of the page need; the person has seen this version now."""
    found = dossier.read(request.viewer, incident_id)
    incident = found.incident
    people.note_read(incident, request.viewer, now=request.moment)
    if request.person.pk:
        desk.mark_seen(request.person.pk, incident.pk, incident.version, now=request.moment)
    offered = registry.offered(incident, request.viewer)
    parts = conversation.items(incident, found.entries, _source(found))
    return {
        "incident": incident,
        "found": found,
        "owner": owner_of(incident),
        "caller": Face(name=incident.caller.name, id=incident.caller.pk) if incident.caller else None,
        "alerts": explained(found.alerts),
        **story.context_of(request.viewer, incident),
        "evidence": evidence.groups(found.evidence),
        "group": Face(name=incident.group.name, kind="group") if incident.group else None,
        "marks": marks_of(incident),
        "clocks": [(clock, face_of(clock)) for clock in found.clocks],
        "days": conversation.days([p for p in parts if p.is_message or not getattr(p, "quiet", False)]),
        "timeline": [p for p in parts if not p.is_message],
        "impact": labels.level(incident.impact),
        "urgency": labels.level(incident.urgency),
        "channel": labels.channel(incident.channel),
        "verbs": offered[: registry.FIRST],
        "more": offered[registry.FIRST :],
        "keys": {verb.key for verb in offered},
        "may_comment": request.viewer.may("incident.comment"),
        "may_work": request.viewer.may("incident.work"),
        **_viewers(request, incident.pk),
        "subscribers": subscribers(request.viewer, incident.pk),
        "watching": any(watcher.person_id == request.person.pk for watcher in found.watchers),
        "place": queries.place(request.viewer, incident, now=request.moment),
        "position": queries.explain(request.viewer, incident) if incident.is_open else None,
    }


def _source(found: dossier.Dossier) -> str:
    """The name of the source whose alert opened it, or nothing."""
    return found.alerts[-1].span.source.name if found.alerts else ""


@require_GET
@staff("incident.read")
def incident(request: Request, incident_id: int) -> HttpResponse:
    """The page of one incident."""
    return page(request, "console/incident/incident.html", _context(request, incident_id), section="queue")


@require_GET
@staff("incident.read")
def viewers(request: Request, incident_id: int) -> HttpResponse:
    """Who else has it open; asking says that one has it open oneself."""
    incidents.incident(request.viewer, incident_id)
    presence.here(request.person.pk, incident_id, now=request.moment)
    return part(request, "console/incident/viewers.html", _viewers(request, incident_id))


def _viewers(request: Request, incident_id: int) -> dict[str, Any]:
    others = presence.viewers(incident_id, but=request.person.pk, now=request.moment)
    return {"viewers": [Face(name=person.name, id=person.pk) for person in others], "viewed": incident_id}


@require_GET
@staff("incident.read")
def fragment(request: Request, incident_id: int, name: str) -> HttpResponse:
    """One part of the page, as it is now, for a live update."""
    if name not in PARTS:
        raise NotFound(_("There is no such part."))
    return part(request, PARTS[name], _context(request, incident_id))


@require_GET
@staff("incident.read")
def why_due(request: Request, incident_id: int, target: str) -> HttpResponse:
    """The ledger of a clock: a person can check by hand why it is due when it is."""
    ledger = sla.why_due(request.viewer, incident_id, target, request.moment)
    mine = {
        "lines": [(line, _whose(request, line)) for line in ledger.lines],
        "ledger": ledger,
        "ledger_of": label_of(target),
    }
    if is_partial(request):
        found = incidents.incident(request.viewer, incident_id)
        return part(request, "console/incident/ledger.html", {"incident": found, **mine})
    whole = {**_context(request, incident_id), **mine}
    return page(request, "console/incident/incident.html", whole, section="queue")


def _whose(request: Request, line: Line) -> str:
    """Whose time a stretch is: who was waited for, else the group that held it."""
    if line.reason:
        return labels.waited_for(line.reason)
    kind, _colon, number = line.holder.partition(":")
    if kind == "group" and number.isdecimal():
        return accounts.group(request.viewer, int(number)).name
    return line.holder


@require_http_methods(["GET", "POST"])
@staff("incident.read")
def verb(request: Request, incident_id: int, key: str) -> HttpResponse:
    """A verb: GET shows its form (in the page, or alone for a swap), POST does it."""
    chosen = registry.BY_KEY.get(key)
    if chosen is None:
        raise NotFound(_("There is no such action."))
    request.viewer.require(chosen.permission)
    found = incidents.incident(request.viewer, incident_id)
    if not chosen.when(found):
        state = found.state.replace("_", " ")
        messages.error(
            request,
            _("“%(verb)s” is not possible now: it is %(state)s.") % {"verb": chosen.label, "state": state},
        )
        return redirect("console:incident", incident_id)
    form: VerbForm | None = None
    if chosen.form is not None:
        data = request.POST if request.method == "POST" else None
        known = {name: text for name, text in request.GET.items() if name in chosen.form.base_fields}
        form = chosen.form(data, initial=known, incident=found, viewer=request.viewer)
    if request.method == "POST" and (form is None or form.is_valid()):
        try:
            chosen.do(found, form, request.actor, request.moment)
        except DomainError as error:
            if form is None:
                messages.error(request, str(error))
                return redirect("console:incident", incident_id)
            form.take_over(error)
            return _show_form(request, found, chosen, form, status=status_of(error))
        messages.success(request, str(chosen.done))
        return redirect("console:incident", incident_id)
    return _show_form(request, found, chosen, form, status=422 if request.method == "POST" else 200)


def _show_form(
    request: Request, incident: Incident, chosen: Verb, form: VerbForm | None, *, status: int
) -> HttpResponse:
    """The form of a verb: alone when htmx asks, else inside the page, so that the evidence stays in sight."""
    mine = {"incident": incident, "verb": chosen, "form": form}
    if is_partial(request):
        return part(request, "console/incident/verb.html", mine, status=status)
    whole = {**_context(request, incident.pk), **mine}
    return page(request, "console/incident/incident.html", whole, section="queue", status=status)


@require_POST
@staff("incident.comment")
def say(request: Request, incident_id: int) -> HttpResponse:
    """A comment to the caller or a work note, with files."""
    body = request.POST.get("body", "")
    public = request.POST.get("to", "note") == "caller"
    files = [file for file in request.FILES.getlist("files") if file is not None]
    back = redirect("console:incident", incident_id)
    try:
        if body.strip():
            kept = [blobs.save(f.name or "", _chunks(f), now=request.moment).pk for f in files]
            talking.comment(
                incident_id,
                body,
                public=public,
                blob_ids=kept,
                via="console",
                actor=request.actor,
                now=request.moment,
            )
        else:
            for file in files:
                talking.attach(
                    incident_id,
                    file.name or "",
                    _chunks(file),
                    public=public,
                    actor=request.actor,
                    now=request.moment,
                )
    except DomainError as error:
        messages.error(request, str(error))
        return back
    if not body.strip() and not files:
        messages.error(request, _("Write something, or attach a file."))
        return back
    url = reverse("console:incident", args=[incident_id])
    return redirect(f"{url}?sent=incident-{incident_id}#end")


def _chunks(file: Any) -> Iterator[bytes]:
    return iter(file.chunks())


@require_GET
@staff("incident.read")
def attachment(request: Request, attachment_id: int) -> HttpResponseBase:
    """A file: always as a download, never as something that the browser would run."""
    row, parts = incidents.attachment(request.viewer, attachment_id)
    answer = StreamingHttpResponse(parts, content_type=row.blob.content_type or "application/octet-stream")
    answer.headers["Content-Length"] = str(row.blob.size)
    answer.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    answer.headers["X-Content-Type-Options"] = "nosniff"
    name = row.blob.filename.replace('"', "")
    answer.headers["Content-Disposition"] = (
        f'attachment; filename="{name.encode("ascii", "replace").decode()}"'
    )
    return answer


@require_POST
@staff("incident.read")
def watch(request: Request, incident_id: int) -> HttpResponse:
    """Watch it, or no longer."""
    on = request.POST.get("on") == "yes"
    people.watch(incident_id, request.person.pk, on=on, actor=request.actor, now=request.moment)
    return redirect("console:incident", incident_id)


@require_POST
@staff("incident.work")
def finish_task(request: Request, incident_id: int, task_id: int) -> HttpResponse:
    state = request.POST.get("state", "done")
    editing.finish_task(incident_id, task_id, state=state, actor=request.actor, now=request.moment)
    return redirect("console:incident", incident_id)


@require_POST
@staff("incident.work")
def unlink(request: Request, incident_id: int, link_id: int) -> HttpResponse:
    relating.unlink(incident_id, link_id, actor=request.actor, now=request.moment)
    return redirect("console:incident", incident_id)
