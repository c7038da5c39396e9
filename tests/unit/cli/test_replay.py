"""`firstline replay` before it has a database: its example, and what it asks for."""

import pytest
import yaml
from typer.testing import CliRunner

from firstline.cli.main import app
from firstline.desk.replay.document import parsed
from firstline.desk.replay.example import EXAMPLE

run = CliRunner()


def test_the_example_is_printed_and_is_a_rules_file() -> None:
    printed = run.invoke(app, ["replay", "--example"])
    assert printed.exit_code == 0 and printed.stdout == EXAMPLE
    assert parsed(yaml.safe_load(printed.stdout)).correlation is not None


@pytest.mark.parametrize("given", [[], ["--since", "24h"], ["--since", "yesterday", "--recorded"]])
def test_what_is_missing_is_asked_for(given: list[str]) -> None:
    assert run.invoke(app, ["replay", *given]).exit_code != 0


def test_a_rules_file_that_is_not_there() -> None:
    assert run.invoke(app, ["replay", "--since", "1h", "--rules", "/nowhere.yaml"]).exit_code == 2
