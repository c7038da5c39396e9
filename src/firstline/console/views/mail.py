"""Replies on closed incidents: each waits until a person says what it is."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from firstline.console.access import Request, staff
from firstline.console.shell import page
from firstline.intake import mailtriage


@require_GET
@staff("incident.read")
def waiting(request: Request) -> HttpResponse:
    """The oldest first; after four working hours one becomes a linked new incident by itself."""
    context = {"mails": mailtriage.waiting(request.viewer), "may_work": request.viewer.may("incident.work")}
    return page(request, "console/mail/waiting.html", context, section="mail")


@require_POST
@staff("incident.work")
def file(request: Request, mail_id: int) -> HttpResponse:
    """A comment on what is closed, or the same thing again."""
    if request.POST.get("as") == "recurrence":
        made = mailtriage.file_as_recurrence(mail_id, actor=request.actor, now=request.moment)
        messages.success(request, _("Registered as a recurrence."))
        return redirect("console:incident", made.pk)
    mailtriage.file_as_comment(mail_id, actor=request.actor, now=request.moment)
    messages.success(request, _("Filed as a comment; the incident stays closed."))
    return redirect("console:mail")
