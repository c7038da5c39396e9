"""Reporting: three answers and two taps, with what is known already beside them."""

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods

from firstline.accounts.models import Person
from firstline.catalog.models import Service
from firstline.catalog.queries import portal_services
from firstline.core import blobs, clock, installation, rate
from firstline.core.errors import DomainError, Invalid, NotFound
from firstline.incidents import actions as incidents
from firstline.incidents.queries import published
from firstline.intake import reports
from firstline.portal.forms import ReportForm, fail
from firstline.portal.pages import actor_of, page, person_of, said, signed_in, too_often
from firstline.portal.suggestions import known, suggest

FILES = 10
VISITOR_FILES = 3
VISITOR_FILE_SIZE = 10 * 1024 * 1024
BY_ADDRESS = rate.Limit("report", 10, timedelta(hours=1))
BY_PERSON = rate.Limit("report-person", 30, timedelta(hours=1))
BY_MAIL_ADDRESS = rate.Limit("report-mail", 5, timedelta(hours=1))
LOOKING = rate.Limit("suggestions", 120, timedelta(minutes=1))


@said
@require_http_methods(["GET", "HEAD", "POST"])
def report(request: HttpRequest) -> HttpResponse:
    """The form. Signed in, it registers at once; without an account it is kept until the mail address is proven."""
    person = person_of(request)
    if person is None and not installation.get("report_without_account"):
        return redirect("account_login")
    services = list(portal_services())
    form = _form(request, services, person)
    if request.method == "POST":
        if refused := _too_often(request, person):
            return refused
        if form.is_valid() and not _asks_more(request, form):
            try:
                with transaction.atomic():
                    return _registered(request, form, person)
            except DomainError as error:
                fail(form, error)
    return _shown(request, form)


def _form(request: HttpRequest, services: list[Service], person: Person | None) -> ReportForm:
    initial: dict[str, Any] = {
        "service": request.GET.get("service", ""),
        "title": request.GET.get("title", ""),
    }
    if person is not None:
        initial |= {"phone": person.phone, "place": person.place}
    data = request.POST if request.method == "POST" else None
    return ReportForm(data, request.FILES or None, services=services, person=person, initial=initial)


def _asks_more(request: HttpRequest, form: ReportForm) -> bool:
    """Whether the service asks something that this page has not shown yet (it was chosen without JavaScript)."""
    return bool(form.questions) and not any(name in request.POST for name in form.questions)


def _too_often(request: HttpRequest, person: Person | None) -> HttpResponse | None:
    if person is not None:
        return too_often(request, BY_PERSON, str(person.id))
    return too_often(request, BY_ADDRESS)


def _shown(request: HttpRequest, form: ReportForm) -> HttpResponse:
    text = str(form["title"].value() or "")
    context = {
        "form": form,
        "found": suggest(text, form.chosen.id if form.chosen else None) if text or form.chosen else None,
        "questions": [form[name] for name in form.questions],
        "more": form.is_bound and bool(form.questions) and not form.errors,
    }
    return page(request, "portal/report.html", context, section="report", status=422 if form.errors else 200)


def _registered(request: HttpRequest, form: ReportForm, person: Person | None) -> HttpResponse:
    said_ = form.cleaned_data
    answers = reports.Answers(
        title=said_["title"],
        service_id=int(said_["service"]) if said_["service"] else None,
        extent=said_["extent"],
        can_work=said_["can_work"],
        details=said_["details"],
        phone=said_["phone"],
        place=said_["place"],
        questions=form.answered(),
    )
    now = clock.now()
    if person is not None:
        files = _stored(said_["attachments"], limit=FILES, size=blobs.MAX_SIZE)
        incident = reports.report(answers, actor=actor_of(request), now=now, blob_ids=files)
        messages.success(request, _("Reported as %(number)s.") % {"number": incident.number})
        return redirect("portal:incident", incident.id)
    if refused := too_often(request, BY_MAIL_ADDRESS, said_["email"].lower()):
        return refused
    files = _stored(said_["attachments"], limit=VISITOR_FILES, size=VISITOR_FILE_SIZE)
    language = get_language() or "en"
    reports.keep_unverified(
        answers, email=said_["email"], name=said_["name"], blob_ids=files, language=language, now=now
    )
    return redirect("portal:sent")


def _stored(files: "list[UploadedFile[Any]]", *, limit: int, size: int) -> list[int]:
    if len(files) > limit:
        text = _("At most %(n)s files.") % {"n": limit}
        raise Invalid(text, {"attachments": text})
    now = clock.now()
    return [blobs.save(file.name or "file", file.chunks(), now=now, max_size=size).id for file in files]


@said
@require_GET
def sent(request: HttpRequest) -> HttpResponse:
    """After a report without an account: look into your mail."""
    return page(request, "portal/sent.html", section="report")


@said
@require_GET
def suggestions(request: HttpRequest) -> HttpResponse:
    """The fragment beside the form while somebody types."""
    if refused := too_often(request, LOOKING):
        return refused
    service = request.GET.get("service", "")
    found = suggest(request.GET.get("title", "")[:255], int(service) if service.isdecimal() else None)
    return page(request, "portal/suggestions.html", {"found": found})


@said
@require_GET
def questions(request: HttpRequest) -> HttpResponse:
    """The fragment with the extra questions of the chosen service."""
    form = ReportForm(
        services=list(portal_services()), person=None, initial={"service": request.GET.get("service", "")}
    )
    return page(request, "portal/questions.html", {"questions": [form[name] for name in form.questions]})


@said
@require_http_methods(["GET", "HEAD", "POST"])
def verify(request: HttpRequest, token: str) -> HttpResponse:
    """GET shows what would be registered and changes nothing; POST registers it."""
    row = reports.unverified(token, now=clock.now())
    if request.method == "POST":
        incident = reports.verify(token, now=clock.now())
        return page(request, "portal/verified.html", {"incident": incident}, section="report")
    if row.incident is not None:
        return page(request, "portal/verified.html", {"incident": row.incident}, section="report")
    return page(request, "portal/verify.html", {"row": row}, section="report")


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def me_too(request: HttpRequest, incident_id: int) -> HttpResponse:
    """Join a published incident instead of reporting it again. GET asks, POST joins."""
    if request.method == "POST":
        incident = incidents.me_too(incident_id, actor=actor_of(request), now=clock.now())
        messages.success(request, _("You are counted in. You hear when it is resolved."))
        return redirect("portal:incident", incident.id)
    row = published().filter(id=incident_id).first()
    if row is None:
        raise NotFound(_("This is not known any more; please report it."))
    return page(request, "portal/me_too.html", {"known": known(row)}, section="report")
