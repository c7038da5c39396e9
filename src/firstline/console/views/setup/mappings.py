"""How a source's payloads are read: a mapping proposed from the last ones, tried on them, and confirmed by a person."""

import json
from collections.abc import Iterable
from typing import Any

import msgspec
from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _l
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from firstline.catalog.editing import values
from firstline.console.access import Request, staff
from firstline.console.shell import page
from firstline.console.views.setup import kit
from firstline.console.views.setup.kit import SetupForm
from firstline.core.errors import Invalid, NotFound
from firstline.intake import actions, proposing, queries
from firstline.intake import queries_inbox as inbox
from firstline.intake.helping import TITLES, samples
from firstline.intake.models import Source
from firstline.intake.signal import SEVERITY_ORDER, SignalKind
from firstline.intake.sources.generic.guess import Ground
from firstline.intake.sources.generic.mapping import ACKNOWLEDGED, RESOLVED, Mapping, mapping_from
from firstline.intake.sources.parsing import ParseError

TRIED = 8
PLACES = (
    "title",
    "key",
    "severity",
    "state",
    "service",
    "ci",
    "description",
    "occurred_at",
    "link",
    "group",
    "items",
)
WORDS = ("resolved", "acknowledged", "triggering")
MORE = ("kind", "security", "labels", "entities", "tactics", "techniques")
GROUNDS = {
    Ground.DOCUMENTED: _l("as the tool documents it"),
    Ground.NAME: _l("by its name"),
    Ground.VARIES: _l("by its name; it varies between payloads"),
    Ground.SHARED: _l("the same in a payload that fires and one that is over, different in others"),
    Ground.BOTH: _l("it says both that something goes on and that it is over"),
    Ground.DERIVED: _l("no id is steady: title, service and item together are the key"),
}


def _place(label: Any, help_text: Any = "", *, required: bool = False) -> forms.CharField:
    """A path, a template or plain text."""
    attrs = {"class": "code", "spellcheck": "false", "autocapitalize": "off", "autocomplete": "off"}
    return forms.CharField(
        label=label,
        help_text=help_text,
        required=required,
        max_length=2000,
        widget=forms.TextInput(attrs=attrs),
    )


class MappingForm(SetupForm):
    """The mapping field by field; what is rarely needed stands as JSON in one field of its own."""

    title = _place(_l("Title"), required=True)
    key = _place(
        _l("Key"), _l("The same key again is the same alert. Empty: title, service and item together.")
    )
    severity = _place(_l("Severity"))
    severities = kit.text(
        _l("Own words for severities"),
        _l("One a line, such as sev1 = critical, or >=7 = error for numbers. Usual words are known."),
        rows=2,
    )
    state = _place(_l("State"), _l("What says whether it goes on. Empty: everything triggers."))
    resolved = _place(
        _l("It is over when the state is"), _l("Words with commas between them; * is any value at all.")
    )
    acknowledged = _place(_l("It is acknowledged when the state is"))
    triggering = _place(
        _l("It triggers only when the state is"), _l("Empty: whenever it is neither over nor acknowledged.")
    )
    service = _place(_l("Service"))
    ci = _place(_l("Configuration item"))
    description = _place(_l("Description"))
    occurred_at = _place(_l("Since when"))
    link = _place(_l("Link"))
    group = _place(_l("Group"), _l("Alerts of one group come into one incident."))
    items = _place(
        _l("List of alerts"), _l("Where the list stands if one payload holds several; paths are within one.")
    )
    more = kit.text(
        _l("The rest, as JSON"),
        _l("kind, security, labels, entities, tactics, techniques."),
        rows=3,
        code=True,
    )
    sections = (
        (_l("What it is"), "", ("title", "key", "description")),
        (_l("When it begins and ends"), "", ("state", "resolved", "acknowledged", "triggering")),
        (_l("How bad it is"), "", ("severity", "severities")),
        (_l("Where it belongs"), "", ("service", "ci", "group", "occurred_at", "link")),
        (_l("Rarely needed"), "", ("items", "more")),
    )

    def clean_severities(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for line in str(self.cleaned_data["severities"]).splitlines():
            word, _sign, severity = (part.strip() for part in line.rpartition("="))
            if not line.strip():
                continue
            if not word or severity.lower() not in SEVERITY_ORDER:
                raise forms.ValidationError(
                    _("“%(line)s” is no word = critical, error, warning or info.") % {"line": line.strip()}
                )
            found[word] = severity.lower()
        return found

    def clean_more(self) -> dict[str, Any]:
        try:
            found = json.loads(self.cleaned_data["more"] or "{}")
        except ValueError as error:
            raise forms.ValidationError(_("This is not JSON: %(error)s.") % {"error": error}) from error
        if not isinstance(found, dict) or set(found) - set(MORE):
            raise forms.ValidationError(_("An object with: %(names)s.") % {"names": ", ".join(MORE)})
        return found

    def definition(self) -> dict[str, Any]:
        """The mapping as it is kept: what says nothing is left out. `Invalid` at the field that is wrong."""
        data = self.cleaned_data
        found = {name: data[name] for name in PLACES if data[name]}
        found |= {"severities": data["severities"]} if data["severities"] else {}
        found |= {name: _words(data[name]) for name in WORDS}
        found |= data["more"]
        try:
            mapping_from(found)
        except ParseError as error:
            at = error.place.removeprefix("mapping.").partition(".")[0]
            name = at if at in self.fields else "more" if at in MORE else "title"
            raise Invalid(str(error), {name: error.message}) from error
        return found


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _shown(mapping: Mapping) -> dict[str, Any]:
    """A mapping as the form has it."""
    built = msgspec.to_builtins(mapping)
    more = {name: built[name] for name in MORE if built[name] and built[name] != SignalKind.TRIGGER}
    return {
        **{name: built[name] for name in PLACES},
        **{name: ", ".join(built[name]) for name in WORDS},
        "severities": "\n".join(f"{word} = {severity}" for word, severity in mapping.severities.items()),
        "more": json.dumps(more, indent=2, ensure_ascii=False) if more else "",
    }


@require_http_methods(["GET", "POST"])
@staff("source.read", write="source.edit")
def source_mapping(request: Request, source_id: int) -> HttpResponse:
    """The mapping that is saved, else (or when asked) the proposed one, and what it makes of the last payloads."""
    row = queries.source(request.viewer, source_id)
    if not proposing.takes_mapping(row):
        raise NotFound(_("What this kind of source sends is not read through a mapping."))
    proposed = None
    if request.method == "GET" and ("propose" in request.GET or not (row.mapping or _has_format(row))):
        proposed = proposing.proposal(request.viewer, row.pk)
    form = MappingForm(kit.posted(request), initial=_initial(row, proposed))
    if not request.viewer.may("source.edit"):
        form.lock()
    if request.method == "POST" and "reset" in request.POST:
        return _forgotten(request, row)
    if request.method == "POST" and "try" not in request.POST:
        done = _saved(request, row, form)
        if done is not None:
            return done
    return _page(request, row, form, proposed)


def _has_format(row: Source) -> bool:
    """Whether its kind knows by itself how its payloads are read."""
    return row.kind != "generic"


def _initial(row: Source, proposed: proposing.Proposal | None) -> dict[str, Any]:
    mapping = proposed.suggestion.mapping if proposed else Mapping(**_kept(row))
    return {**_shown(mapping), "seen": kit.seen_of(values(row, actions.SOURCE))}


def _kept(row: Source) -> dict[str, Any]:
    try:
        return msgspec.structs.asdict(mapping_from(row.mapping or {}))
    except ParseError:  # one that an older version saved: the form shows what a new one has
        return {}


def _saved(request: Request, row: Source, form: MappingForm) -> HttpResponse | None:
    """Save and go on; None when something has to be mended first."""

    def save(data: dict[str, Any]) -> None:
        actions.save_mapping(
            row.pk, form.definition(), actor=request.actor, now=request.moment, seen=data["seen"]
        )

    if kit.attempt(form, save) != 200:
        return None
    failed = inbox.counts(request.viewer, row.pk).get("failed", 0)
    said = _("Saved. What comes in from now on is read this way.")
    if failed:
        said += " " + ngettext(
            "%(n)s request could not be read before: read it again with the button below.",
            "%(n)s requests could not be read before: read them again with the button below.",
            failed,
        ) % {"n": failed}
    messages.success(request, said)
    return redirect("console:source_mapping", source_id=row.pk)


def _forgotten(request: Request, row: Source) -> HttpResponse:
    actions.save_mapping(row.pk, {}, actor=request.actor, now=request.moment)
    messages.success(request, _("The mapping is gone: payloads are read by their format, or guessed."))
    return redirect("console:source_mapping", source_id=row.pk)


def _page(
    request: Request, row: Source, form: MappingForm, proposed: proposing.Proposal | None
) -> HttpResponse:
    by_format = not form.is_bound and proposed is None and not row.mapping and _has_format(row)
    definition = {} if by_format else _definition_to_try(form)
    trials = (
        [] if definition is None else queries.try_mapping(request.viewer, row.pk, definition, limit=TRIED)
    )
    grounds = proposed.suggestion.grounds if proposed else {}
    context = {
        "title": _("How %(source)s is read") % {"source": row.name},
        "source": row,
        "kind": TITLES.get(row.kind, row.kind),
        "form": form,
        "grouped": _with_grounds(form, grounds),
        "proposed": proposed,
        "by_format": by_format,
        "tool": proposed.suggestion.tool if proposed else "",
        "trials": trials,
        "tried": definition is not None,
        "hidden": not queries.may_read_payloads(request.viewer, row),
        "failed": inbox.counts(request.viewer, row.pk).get("failed", 0),
        "samples": samples(row.kind),
        "may_edit": request.viewer.may("source.edit"),
        "usual": {"resolved": RESOLVED, "acknowledged": ACKNOWLEDGED},
    }
    status = 422 if form.is_bound and form.errors and "try" not in request.POST else 200
    return page(request, "console/setup/mapping.html", context, section="sources", status=status)


def _definition_to_try(form: MappingForm) -> dict[str, Any] | None:
    """What the form says now; None when it can't be read."""
    if not form.is_bound:
        form = MappingForm({name: value for name, value in form.initial.items() if name in form.fields})
    found: list[dict[str, Any]] = []
    kit.attempt(form, lambda _data: found.append(form.definition()))
    return found[0] if found else None


def _with_grounds(
    form: MappingForm, grounds: dict[str, Ground]
) -> Iterable[tuple[str, list[tuple[Any, Any]]]]:
    return [
        (
            title,
            [(bound, GROUNDS.get(grounds[bound.name]) if bound.name in grounds else "") for bound in fields],
        )
        for title, _help, fields in form.grouped()
    ]
