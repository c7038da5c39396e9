"""Sources: add one by copying a snippet, see what it sends, try it, change its token."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from firstline.console import markdown
from firstline.console.access import Request, staff
from firstline.console.shell import page
from firstline.console.views.setup import kit, mails
from firstline.console.views.setup.kit import Cell, Column, Empty, Table
from firstline.console.views.setup.source_form import SourceForm, initial_of
from firstline.console.views.setup.source_kinds import offered
from firstline.core.secrets import decrypt, encrypt
from firstline.intake import actions, proposing, queries
from firstline.intake import queries_inbox as inbox
from firstline.intake import queries_noise as noise
from firstline.intake.helping import TITLES, SyslogPorts, help_text, samples
from firstline.intake.models import Source

TOKEN_SHOWN = timedelta(minutes=15)
PLACEHOLDER = "YOUR-TOKEN"
LATELY = timedelta(days=1)


def _syslog_ports() -> SyslogPorts:
    own = settings.ENVIRONMENT
    return SyslogPorts(udp=own.syslog_udp_port, tcp=own.syslog_tcp_port, tls=own.syslog_tls_port)


@require_GET
@staff("source.read")
def sources(request: Request) -> HttpResponse:
    may = request.viewer.may("source.edit")
    rows, pages = kit.pages_of(request, queries.sources(request.viewer))
    table = Table(
        caption=_("Sources"),
        columns=[
            Column(label=_("Source")),
            Column(label=_("State")),
            Column(label=_("Last signal")),
            Column(label=_("Service"), wide=True),
            Column(label=_("Support group"), wide=True),
        ],
        rows=[_row(row, request.moment) for row in rows],
        empty=Empty(
            icon="plug",
            title=_("Nothing sends yet"),
            text=_(
                "Add a source: you get a snippet to copy into your monitoring, and see the first signal arrive."
            ),
            href=reverse("console:source_new") if may else "",
            action=_("Add the first source"),
        ),
        page=pages,
    )
    new = (reverse("console:source_new"), _("Add a source")) if may else None
    return kit.list_page(request, title=_("Sources"), section="sources", table=table, new=new)


def _row(row: Source, now: datetime) -> list[Cell]:
    return [
        Cell(
            text=row.name,
            href=reverse("console:source", args=[row.pk]),
            sub=str(TITLES.get(row.kind, row.kind)),
            tags=(_("security"),) if row.security else (),
        ),
        Cell(
            state=state_of(row, now),
            sub=_("some requests can't be read") if getattr(row, "failed", False) else "",
        ),
        Cell(at=row.last_signal_at) if row.last_signal_at else Cell(text=_("nothing yet"), tone="muted"),
        Cell(text=row.service.name if row.service else "–"),
        Cell(text=row.group.name if row.group else "–"),
    ]


def state_of(row: Source, now: datetime) -> str:
    """The state's word: failed, healthy, unknown (nothing yet), suppressed (off)."""
    if not row.enabled:
        return "suppressed"
    if getattr(row, "failed", False):
        return "failed"
    return "healthy" if row.last_signal_at else "unknown"


@require_http_methods(["GET", "POST"])
@staff("source.edit")
def source_new(request: Request) -> HttpResponse:
    """First the kind, then a name; then its page with the token and the snippet."""
    kind = request.GET.get("kind", "")
    if kind not in TITLES:
        context = {"title": _("Add a source"), "families": offered()}
        return page(request, "console/setup/source_kinds.html", context, section="sources")
    form = SourceForm(kit.posted(request), viewer=request.viewer, kind=kind)
    made: list[Source] = []

    def save(data: dict[str, Any]) -> None:
        source, token = actions.create_source(
            kind=kind, actor=request.actor, now=request.moment, **form.values({})
        )
        _remember(request, source.pk, token)
        made.append(source)

    return kit.form_page(
        request,
        form,
        title=_("Add a source: %(kind)s") % {"kind": TITLES[kind]},
        section="sources",
        back=reverse("console:source_new"),
        save=save,
        done=_("The source is ready. Copy the snippet below."),
        onward=lambda: reverse("console:source", args=[made[0].pk]),
        more={"submit": _("Make it")},
    )


def _remember(request: Request, source_id: int, token: str) -> None:
    """Keep the token, encrypted, in this session for a quarter of an hour: it is stored nowhere else."""
    until = (request.moment + TOKEN_SHOWN).isoformat()
    kept = request.session.get("source_tokens", {})
    request.session["source_tokens"] = {**kept, str(source_id): [encrypt(token), until]}


def _token(request: Request, source_id: int) -> tuple[str, datetime] | None:
    """The token while its maker may still see it."""
    kept = dict(request.session.get("source_tokens", {}))
    good = {key: pair for key, pair in kept.items() if datetime.fromisoformat(pair[1]) > request.moment}
    if good != kept:
        request.session["source_tokens"] = good
    found = good.get(str(source_id))
    return (decrypt(found[0]), datetime.fromisoformat(found[1])) if found else None


@require_GET
@staff("source.read")
def source(request: Request, source_id: int) -> HttpResponse:
    """One source: its snippet, what it sent last, and the buttons to try and change it."""
    row = queries.source(request.viewer, source_id)
    token = _token(request, row.pk)
    payloads = queries.last_payloads(request.viewer, row.pk)
    shown = token[0] if token else PLACEHOLDER
    port = settings.ENVIRONMENT.smtp_port or 25
    guide = markdown.render(
        help_text(
            row.kind,
            url=settings.URL,
            token=shown,
            address=row.address,
            smtp_port=port,
            syslog=_syslog_ports(),
        )
    )
    context = {
        "title": row.name,
        "source": row,
        "kind": TITLES.get(row.kind, row.kind),
        "state": state_of(row, request.moment),
        "token": token,
        "guide": str(guide).replace("<pre>", '<pre tabindex="0">'),
        "payloads": payloads,
        "waiting": not payloads or any(payload.state == "new" for payload in payloads),
        "hidden": not queries.may_read_payloads(request.viewer, row),
        "failed": inbox.counts(request.viewer, row.pk)["failed"] if getattr(row, "failed", False) else 0,
        "samples": samples(row.kind),
        "may_edit": request.viewer.may("source.edit"),
        "beat": noise.heartbeat(request.viewer, row.pk, now=request.moment)
        if row.kind == "heartbeat"
        else None,
        **(mails.context(request, row) if row.kind == "mail" else {}),
        "maps": proposing.takes_mapping(row),
        "subscriptions": sorted((row.settings.get("subscriptions") or {}).items()),
    }
    return page(request, "console/setup/source.html", context, section="sources")


@require_http_methods(["GET", "POST"])
@staff("source.read", write="source.edit")
def source_edit(request: Request, source_id: int) -> HttpResponse:
    row = queries.source(request.viewer, source_id)
    form = SourceForm(
        kit.posted(request), viewer=request.viewer, kind=row.kind, source=row, initial=initial_of(row)
    )

    def save(data: dict[str, Any]) -> None:
        actions.edit_source(
            row.pk, actor=request.actor, now=request.moment, seen=data["seen"], **form.values(row.settings)
        )

    return kit.form_page(
        request,
        form,
        title=row.name,
        section="sources",
        back=reverse("console:source", args=[row.pk]),
        save=save,
        done=_("Saved."),
        may_edit=request.viewer.may("source.edit"),
    )


@require_POST
@staff("source.edit")
def source_act(request: Request, source_id: int, verb: str) -> HttpResponse:
    """The buttons of a source's page."""
    page_of = "console:source_mapping" if request.POST.get("next") == "mapping" else "console:source"
    back = reverse(page_of, args=[source_id])
    common: dict[str, Any] = {"actor": request.actor, "now": request.moment}
    if verb == "test":
        name = request.POST.get("sample", "")
        return kit.do_and_return(
            request,
            lambda: actions.send_test(source_id, sample=name, **common),
            _("The test is on its way, as if it had been sent. It appears below within a second or two."),
            back,
        )
    if verb == "rotate":
        _row, token = actions.rotate_token(source_id, **common)
        _remember(request, source_id, token)
        messages.success(
            request, _("A new token. The old one is good for another day; change your senders meanwhile.")
        )
        return redirect(back)
    on = verb == "on"
    return kit.do_and_return(
        request,
        lambda: actions.set_enabled(source_id, on, **common),
        _("It accepts signals again.")
        if on
        else _("It is off: its requests are refused until you switch it on."),
        back,
    )
