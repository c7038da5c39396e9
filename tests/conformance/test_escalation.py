"""The shared conformance cases of escalation (`escalation.yaml`)."""

import pytest

from firstline.oncall.replies import parse
from tests.conformance.cases import Case, cases


@pytest.mark.parametrize("case", cases("escalation.yaml"), ids=lambda case: case.id)
def test_pure_case(case: Case) -> None:
    assert case.id == "reply-texts"
    expected = [tuple(reply) if reply else None for reply in case.expect["parsed"]]
    found = [parse(text) for text in case.given["replies"]]
    assert [(reply.verb, reply.number) if reply else None for reply in found] == expected
