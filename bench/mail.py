"""How well mail is understood, on the fixtures of e-mail libraries beside what those libraries expect; and how fast.

    python -m bench.mail [--data FOLDER]

Measured: whether a mail is automatic, whether it is a delivery report, whether an address is gone (not just refused),
and what of a reply is new. The last line is one JSON object.
"""

import argparse
import json
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.intake import about
from firstline.intake.mailparse import Mail, parse
from firstline.intake.quoting import fold

SHARED = Path(__file__).resolve().parents[2] / "shared"


@dataclass(frozen=True)
class Score:
    """Found and rightly so; found wrongly; not found."""

    hits: int
    false: int
    missed: int

    @property
    def precision(self) -> float:
        return self.hits / max(1, self.hits + self.false)

    @property
    def recall(self) -> float:
        return self.hits / max(1, self.hits + self.missed)


@dataclass(frozen=True)
class Figures:
    """All that is measured. `exact` of `replies` are folded exactly as expected; `lines` counts their lines."""

    automatic: Score
    bounce: Score
    gone: Score
    replies: int
    exact: int
    lines: Score
    lost: tuple[str, ...]
    mails: int
    megabytes: float
    seconds: float


def measured(folder: Path) -> Figures:
    """The figures on the fixtures in `folder` (with their manifest.json)."""
    entries = json.loads((folder / "manifest.json").read_text())
    raws = {entry["file"]: (folder / entry["file"]).read_bytes() for entry in entries if _is_mail(entry)}
    begun = time.perf_counter()
    mails = {name: parse(raw) for name, raw in raws.items()}
    seconds = time.perf_counter() - begun
    classified = [(entry, mails[entry["file"]]) for entry in entries if _is_mail(entry)]
    replies = [_folded(folder, entry) for entry in entries if not _is_mail(entry)]
    bounces = [(entry, mail) for entry, mail in classified if entry["kind"] == "bounce"]
    return Figures(
        automatic=_score((_must_not(entry), bool(mail.automatic)) for entry, mail in classified),
        bounce=_score((entry["kind"] == "bounce", _reports(mail)) for entry, mail in classified),
        gone=_score(
            (any(each["hard"] for each in entry["expected"]), _gone(mail)) for entry, mail in bounces
        ),
        replies=len(replies),
        exact=sum(visible == expected for _, visible, expected, _ in replies),
        lines=_lines((visible, expected) for _, visible, expected, _ in replies),
        lost=tuple(name for name, _, _, complete in replies if not complete),
        mails=len(mails),
        megabytes=sum(map(len, raws.values())) / 1e6,
        seconds=seconds,
    )


def _is_mail(entry: dict[str, Any]) -> bool:
    return str(entry["task"]).startswith("classify")


def _must_not(entry: dict[str, Any]) -> bool:
    return "must not" in entry["task"]


def _reports(mail: Mail) -> bool:
    return mail.bounce is not None and mail.bounce.kind == "bounce"


def _gone(mail: Mail) -> bool:
    return mail.bounce is not None and any(failure.gone for failure in mail.bounce.failures)


def _score(pairs: Iterable[tuple[bool, bool]]) -> Score:
    """From (is so, was said to be so)."""
    seen = list(pairs)
    return Score(
        hits=sum(truth and said for truth, said in seen),
        false=sum(said and not truth for truth, said in seen),
        missed=sum(truth and not said for truth, said in seen),
    )


def _folded(folder: Path, entry: dict[str, Any]) -> tuple[str, str, str, bool]:
    """Name, what is visible, what should be, and whether nothing was lost on the way."""
    text = (folder / entry["file"]).read_text()
    folded = fold(text)
    kept = sorted("".join((folded.visible + folded.rest).split()))
    complete = kept == sorted("".join(text.split()))
    return (
        entry["file"],
        folded.visible.strip(),
        (folder / entry["expected_file"]).read_text().strip(),
        complete,
    )


def _lines(pairs: Iterable[tuple[str, str]]) -> Score:
    hits = false = missed = 0
    for visible, expected in pairs:
        shown, wanted = _said(visible), _said(expected)
        hits, false, missed = (
            hits + len(shown & wanted),
            false + len(shown - wanted),
            missed + len(wanted - shown),
        )
    return Score(hits, false, missed)


def _said(text: str) -> set[str]:
    return {" ".join(line.split()) for line in text.split("\n") if line.strip()}


def table(figures: Figures) -> str:
    """The figures as Markdown."""
    rows = [
        ("is automatic", figures.automatic),
        ("is a delivery report", figures.bounce),
        ("the address is gone, by a report", figures.gone),
        ("lines of a reply that are new", figures.lines),
    ]
    lines = [
        "| what | precision | recall | right | wrong | missed |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| {what} | {score.precision:.3f} | {score.recall:.3f} | {score.hits} | {score.false} | {score.missed} |"
        for what, score in rows
    ]
    rate = figures.mails / figures.seconds
    lines += [
        "",
        f"Replies folded exactly as expected: {figures.exact} of {figures.replies}. "
        f"Read: {figures.mails} mails ({figures.megabytes:.1f} MB), {rate:.0f} a second.",
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    usual = Path(os.environ.get("FIRSTLINE_SHARED", SHARED)) / "data" / "emails"
    parser.add_argument("--data", type=Path, default=usual)
    figures = measured(parser.parse_args().data)
    print(table(figures))
    found = {
        f"{name}_{part}": round(getattr(score, part), 4)
        for name, score in (
            ("automatic", figures.automatic),
            ("bounce", figures.bounce),
            ("gone", figures.gone),
            ("lines", figures.lines),
        )
        for part in ("precision", "recall")
    }
    extra = {
        "replies": figures.replies,
        "exact": figures.exact,
        "mails_per_s": round(figures.mails / figures.seconds),
    }
    print(json.dumps({"bench": "mail", **about(), **found, **extra}))


if __name__ == "__main__":
    main()
