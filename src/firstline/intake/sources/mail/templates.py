"""Mail of tools that only mail → signals. A template says how a tool writes; what it knows is an alert like any other.

The built-in ones are in `tools`; a source's own ones are in its `mapping` under `templates`, and come first.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from firstline.intake.signal import Signal, SignalKind
from firstline.intake.sources.generic.mapping import ACKNOWLEDGED, RESOLVED
from firstline.intake.sources.generic.severity import severity_of
from firstline.intake.sources.mail.patterns import PatternError, compiled, rendered, unknown_places
from firstline.intake.sources.parsing import ParseError, bounded_key, headline

LINES = 200  # of a body that are looked at
MOST_TEMPLATES = 100
GIVEN = ("subject", "sender")
RENDERED = ("key", "title", "severity", "state", "service", "ci", "group")


class Template(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How one tool writes, and what of it is what.

    `subject`: patterns of which one must fit the whole subject. `body`: patterns that are looked for in the lines of
    the text, each of which may be missing. `sender`: a pattern for the sender's address; empty: anybody's. `needs`:
    places without which it is none of these after all; `among`: the only values that a place may have.

    The rest are templates over the places found, and over {subject} and {sender}. `key` tells two alerts apart (with
    the sender's address, so that nobody else resolves it; empty: the title). `state` with `resolved`, `acknowledged`
    and `notes` decides what is meant (all else triggers); `severity` is read through `severities`, then by the
    common table.
    """

    name: str
    subject: tuple[str, ...]
    body: tuple[str, ...] = ()
    sender: str = ""
    needs: tuple[str, ...] = ()
    among: dict[str, tuple[str, ...]] = {}
    key: str = ""
    title: str = "{subject}"
    severity: str = ""
    severities: dict[str, str] = {}
    state: str = ""
    resolved: tuple[str, ...] = RESOLVED
    acknowledged: tuple[str, ...] = ACKNOWLEDGED
    notes: tuple[str, ...] = ()
    service: str = ""
    ci: str = ""
    group: str = ""
    labels: dict[str, str] = {}


class Templates(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A mail source's mapping. `builtin` False: only its own templates count."""

    templates: tuple[Template, ...] = ()
    builtin: bool = True


@dataclass(frozen=True, slots=True)
class Letter:
    """What of a mail a template sees."""

    sender: str
    subject: str
    text: str


@dataclass(frozen=True, slots=True)
class Recognised:
    """Whose mail it is and what was found in it."""

    template: Template
    fields: Mapping[str, str]


def templates_from(definition: object) -> Templates:
    """The templates in `definition`, checked. Raises ParseError that names what is wrong."""
    try:
        found = msgspec.convert(definition, Templates)
    except msgspec.ValidationError as error:
        raise ParseError(f"the templates cannot be read: {error}") from None
    if len(found.templates) > MOST_TEMPLATES:
        raise ParseError(f"at most {MOST_TEMPLATES} templates")
    names = [template.name for template in found.templates]
    if len(set(names)) < len(names):
        raise ParseError("each template needs a name of its own")
    for template in found.templates:
        check(template)
    return found


def check(template: Template) -> None:
    """Raises ParseError that names the field which is wrong."""
    if not template.name.strip() or len(template.name) > 60:
        raise ParseError("a name of at most 60 characters is needed", "name")
    if not template.subject:
        raise ParseError("say how the subject looks", "subject")
    known = set(GIVEN)
    for field, patterns in (
        ("subject", template.subject),
        ("body", template.body),
        ("sender", (template.sender,)),
    ):
        for pattern in filter(None, patterns):
            try:
                known |= set(compiled(pattern).places)
            except PatternError as error:
                raise ParseError(str(error), field) from None
    _check_places(template, known)


def _check_places(template: Template, known: set[str]) -> None:
    rendered_fields = {name: getattr(template, name) for name in RENDERED} | {
        f"labels.{name}": text for name, text in template.labels.items()
    }
    for name, text in rendered_fields.items():
        if missing := unknown_places(text, known):
            raise ParseError(f"no pattern finds {{{sorted(missing)[0]}}}", name)
    if stray := {*template.needs, *template.among} - known:
        raise ParseError(f"no pattern finds {{{sorted(stray)[0]}}}", "needs")


def recognise(letter: Letter, templates: Iterable[Template]) -> Recognised | None:
    """The first template that fits, with what it found."""
    lines = [line for line in letter.text.split("\n", LINES)[:LINES] if line.strip()]
    for template in templates:
        fields = _fields(letter, template, lines)
        if fields is not None:
            return Recognised(template, fields)
    return None


def _fields(letter: Letter, template: Template, lines: Sequence[str]) -> dict[str, str] | None:
    sender = compiled(template.sender).match(letter.sender) if template.sender else {}
    subject = next(
        (
            found
            for each in template.subject
            if (found := compiled(each).match(letter.subject)) is not None
            and _allowed(found, template, found)
        ),
        None,
    )
    if sender is None or subject is None:
        return None
    fields = {**sender, **subject}
    for each in template.body:
        pattern = compiled(each)
        found = next((match for line in lines if (match := pattern.match(line)) is not None), {})
        fields = {**found, **fields}
    if any(not fields.get(name) for name in template.needs) or not _allowed(fields, template):
        return None
    return {**fields, "subject": letter.subject, "sender": letter.sender}


def _allowed(fields: Mapping[str, str], template: Template, seen: Iterable[str] | None = None) -> bool:
    """Whether the places (only those `seen` so far, where given) have values that they may have."""
    names = set(template.among) if seen is None else set(template.among) & set(seen)
    return all(fields.get(name, "").lower() in map(str.lower, template.among[name]) for name in names)


def signal_of(
    recognised: Recognised, letter: Letter, *, occurred_at: datetime, row: int, security: bool = False
) -> Signal:
    """The signal of a recognised mail."""
    template, fields = recognised.template, recognised.fields

    def read(text: str) -> str:
        return rendered(text, fields)

    title, _rest = headline(read(template.title) or letter.subject or template.name)
    state = read(template.state)
    key = read(template.key) or title
    labels = {name: text for name, template_of in template.labels.items() if (text := read(template_of))}
    return Signal(
        kind=_kind(template, state),
        key=bounded_key(f"{template.name}:{key}:{letter.sender}"),
        title=title,
        description=letter.text,
        severity=severity_of(read(template.severity) or state, template.severities),
        service=read(template.service),
        ci=read(template.ci),
        group=bounded_key(read(template.group)),
        security=security,
        labels={"tool": template.name, "from": letter.sender, **labels},
        occurred_at=occurred_at,
        row=row,
    )


def _kind(template: Template, state: str) -> SignalKind:
    word = state.lower()

    def among(words: Iterable[str]) -> bool:
        return bool(word) and word in (each.lower() for each in words)

    if among(template.resolved):
        return SignalKind.RESOLVE
    if among(template.acknowledged):
        return SignalKind.ACKNOWLEDGE
    return SignalKind.NOTE if among(template.notes) else SignalKind.TRIGGER
