"""Sources: add one by copying a snippet, see what it sends, try it, change its token."""

from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from firstline.accounts import queries as accounts
from firstline.accounts.viewer import Viewer
from firstline.catalog import queries as catalog
from firstline.catalog.editing import values
from firstline.console import markdown
from firstline.console.access import Request, staff
from firstline.console.shell import page
from firstline.console.views.setup import kit, mail_form, mails
from firstline.console.views.setup.kit import Cell, Column, Empty, Table
from firstline.console.views.setup.mail_form import MailFields, mail_initial
from firstline.console.views.setup.source_kinds import offered
from firstline.core.secrets import decrypt, encrypt
from firstline.intake import actions, proposing, queries
from firstline.intake import queries_inbox as inbox
from firstline.intake import queries_noise as noise
from firstline.intake.helping import TITLES, SyslogPorts, help_text, samples
from firstline.intake.models import Source
from firstline.intake.sources.registry import FRONTS, SECURITY_KINDS
from firstline.intake.sources.syslog.message import is_zone

TOKEN_SHOWN = timedelta(minutes=15)
PLACEHOLDER = "YOUR-TOKEN"
LATELY = timedelta(days=1)
# what a kind keeps in its settings and a person may change
OWN_SETTINGS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(SECURITY_KINDS - {"sentinel"}, ("expires_after",)),
    "sns": ("topic", "unsigned"),
    "github": ("branches",),
    "nagios": ("ignore_soft",),
    **dict.fromkeys(("alertmanager", "alertmanager_webhook"), ("group_by",)),
    "splunk": ("expires_after",),
    "syslog": ("threshold", "time_zone", "expires_after"),
}
SIGNED_KINDS = frozenset(kind for kind, front in FRONTS.items() if front.signed)


class SourceForm(MailFields):
    name = forms.CharField(label=_l("Name"), max_length=80, help_text=_l("Such as Prometheus in Kyiv."))
    service_id = kit.pick(_l("Service"), _l("Where the signal names none."))
    group_id = kit.pick(_l("Support group"), _l("Owns what no rule, category or service gives to another."))
    owner_id = kit.pick(_l("Owner"), _l("Whom to ask when it falls silent or can't be read."))
    severity_floor = forms.ChoiceField(
        label=_l("Opens incidents from"),
        choices=[
            ("info", _l("info: everything")),
            ("warning", _l("warning")),
            ("error", _l("error")),
            ("critical", _l("critical")),
        ],
        initial="info",
        help_text=_l("What is less is kept as an alert and opens nothing."),
    )
    security = forms.BooleanField(
        label=_l("Its incidents are security incidents"),
        required=False,
        help_text=_l("Only security groups see them, and what this source sends."),
    )
    allowed_networks = kit.text(
        _l("Accepts only from"), _l("Networks, one a line, such as 10.0.0.0/8. Empty: from anywhere."), rows=2
    )
    enabled = forms.BooleanField(label=_l("Accepts signals"), required=False, initial=True)
    cron = forms.CharField(
        label=_l("Runs by cron"),
        max_length=120,
        required=False,
        help_text=_l("As in the crontab, such as 30 2 * * *. Empty: by the period below."),
        widget=forms.TextInput(attrs={"class": "mono", "spellcheck": "false", "autocomplete": "off"}),
    )
    zone = forms.CharField(
        label=_l("On the clock of"),
        max_length=64,
        required=False,
        initial="UTC",
        help_text=_l("For cron: the time zone of the machine, such as Europe/Kyiv."),
    )
    forget_secret = forms.BooleanField(
        label=_l("Forget the secret"), required=False, help_text=_l("Unsigned requests are taken again.")
    )
    topic = forms.CharField(
        label=_l("Topic"),
        required=False,
        max_length=300,
        help_text=_l("Its ARN. Empty: any topic that subscribes."),
    )
    unsigned = forms.BooleanField(
        label=_l("Takes messages without a signature"),
        required=False,
        help_text=_l("Raw message delivery and EventBridge: only the address protects this source then."),
    )
    expires_after = forms.IntegerField(
        label=_l("An alert expires after (seconds)"),
        required=False,
        min_value=60,
        help_text=_l("Since it was last sent, because this tool never says that it is over. Empty: a day."),
    )
    threshold = forms.ChoiceField(
        label=_l("A plain message is an alert from"),
        choices=[
            ("warning", _l("warning")),
            ("error", _l("error")),
            ("critical", _l("critical")),
            ("info", _l("info: everything")),
        ],
        required=False,
        help_text=_l("What is less is kept without one. CEF, LEEF and JSON of security tools always are."),
    )
    time_zone = forms.CharField(
        label=_l("Devices write the time of"),
        max_length=64,
        required=False,
        help_text=_l("For dates without a zone (RFC 3164), such as Europe/Kyiv. Empty: UTC."),
    )
    branches = forms.CharField(
        label=_l("Branches"),
        required=False,
        max_length=500,
        help_text=_l(
            "Whose failures matter, with commas between them; * is every one. Empty: the default branch."
        ),
    )
    ignore_soft = forms.BooleanField(
        label=_l("Leave out what is still being retried"),
        required=False,
        help_text=_l("States that Nagios calls SOFT, where lines of its log are sent."),
    )
    group_by = forms.CharField(
        label=_l("Labels of a group"),
        required=False,
        max_length=500,
        help_text=_l(
            "Alerts with the same values of these belong to one incident, with commas between them. "
            "Empty: the rule's name, cluster, namespace, service and job."
        ),
    )
    period_seconds = forms.IntegerField(
        label=_l("Is heard of every (seconds)"),
        min_value=1,
        initial=300,
        help_text=_l("Without a cron expression."),
    )
    grace_seconds = forms.IntegerField(
        label=_l("May be late by (seconds)"),
        min_value=0,
        initial=60,
        help_text=_l("From when it is expected: longer than the job takes."),
    )
    max_run_seconds = forms.IntegerField(
        label=_l("A run may take (seconds)"),
        min_value=1,
        required=False,
        help_text=_l(
            "Where the job says that it starts: one that does not end in time is missing. Empty: any time."
        ),
    )

    def __init__(
        self, *args: Any, viewer: Viewer, kind: str, source: Source | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.kind = kind
        self.offer("service_id", kit.as_choices(catalog.services(viewer)), nothing=_("None"))
        self.offer("group_id", kit.as_choices(accounts.groups(viewer)), nothing=_("By rules"))
        self.offer("owner_id", kit.as_choices(accounts.staff(viewer)), nothing=_("Nobody"))
        for name in set(self.fields) - {"seen"} - set(self._wanted(source)):
            del self.fields[name]
        if kind == "mail":
            own = {name for _title, _help, listed in mail_form.SECTIONS for name in listed}
            listed_first = [name for name in ("name", "address") if name in self.fields]
            others = [name for name in self.fields if name not in {*own, *listed_first, "seen"}]
            general = [*listed_first, *others]
            self.sections = (("", "", general), *mail_form.SECTIONS)
        if kind in SIGNED_KINDS:
            self.fields["secret"].label = _("Secret")
            self.fields["secret"].help_text = _(
                "The sender signs with it; without one, the address alone is enough. Kept encrypted. "
                "Empty: it stays as it is."
            )

    def _wanted(self, source: Source | None) -> list[str]:
        """The fields of this kind; a new source asks for the least."""
        names = ["name", "service_id", "group_id"]
        if self.kind == "heartbeat":
            names += ["cron", "zone", "period_seconds", "grace_seconds", "max_run_seconds"]
        if self.kind == "mail":
            names += mail_form.NAMES
        if self.kind == "syslog" and source is None:
            names += ["allowed_networks"]  # they say whose messages are this source's
        if source is not None:
            names += ["owner_id", "security", "enabled", "allowed_networks"]
            names += ["severity_floor"] if self.kind not in ("heartbeat", "mail") else []
            names += OWN_SETTINGS.get(self.kind, ())
        if self.kind in SIGNED_KINDS:
            names += ["secret", "forget_secret"] if source is not None and source.secret else ["secret"]
        return names

    def clean_time_zone(self) -> str:
        name = str(self.cleaned_data["time_zone"]).strip()
        if name and not is_zone(name):
            raise forms.ValidationError(_("There is no such time zone."))
        return name

    def clean_branches(self) -> list[str]:
        return _names(self.cleaned_data["branches"])

    def clean_group_by(self) -> list[str]:
        return _names(self.cleaned_data["group_by"])

    def clean_allowed_networks(self) -> list[str]:
        return str(self.cleaned_data["allowed_networks"]).split()

    def values(self, before: dict[str, Any]) -> dict[str, Any]:
        """What the action takes."""
        data = {name: value for name, value in self.cleaned_data.items() if name != "seen"}
        if not data.get("secret"):
            data.pop("secret", None)
        if data.pop("forget_secret", False):
            data["secret"] = ""
        if names := OWN_SETTINGS.get(self.kind, ()):
            own = {name: data.pop(name) for name in names if name in data}
            data["settings"] = {**before, **own}
        if self.kind == "mail":
            data = {name: value for name, value in data.items() if name not in mail_form.NAMES}
            data |= self.mail_values(before)
        return data


def _names(text: object) -> list[str]:
    """What stands between commas."""
    return [name.strip() for name in str(text).split(",") if name.strip()]


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
        kit.posted(request), viewer=request.viewer, kind=row.kind, source=row, initial=_initial(row)
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


def _initial(row: Source) -> dict[str, Any]:
    kept = values(row, actions.SOURCE)
    found = {
        **kept,
        "allowed_networks": "\n".join(row.allowed_networks),
        **(mail_initial(row) if row.kind == "mail" else {}),
        "seen": kit.seen_of(kept),
    }
    found |= {name: row.settings[name] for name in OWN_SETTINGS.get(row.kind, ()) if name in row.settings}
    for name in ("branches", "group_by"):
        if isinstance(listed := found.get(name), list):
            found[name] = ", ".join(map(str, listed))
    beat = getattr(row, "heartbeat", None) if row.kind == "heartbeat" else None
    if beat is not None:
        found |= values(beat, actions.HEARTBEAT)
    return found


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
