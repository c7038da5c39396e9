"""GitHub's webhooks → signals, by the event in `X-GitHub-Event`, or by shape without it.

What means trouble, each with its identity:

- `workflow_run`, `check_run`, `check_suite`, `status`: a failure on the default branch triggers, success resolves.
  Repository, workflow (check, context) and branch. Pull requests and other branches say nothing unless the source's
  setting `branches` names them; check runs of GitHub Actions are left to their workflow run.
- `dependabot_alert`, `code_scanning_alert`, `secret_scanning_alert`, `repository_vulnerability_alert`: security
  alerts; created and reopened trigger, fixed, dismissed and the like resolve. Repository and alert number.
- `deployment_status`: failure and error trigger, success resolves. Repository and environment.

A successful deployment, a `deployment` and a published `release` are changes. Every other event is kept and gives
no signal.
"""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from firstline.intake.signal import Severity, Signal, SignalKind
from firstline.intake.sources.building import at, built, part
from firstline.intake.sources.github.severity import FAILED_DEPLOYMENT, FAILED_RUN, LEAKED_SECRET, severity_of
from firstline.intake.sources.parsing import ParseError, Received, decode_json, instant

FORM = "application/x-www-form-urlencoded"
FAILED = ("failure", "timed_out", "startup_failure", "action_required", "error")
PASSED = ("success", "neutral", "skipped")
OPENED = (
    "created",
    "create",
    "reopened",
    "reopened_by_user",
    "reintroduced",
    "auto_reopened",
    "appeared_in_branch",
)
OPENED_SECRET = (*OPENED, "publicly_leaked")
ENDED = (
    "fixed",
    "dismissed",
    "auto_dismissed",
    "dismiss",
    "resolve",
    "resolved",
    "closed_by_user",
    "revoked",
)
SHAPES = (  # without the header: the first of these that is in the payload
    ("workflow_run", "workflow_run"),
    ("check_run", "check_run"),
    ("check_suite", "check_suite"),
    ("deployment_status", "deployment_status"),
    ("deployment", "deployment"),
    ("release", "release"),
)
Document = Mapping[str, Any]


def parse(row: Received, settings: Document) -> list[Signal]:
    """At most two signals: a deployment that succeeded is a change, and ends the alert of one that failed."""
    document = _document(row)
    event = row.headers.get("x-github-event", "").lower() or _event_of(document)
    reader = READERS.get(event)
    return [] if reader is None else reader(row, document, settings)


def _document(row: Received) -> Document:
    body = row.body
    if row.content_type.lower().startswith(FORM):
        body = dict(parse_qsl(body.decode("utf-8", "replace"))).get("payload", "").encode()
    document = decode_json(body)
    if not isinstance(document, dict):
        raise ParseError("expected a webhook of GitHub as an object", "$")
    return document


def _event_of(document: Document) -> str:
    alert = part(document, "$.alert")
    if alert:
        if "secret_type" in alert:
            return "secret_scanning_alert"
        return (
            "dependabot_alert"
            if "security_advisory" in alert or "dependency" in alert
            else "code_scanning_alert"
        )
    return next((event for name, event in SHAPES if isinstance(document.get(name), dict)), "")


def _repository(document: Document) -> str:
    return at(document, "$.repository.full_name") or "repository"


def _watched(document: Document, branch: str, settings: Document) -> bool:
    """Whether failures on this branch matter: the default one, or those that the source names."""
    named = settings.get("branches")
    if isinstance(named, list | tuple) and named:
        return "*" in named or branch in named
    default = at(document, "$.repository.default_branch")
    return not default or not branch or branch == default


def _outcome(conclusion: str) -> SignalKind | None:
    if conclusion in FAILED:
        return SignalKind.TRIGGER
    return SignalKind.RESOLVE if conclusion in PASSED else None


def _run(row: Received, document: Document, settings: Document) -> list[Signal]:
    run = part(document, "$.workflow_run")
    branch, kind = at(run, "$.head_branch"), _outcome(at(run, "$.conclusion"))
    if kind is None or at(run, "$.event") == "pull_request" or not _watched(document, branch, settings):
        return []
    workflow = at(document, "$.workflow.name") or at(run, "$.name", "$.path") or "Workflow"
    identity = at(run, "$.workflow_id", "$.path") or workflow
    return [
        _built(
            row,
            document,
            kind=kind,
            key=f"workflow/{_repository(document)}/{identity}/{branch}",
            title=_ended(workflow, at(run, "$.conclusion"), branch),
            texts=(at(run, "$.display_title"), at(run, "$.head_commit.message")),
            happened=at(run, "$.updated_at"),
            severity=FAILED_RUN,
            group=at(run, "$.head_sha"),
            links=[(run.get("html_url"), "run")],
        )
    ]


def _check(row: Received, document: Document, settings: Document) -> list[Signal]:
    name = "check_run" if "check_run" in document else "check_suite"
    check = part(document, f"$.{name}")
    branch = at(check, "$.check_suite.head_branch", "$.head_branch")
    app = at(check, "$.app.slug", "$.app.name")
    kind = _outcome(at(check, "$.conclusion"))
    if kind is None or app == "github-actions" or not _watched(document, branch, settings):
        return []
    title = at(check, "$.name") or at(check, "$.app.name") or "Check"
    return [
        _built(
            row,
            document,
            kind=kind,
            key=f"{name}/{_repository(document)}/{title}/{branch}",
            title=_ended(title, at(check, "$.conclusion"), branch),
            texts=(at(check, "$.output.title"), at(check, "$.output.summary")),
            happened=at(check, "$.completed_at", "$.updated_at"),
            severity=FAILED_RUN,
            group=at(check, "$.head_sha"),
            links=[(check.get("html_url") or check.get("details_url"), "check")],
        )
    ]


def _status(row: Received, document: Document, settings: Document) -> list[Signal]:
    branches = document.get("branches")
    names = [at(branch, "$.name") for branch in branches] if isinstance(branches, list) else []
    branch = next((name for name in names if _watched(document, name, settings)), "")
    kind = _outcome(at(document, "$.state"))
    if kind is None or not branch:
        return []
    context = at(document, "$.context") or "status"
    return [
        _built(
            row,
            document,
            kind=kind,
            key=f"status/{_repository(document)}/{context}/{branch}",
            title=_ended(context, at(document, "$.state"), branch),
            texts=(at(document, "$.description"),),
            happened=at(document, "$.updated_at"),
            severity=FAILED_RUN,
            group=at(document, "$.sha"),
            links=[(document.get("target_url"), "status")],
        )
    ]


def _ended(name: str, conclusion: str, branch: str) -> str:
    words = {"success": "succeeded", "failure": "failed", "error": "failed", "timed_out": "timed out"}
    said = words.get(conclusion, conclusion.replace("_", " "))
    return f"{name} {said} on {branch}" if branch else f"{name} {said}"


def _alert(
    row: Received, document: Document, *, name: str, title: str, severity: Severity, texts: tuple[str, ...]
) -> list[Signal]:
    """A security alert of the repository."""
    alert, action = part(document, "$.alert"), at(document, "$.action")
    if action in (OPENED_SECRET if name == "secret" else OPENED):
        kind = SignalKind.TRIGGER
    elif action in ENDED:
        kind = SignalKind.RESOLVE
    else:
        return []
    if not title:
        raise ParseError("an alert needs a title", "$.alert")
    return [
        _built(
            row,
            document,
            kind=kind,
            key=f"{name}/{_repository(document)}/{at(alert, '$.number', '$.id') or title}",
            title=title,
            texts=texts,
            happened=at(alert, "$.created_at") if kind is SignalKind.TRIGGER else "",
            severity=severity,
            security=True,
            links=[(alert.get("html_url"), "alert")],
        )
    ]


def _dependabot(row: Received, document: Document, settings: Document) -> list[Signal]:
    alert = part(document, "$.alert")
    return _alert(
        row,
        document,
        name="dependabot",
        title=at(
            alert, "$.security_advisory.summary", "$.affected_package_name", "$.dependency.package.name"
        ),
        severity=severity_of(
            at(alert, "$.security_advisory.severity", "$.security_vulnerability.severity", "$.severity")
        ),
        texts=(
            at(alert, "$.security_advisory.cve_id", "$.security_advisory.ghsa_id", "$.ghsa_id"),
            at(alert, "$.dependency.manifest_path"),
            at(alert, "$.security_advisory.description"),
        ),
    )


def _code(row: Received, document: Document, settings: Document) -> list[Signal]:
    alert = part(document, "$.alert")
    return _alert(
        row,
        document,
        name="code_scanning",
        title=at(alert, "$.rule.description", "$.rule.name", "$.rule.id"),
        severity=severity_of(at(alert, "$.rule.security_severity_level", "$.rule.severity")),
        texts=(
            at(alert, "$.rule.full_description"),
            at(alert, "$.most_recent_instance.message.text"),
            at(alert, "$.most_recent_instance.location.path"),
            at(alert, "$.tool.name"),
        ),
    )


def _secret(row: Received, document: Document, settings: Document) -> list[Signal]:
    kind = at(document, "$.alert.secret_type_display_name", "$.alert.secret_type")
    return _alert(
        row,
        document,
        name="secret",
        title=f"Secret in {_repository(document)}: {kind}" if kind else "",
        severity=LEAKED_SECRET,
        texts=(at(document, "$.alert.secret_type"),),
    )


def _deployed(row: Received, document: Document, settings: Document) -> list[Signal]:
    status, deployment = part(document, "$.deployment_status"), part(document, "$.deployment")
    environment = at(status, "$.environment") or at(deployment, "$.environment")
    state = at(status, "$.state")
    kind = _outcome(state)
    if kind is None:
        return []
    alert = _built(
        row,
        document,
        kind=kind,
        key=f"deployment/{_repository(document)}/{environment}",
        title=f"Deployment to {environment or 'production'} {'failed' if kind is SignalKind.TRIGGER else 'succeeded'}",
        texts=(at(status, "$.description"), at(deployment, "$.description"), at(deployment, "$.ref")),
        happened=at(status, "$.created_at"),
        severity=FAILED_DEPLOYMENT,
        links=[(status.get("log_url") or status.get("target_url"), "log")],
    )
    return [alert] if kind is SignalKind.TRIGGER else [*_deployment(row, document, settings), alert]


def _deployment(row: Received, document: Document, settings: Document) -> list[Signal]:
    deployment = part(document, "$.deployment")
    environment = at(document, "$.deployment_status.environment") or at(deployment, "$.environment")
    what = at(deployment, "$.ref") or at(deployment, "$.sha")
    return [
        _built(
            row,
            document,
            kind=SignalKind.CHANGE,
            key=f"deployment/{_repository(document)}/{at(deployment, '$.id') or row.id}",
            title=f"{_repository(document)} {what} deployed to {environment or 'production'}",
            texts=(at(deployment, "$.description"),),
            happened=at(document, "$.deployment_status.created_at") or at(deployment, "$.created_at"),
            severity=Severity.INFO,
            links=[(document.get("repository", {}).get("html_url"), "repository")]
            if isinstance(document.get("repository"), dict)
            else [],
        )
    ]


def _release(row: Received, document: Document, settings: Document) -> list[Signal]:
    release = part(document, "$.release")
    if at(document, "$.action") != "published":
        return []
    return [
        _built(
            row,
            document,
            kind=SignalKind.CHANGE,
            key=f"release/{_repository(document)}/{at(release, '$.id', '$.tag_name') or row.id}",
            title=f"{_repository(document)} {at(release, '$.name', '$.tag_name') or 'release'} released",
            texts=(at(release, "$.body"),),
            happened=at(release, "$.published_at"),
            severity=Severity.INFO,
            links=[(release.get("html_url"), "release")],
        )
    ]


def _built(row: Received, document: Document, *, happened: str, group: str = "", **fields: Any) -> Signal:
    """A signal of this repository."""
    repository = _repository(document)
    return built(
        row,
        happened=instant(happened),
        service=at(document, "$.repository.name"),
        ci=repository,
        group=f"{repository}@{group}" if group else "",
        labels={"repository": repository, "action": at(document, "$.action")},
        **fields,
    )


Reader = Callable[[Received, Document, Document], list[Signal]]
READERS: dict[str, Reader] = {
    "workflow_run": _run,
    "check_run": _check,
    "check_suite": _check,
    "status": _status,
    "dependabot_alert": _dependabot,
    "repository_vulnerability_alert": _dependabot,
    "code_scanning_alert": _code,
    "secret_scanning_alert": _secret,
    "deployment_status": _deployed,
    "deployment": _deployment,
    "release": _release,
}
