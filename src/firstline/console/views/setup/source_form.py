"""The form of a source: what all have, and what only its kind has."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from firstline.accounts import queries as accounts
from firstline.accounts.viewer import Viewer
from firstline.catalog import queries as catalog
from firstline.catalog.editing import values
from firstline.console.views.setup import kit, mail_form
from firstline.console.views.setup.mail_form import MailFields, mail_initial
from firstline.intake import actions
from firstline.intake.models import Source
from firstline.intake.sources.registry import FRONTS, SECURITY_KINDS
from firstline.intake.sources.syslog.message import is_zone

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


def initial_of(row: Source) -> dict[str, Any]:
    """What the form shows of a source that there is."""
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
