"""The forms of the rules that mute: one for each kind, over the same fields of *which alerts*."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l

from firstline.accounts.viewer import Viewer
from firstline.catalog import queries as catalog
from firstline.console.views.setup import kit, signals
from firstline.console.views.setup.kit import SetupForm
from firstline.intake.matching import Condition, Field, Match, Op
from firstline.intake.suppression import KINDS, Maintenance, Rule
from firstline.intake.windows import Once, Recurring

BLANK = 2
SEVERAL = " || "
FIELDS = (
    ("", _l("–")),
    (Field.LABEL, _l("label …")),
    (Field.TITLE, _l("title")),
    (Field.TEXT, _l("title or description")),
    (Field.SEVERITY, _l("severity")),
    (Field.ENTITY, _l("host, address, user …")),
    (Field.KEY, _l("key")),
    (Field.GROUP, _l("group of the source")),
    (Field.SOURCE_KIND, _l("kind of source")),
    (Field.TECHNIQUE, _l("ATT&CK id")),
)
IN = "in"
OPS = (
    (Op.EQUALS, _l("is")),
    (IN, _l("is one of (a, b)")),
    (Op.NOT_EQUALS, _l("is not")),
    (Op.CONTAINS, _l("contains")),
    (Op.NOT_CONTAINS, _l("does not contain")),
    (Op.MATCHES, _l("matches (regex)")),
    (Op.NOT_MATCHES, _l("does not match")),
    (Op.PRESENT, _l("is there")),
    (Op.ABSENT, _l("is not there")),
    (Op.AT_LEAST, _l("is at least")),
    (Op.AT_MOST, _l("is at most")),
)
REPEATS = (
    ("", _l("once")),
    ("FREQ=DAILY", _l("every day")),
    ("FREQ=WEEKLY", _l("every week, on that day")),
    ("FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", _l("Monday to Friday")),
    ("FREQ=MONTHLY", _l("every month, on that day of the month")),
    ("own", _l("by a rule of its own")),
)
SEVERITIES = [(name, name) for name in ("critical", "error", "warning", "info")]


class ConditionForm(forms.Form):
    """One line: a field, how, and what. Without a field it is left out."""

    field = forms.ChoiceField(label=_l("What"), choices=FIELDS, required=False)
    label = forms.CharField(
        label=_l("Label"),
        max_length=200,
        required=False,
        widget=forms.TextInput(attrs={"placeholder": _l("label"), "autocomplete": "off"}),
    )
    op = forms.ChoiceField(label=_l("How"), choices=OPS, required=False)
    value = forms.CharField(
        label=_l("Value"),
        max_length=4000,
        required=False,
        widget=forms.TextInput(
            attrs={"placeholder": _l("value"), "autocomplete": "off", "spellcheck": "false"}
        ),
    )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if not data.get("field"):
            if data.get("value") or data.get("label"):
                self.add_error("field", _("Choose what this is about."))
            return data
        try:
            self.condition = self._made(data)
        except (ValueError, msgspec.ValidationError) as error:
            self.add_error("value", str(error))
        return data

    def _made(self, data: Mapping[str, Any]) -> Condition:
        op, value = data["op"] or Op.EQUALS, data["value"].strip()
        values = [part.strip() for part in (value.split(",") if op == IN else value.split(SEVERAL))]
        op = Op.EQUALS if op == IN else Op(op)
        given = tuple(part for part in values if part) if op not in (Op.PRESENT, Op.ABSENT) else ()
        label = data["label"].strip() if data["field"] == Field.LABEL else ""
        return Condition(Field(data["field"]), op, given, label)

    @staticmethod
    def initial_of(condition: Condition) -> dict[str, str]:
        several = condition.op is Op.EQUALS and len(condition.values) > 1
        return {
            "field": condition.field.value,
            "label": condition.label,
            "op": IN if several else condition.op.value,
            "value": (", " if several else SEVERAL).join(condition.values),
        }


class Rows:
    """The lines of one match: those that it has, and a few blank ones."""

    def __init__(self, data: Any, prefix: str, kept: Sequence[Condition]) -> None:
        count = len(kept) + BLANK
        if data is not None:
            posted = str(data.get(f"{prefix}-rows", ""))
            count = min(int(posted), 30) if posted.isdecimal() else count
        self.prefix = prefix
        self.forms = [
            ConditionForm(
                data,
                prefix=f"{prefix}-{n}",
                initial=ConditionForm.initial_of(kept[n]) if n < len(kept) else None,
            )
            for n in range(count)
        ]

    def is_valid(self) -> bool:
        checked = [form.is_valid() for form in self.forms]  # each, so that each shows what is wrong
        return all(checked)

    def conditions(self) -> tuple[Condition, ...]:
        return tuple(form.condition for form in self.forms if hasattr(form, "condition"))


def local_moment(label: Any, help_text: Any = "", *, required: bool = False) -> forms.CharField:
    return forms.CharField(label=label, help_text=help_text, required=required, widget=kit.moment_input())


class NoiseForm(SetupForm):
    """Which fields there are depends on the kind. `rule()` is what was entered."""

    name = forms.CharField(label=_l("Name"), max_length=120, help_text=_l("Stands beside what it mutes."))
    reason = kit.text(_l("Why"), _l("For whoever wonders why nobody was told."), rows=2)
    until = local_moment(_l("Ends"), _l("Your time. What still fires then is looked at again."))
    start = local_moment(_l("From"), required=True)
    end = local_moment(_l("Until"), required=True)
    zone = forms.CharField(label=_l("On the clock of"), max_length=64, help_text=_l("Such as Europe/Kyiv."))
    repeats = forms.ChoiceField(label=_l("Repeats"), choices=REPEATS, required=False)
    rrule = forms.CharField(
        label=_l("Rule of its own"),
        max_length=300,
        required=False,
        help_text=_l("An RRULE, such as FREQ=MONTHLY;BYDAY=1SU for the first Sunday of each month."),
        widget=forms.TextInput(attrs={"class": "mono", "spellcheck": "false", "autocomplete": "off"}),
    )
    sources = kit.picks(_l("Source"))
    services = kit.picks(_l("Service"))
    dependents = forms.BooleanField(label=_l("And services that need one of these"), required=False)
    cis = kit.picks(_l("Configuration item"))
    security = forms.ChoiceField(
        label=_l("Security alerts"),
        choices=[
            ("no", _l("are never meant")),
            ("both", _l("are meant as well")),
            ("yes", _l("alone are meant")),
        ],
        help_text=_l("No rule mutes a security alert without saying so here."),
    )
    equal = forms.CharField(
        label=_l("With the same"),
        max_length=500,
        required=False,
        help_text=_l("Labels that must be equal on both, such as zone, cluster. Empty: any two."),
    )
    down = forms.ChoiceField(
        label=_l("A service counts as down by an open alert of at least"), choices=SEVERITIES
    )
    changes = forms.IntegerField(label=_l("Starts and ends"), min_value=3, max_value=60, initial=6)
    times = forms.IntegerField(label=_l("Counts from its … signal"), min_value=2, max_value=100, initial=3)
    minutes = forms.IntegerField(label=_l("Within (minutes)"), min_value=1, max_value=1440, initial=30)
    calm = forms.IntegerField(
        label=_l("Is let go below"),
        min_value=1,
        max_value=59,
        initial=2,
        help_text=_l("Starts and ends within the same time."),
    )

    OWN: Mapping[str, tuple[str, ...]] = {
        "suppression": ("until",),
        "maintenance": ("start", "end", "repeats", "rrule", "zone", "until"),
        "inhibition": ("equal", "until"),
        "dependency": ("down", "until"),
        "flapping": ("changes", "minutes", "calm"),
        "threshold": ("times", "minutes"),
    }
    MATCH = ("sources", "services", "dependents", "cis", "security")

    def __init__(self, *args: Any, viewer: Viewer, kind: str, zone: str, ends: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kind, self.home = kind, zone
        own = self.OWN[kind]
        wanted = {"name", "reason", "seen", *own, *self.MATCH}
        for name in set(self.fields) - wanted:
            del self.fields[name]
        self._offer("sources", [(source.id, source.name) for source in signals.sources(viewer)])
        self._offer("services", kit.as_choices(catalog.services(viewer)))
        self._offer("cis", kit.as_choices(catalog.items(viewer)[:500]))
        if "services" not in self.fields:
            del self.fields["dependents"]
        if ends and "until" in self.fields and kind == "suppression":
            self.fields["until"].required = True
        match = tuple(name for name in self.MATCH if name in self.fields)
        own = tuple(name for name in own if name in self.fields)
        self.sections = (
            (_("Rule"), "", ("name", "reason")),
            (self.HEADS[kind], "", own),
            (_("Which alerts"), _("all of this; what is empty asks nothing"), match),
        )

    HEADS: Mapping[str, Any] = {
        "suppression": _l("How long"),
        "maintenance": _l("When"),
        "inhibition": _l("While another alert is open"),
        "dependency": _l("While what its service needs is down"),
        "flapping": _l("Comes and goes"),
        "threshold": _l("Counts only when it is repeated"),
    }

    def _offer(self, name: str, choices: list[tuple[Any, str]]) -> None:
        if choices or self.initial.get(name):
            self.offer(name, choices)
        else:
            del self.fields[name]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        for name in ("until", "start", "end"):
            if data.get(name):
                try:
                    data[name] = datetime.fromisoformat(data[name]).replace(tzinfo=None)
                except ValueError:
                    self.add_error(name, _("This is no date and time."))
        if data.get("repeats") == "own" and not data.get("rrule"):
            self.add_error("rrule", _("Write the rule."))
        return data

    def rule(self, conditions: tuple[Condition, ...], causes: tuple[Condition, ...]) -> Rule:
        """What was entered. Raises ValueError with what is wrong with it."""
        data = self.cleaned_data
        match = Match(
            sources=tuple(data.get("sources") or ()),
            services=tuple(data.get("services") or ()),
            dependents=bool(data.get("dependents")),
            cis=tuple(data.get("cis") or ()),
            conditions=conditions,
            security=data.get("security") or "no",
        )
        named = {"match": match, "reason": data["reason"]}
        if data.get("until"):
            named["until"] = data["until"].replace(tzinfo=ZoneInfo(self.home))
        if self.kind == "maintenance":
            return Maintenance(window=self._window(data), **named)
        if self.kind == "inhibition":
            named["cause"] = Match(conditions=causes, security=match.security)
            named["equal"] = tuple(part.strip() for part in data["equal"].split(",") if part.strip())
        for name in ("down", "changes", "times", "minutes", "calm"):
            if name in data:
                named[name] = data[name]
        builtins = {key: msgspec.to_builtins(value) for key, value in named.items()}
        return msgspec.convert(builtins, KINDS[self.kind])

    def _window(self, data: Mapping[str, Any]) -> Once | Recurring:
        zone = data["zone"].strip()
        try:
            tz = ZoneInfo(zone)
        except (KeyError, ValueError, OSError):
            raise ValueError(_("%(zone)s is no time zone.") % {"zone": zone}) from None
        start, end = data["start"], data["end"]
        if not data["repeats"]:
            return Once(start.replace(tzinfo=tz), end.replace(tzinfo=tz))
        rule = data["rrule"] if data["repeats"] == "own" else data["repeats"]
        minutes = int((end - start) / timedelta(minutes=1))
        return Recurring(rule=rule, start=start, minutes=minutes, zone=zone)


def initial_of(rule: Rule, zone: str) -> dict[str, Any]:
    """The form's values of a rule; instants on the reader's clock, windows on theirs."""
    home = ZoneInfo(zone)
    found: dict[str, Any] = {"reason": rule.reason}
    for name in ("sources", "services", "cis"):
        found[name] = list(getattr(rule.match, name))
    found |= {"dependents": rule.match.dependents, "security": rule.match.security}
    if rule.until is not None:
        found["until"] = rule.until.astimezone(home).replace(tzinfo=None)
    for name in ("down", "changes", "times", "minutes", "calm"):
        if hasattr(rule, name):
            found[name] = getattr(rule, name)
    if hasattr(rule, "equal"):
        found["equal"] = ", ".join(rule.equal)
    if isinstance(rule, Maintenance):
        found |= _window_of(rule.window, home)
    return found


def _window_of(window: Once | Recurring, home: ZoneInfo) -> dict[str, Any]:
    if isinstance(window, Once):
        start, end = (at.astimezone(home).replace(tzinfo=None) for at in (window.start, window.end))
        return {"start": start, "end": end, "zone": home.key, "repeats": ""}
    known = window.rule in dict(REPEATS)
    return {
        "start": window.start,
        "end": window.start + timedelta(minutes=window.minutes),
        "zone": window.zone,
        "repeats": window.rule if known else "own",
        "rrule": "" if known else window.rule,
    }
