"""A mail source from the inside: whether its mailbox can be read, what came and why it became what it is, and how tools
that only mail are recognised.
"""

from typing import Any

import msgspec
from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from firstline.catalog.editing import values
from firstline.console.access import Request, staff
from firstline.console.shell import page
from firstline.console.views.setup import kit
from firstline.console.views.setup.kit import SetupForm
from firstline.core.errors import DomainError, Invalid, NotFound
from firstline.intake import actions, mailboxes, mailfiling, queries
from firstline.intake.mailboxes import Checked, Step
from firstline.intake.models import MailMessage, Source
from firstline.intake.sources.mail.templates import Template, Templates, check, templates_from
from firstline.intake.sources.parsing import ParseError

STEPS = {
    Step.ADDRESS: _l("the server's name is known"),
    Step.CONNECTION: _l("it answers"),
    Step.ENCRYPTION: _l("the connection is encrypted and the certificate trusted"),
    Step.TOKEN: _l("the token endpoint gives a token"),
    Step.SIGN_IN: _l("the server accepts the login"),
    Step.FOLDER: _l("the folder is there"),
    Step.READING: _l("it can be read"),
}
NAMES = {
    Step.ADDRESS: _l("name of the server"),
    Step.CONNECTION: _l("connection"),
    Step.ENCRYPTION: _l("encryption"),
    Step.TOKEN: _l("token endpoint"),
    Step.SIGN_IN: _l("sign-in"),
    Step.FOLDER: _l("folder"),
    Step.READING: _l("reading"),
}
VERDICTS = {
    "opened": (_l("opened an incident"), "good"),
    "comment": (_l("a comment"), "good"),
    "alert": (_l("an alert"), "good"),
    "page_answer": (_l("answered a page"), "good"),
    "closed_reply": (_l("waits: a reply on a closed incident"), "hot"),
    "loop": (_l("our own mail, come back"), ""),
    "bounce": (_l("a delivery report"), ""),
    "complaint": (_l("a complaint of a mail provider"), ""),
    "auto_reply": (_l("an automatic answer"), ""),
    "rate_limited": (_l("over the limit of its sender"), "hot"),
    "unknown_sender": (_l("an unknown sender"), "hot"),
    "forged_sender": (_l("a forged sender"), "hot"),
}
THREADS = {
    "reply_address": _l("to the reply address of %(incident)s"),
    "sent": _l("answers a mail of ours about %(incident)s"),
    "received": _l("answers a mail that belongs to %(incident)s"),
    "number": _l("the number of %(incident)s is in its subject"),
}
ROLES = {
    "caller": _l("by its caller or a watcher"),
    "staff": _l("by a colleague"),
    "other": _l("by somebody else"),
}
SIGNALS = {
    "trigger": _l("it triggers"),
    "resolve": _l("it says that it is over"),
    "acknowledge": _l("it says that somebody is at it"),
    "note": _l("a note: opens nothing"),
}
REASONS = {
    "count": _l("too many"),
    "size": _l("too large"),
    "type": _l("a program"),
    "room": _l("no more room"),
}


def context(request: Request, row: Source) -> dict[str, Any]:
    """What the page of a mail source shows beside that of every source."""
    own = _own(row)
    return {
        "mailbox": row.mailbox if row.settings.get("imap") else None,
        "mailbox_step": NAMES.get(row.mailbox.get("step", "")) if row.mailbox.get("error") else "",
        "mails": [_line(mail) for mail in mailfiling.last_mails(request.viewer, row.pk)],
        "own_templates": own.templates,
        "builtin_used": own.builtin,
        "builtin_count": len(mailfiling.builtin()),
    }


def _line(mail: MailMessage) -> dict[str, Any]:
    label, tone = VERDICTS.get(mail.verdict, (mail.verdict, ""))
    return {"mail": mail, "verdict": label, "tone": tone, "why": _why(mail)}


def _why(mail: MailMessage) -> str:
    """Why a mail became what it is, in a line."""
    why, parts = mail.why, []
    if tool := why.get("tool"):
        parts.append(_("%(tool)s") % {"tool": tool})
    if why.get("signal") in SIGNALS:
        parts.append(str(SIGNALS[why["signal"]]))
    if (how := why.get("threaded_by")) in THREADS:
        incident = mail.incident.number if mail.incident else _("an incident")
        parts.append(str(THREADS[how]) % {"incident": incident})
        parts.append(str(ROLES.get(why.get("role", ""), "")))
    if automatic := why.get("automatic"):
        parts.append(_("automatic by %(sign)s") % {"sign": automatic})
    if why.get("authentic") is False:
        parts.append(_("the trusted relay does not vouch for its sender"))
    if why.get("authentic") is True:
        parts.append(_("the trusted relay vouches for its sender"))
    if left := why.get("left_out"):
        named = ", ".join(f"{name} ({REASONS.get(reason, reason)})" for name, reason in left[:3])
        parts.append(_("not attached: %(files)s") % {"files": named})
    if copies := why.get("copies"):
        parts.append(_("came %(n)s times") % {"n": copies + 1})
    if why.get("filed"):
        parts.append(_("filed by hand"))
    return " · ".join(part for part in parts if part)


@require_GET
@staff("source.read")
def mail(request: Request, source_id: int, mail_id: int) -> HttpResponse:
    """One mail: what it says, its source as it came, and what can be done with it."""
    row = queries.source(request.viewer, source_id)
    shown = mailfiling.mail(request.viewer, source_id, mail_id)
    found = {
        "title": shown.message.subject or _("(no subject)"),
        "source": row,
        "shown": shown,
        "line": _line(shown.message),
        "may_work": request.viewer.may("incident.work"),
        "may_edit": request.viewer.may("source.edit"),
    }
    return page(request, "console/setup/mail.html", found, section="sources")


@require_POST
@staff("source.read", write="incident.work")
def mail_to(request: Request, source_id: int, mail_id: int) -> HttpResponse:
    """File it to the incident whose number was entered."""
    back = reverse("console:source_mail", args=[source_id, mail_id])
    try:
        incident = mailfiling.file_to(
            source_id, mail_id, request.POST.get("number", ""), actor=request.actor, now=request.moment
        )
    except (Invalid, NotFound) as error:
        messages.error(request, str(error))
        return redirect(back)
    messages.success(request, _("It is a part of %(number)s now.") % {"number": incident.number})
    return redirect(back)


@require_POST
@staff("source.edit")
def mail_again(request: Request, source_id: int, mail_id: int) -> HttpResponse:
    """Look at it again, by today's settings."""
    back = reverse("console:source_mail", args=[source_id, mail_id])

    def again() -> None:
        mailfiling.process_again(source_id, mail_id, actor=request.actor, now=request.moment)

    return kit.do_and_return(
        request, again, _("It was looked at again; what became of it stands below."), back
    )


@require_POST
@staff("source.edit")
def mailbox_check(request: Request, source_id: int) -> HttpResponse:
    """Go into the mailbox and out again, and say how far one gets."""
    row = queries.source(request.viewer, source_id)
    try:
        account = mailboxes.account_of(row)
        checked = mailboxes.checked(account) if account else None
    except DomainError as error:
        checked = Checked(failed=Step.ADDRESS, reason=str(error))
    found = {
        "title": row.name,
        "source": row,
        "checked": checked,
        "passed": [STEPS[step] for step in checked.passed] if checked else [],
        "failed": STEPS[checked.failed] if checked and checked.failed else "",
    }
    return page(request, "console/setup/mailbox.html", found, section="sources")


class TemplateForm(SetupForm):
    """How a tool writes. Patterns with places in braces; the rest says what the places are."""

    name = forms.CharField(label=_l("Name of the tool"), max_length=60)
    subject = kit.text(
        _l("Its subjects"),
        _l("One pattern a line; {name} is a place, {} is anything. Such as: {host} is {state}"),
        rows=3, code=True, required=True,
    )  # fmt: skip
    body = kit.text(
        _l("Lines of its text"),
        _l("Looked for, not required. Such as: Severity: {severity}"),
        rows=2,
        code=True,
    )
    sender = forms.CharField(
        label=_l("Sender"), required=False, help_text=_l("Such as: {}@monitor.example.org")
    )
    key = forms.CharField(
        label=_l("Key"),
        required=False,
        help_text=_l("What tells two alerts apart: {host}/{check}. Empty: the title."),
    )
    alert_title = forms.CharField(label=_l("Title"), required=False, initial="{subject}")
    state = forms.CharField(
        label=_l("State"), required=False, help_text=_l("The place that says whether it is over: {state}")
    )
    resolved = forms.CharField(
        label=_l("Is over when the state is"),
        required=False,
        help_text=_l("Words with commas. Empty: OK, UP, RECOVERY and others."),
    )
    severity = forms.CharField(
        label=_l("Severity"), required=False, help_text=_l("A place or a word: {state}, critical")
    )
    severities = kit.text(
        _l("Its words for severities"), _l("One a line: DOWN = critical"), rows=3, code=True
    )
    ci = forms.CharField(label=_l("Configuration item"), required=False)
    service = forms.CharField(label=_l("Service"), required=False)
    sections = (
        (_l("What it writes"), "", ("name", "subject", "body", "sender")),
        (
            _l("What it means"),
            "",
            ("key", "alert_title", "state", "resolved", "severity", "severities", "ci", "service"),
        ),
    )

    def template(self) -> Template:
        """Raises Invalid, at its field."""
        data = self.cleaned_data
        names = ("name", "sender", "key", "state", "severity", "ci", "service")
        given: dict[str, Any] = {name: data[name].strip() for name in names}
        given |= {"subject": _lines(data["subject"]), "body": _lines(data["body"])}
        given["title"] = data["alert_title"].strip() or "{subject}"
        words = [word.strip() for word in data["resolved"].split(",") if word.strip()]
        given |= {"resolved": words} if words else {}
        pairs = [line.partition("=") for line in _lines(data["severities"])]
        given["severities"] = {word.strip(): severity.strip() for word, _sign, severity in pairs}
        try:
            made = msgspec.convert(given, Template)
            check(made)
        except (msgspec.ValidationError, ParseError) as error:
            place = getattr(error, "place", "") or "subject"
            raise Invalid(str(error), {{"title": "alert_title"}.get(place, place): str(error)}) from None
        return made


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.split("\n") if line.strip())


def _initial(template: Template) -> dict[str, Any]:
    found = {
        name: getattr(template, name)
        for name in ("name", "sender", "key", "state", "severity", "ci", "service")
    }
    usual = template.resolved == Template(name="x", subject=()).resolved
    return {
        **found,
        "subject": "\n".join(template.subject),
        "body": "\n".join(template.body),
        "alert_title": template.title,
        "resolved": "" if usual else ", ".join(template.resolved),
        "severities": "\n".join(f"{word} = {severity}" for word, severity in template.severities.items()),
    }


@require_http_methods(["GET", "POST"])
@staff("source.read", write="source.edit")
def template(request: Request, source_id: int, name: str = "") -> HttpResponse:
    """One template of the source, with what it makes of the last mails; without a name a new one."""
    row = queries.source(request.viewer, source_id)
    own = _own(row)
    present = next((each for each in own.templates if each.name == name), None)
    if name and present is None:
        raise NotFound(_("There is no such template."))
    seen = kit.seen_of(values(row, actions.SOURCE))
    initial = (
        _initial(present)
        if present
        else {"subject": request.GET.get("subject", ""), "alert_title": "{subject}"}
    )
    form = TemplateForm(kit.posted(request), initial={**initial, "seen": seen})
    back = reverse("console:source", args=[row.pk])
    if request.method == "POST" and "delete" in request.POST and present:
        rest = tuple(each for each in own.templates if each is not present)
        _save(request, row, Templates(rest, own.builtin), request.POST.get("seen", ""))
        return kit.told(request, _("Removed."), back)
    more: dict[str, Any] = {"source": row, "present": present, "wide": True}
    if request.method == "POST" and "try" in request.POST:
        return _tried(request, row, form, back, more)

    def save(data: dict[str, Any]) -> None:
        made = form.template()
        others = [each for each in own.templates if each is not present]
        if any(each.name == made.name for each in others):
            raise Invalid(_("Another template has this name."), {"name": _("Choose another name.")})
        _save(request, row, Templates((*others, made), own.builtin), data["seen"])

    return kit.form_page(
        request, form, title=name or _("New template"), section="sources", back=back, save=save, done=_("Saved."),
        may_edit=request.viewer.may("source.edit"), template="console/setup/mail_template.html", more=more,
    )  # fmt: skip


def _tried(
    request: Request, row: Source, form: TemplateForm, back: str, more: dict[str, Any]
) -> HttpResponse:
    """What it would make of the last mails; nothing is saved."""

    def attempt(data: dict[str, Any]) -> None:
        more["previews"] = mailfiling.previews(request.viewer, row.pk, [form.template()])

    status = kit.attempt(form, attempt)
    found = {**more, "title": row.name, "form": form, "back": back, "may_edit": True, "submit": _("Save")}
    return page(request, "console/setup/mail_template.html", found, section="sources", status=status)


@require_POST
@staff("source.edit")
def templates_builtin(request: Request, source_id: int) -> HttpResponse:
    """Use the recognisers that come with Firstline, or only the source's own."""
    row = queries.source(request.viewer, source_id)
    on = request.POST.get("on") == "1"

    def switch() -> None:
        _save(request, row, Templates(_own(row).templates, on), "")

    done = _("The built-in recognisers are used again.") if on else _("Only your own templates are used now.")
    return kit.do_and_return(request, switch, done, reverse("console:source", args=[row.pk]))


def _own(row: Source) -> Templates:
    try:
        return templates_from(row.mapping or {})
    except ParseError:
        return Templates()


def _save(request: Request, row: Source, made: Templates, seen: str) -> None:
    actions.save_mapping(
        row.pk, msgspec.to_builtins(made), actor=request.actor, now=request.moment, seen=seen
    )
