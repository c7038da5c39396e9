"""Real mails: what is automatic is recognised, what is quoted is folded. `make bench-mail` says how well."""

import sys
from pathlib import Path

import pytest

from bench.mail import Figures, measured, table


@pytest.fixture(scope="module")
def figures(shared_data: Path) -> Figures:
    return measured(shared_data / "data" / "emails")


def test_reports_are_recognised(figures: Figures, capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        sys.stdout.write(f"\n{table(figures)}\n")
    assert figures.automatic.recall >= 0.99 and figures.automatic.false == 0
    assert figures.bounce.recall >= 0.98 and figures.bounce.precision >= 0.99


def test_a_dead_address_is_told_from_a_refusal(figures: Figures) -> None:
    assert figures.gone.precision >= 0.75 and figures.gone.recall >= 0.72


def test_quotations_are_folded(figures: Figures) -> None:
    assert figures.exact >= figures.replies * 0.95
    assert figures.lines.recall >= 0.97 and figures.lines.precision >= 0.97


def test_folding_loses_nothing(figures: Figures) -> None:
    assert figures.lost == ()
