"""Every write of paging, for callers that needn't know the files."""

from firstline.oncall.actions.answering import (
    acknowledge_incident,
    acknowledge_page,
    add_responder,
    decline_page,
    page_again,
    snooze,
)
from firstline.oncall.actions.findings import raise_findings
from firstline.oncall.actions.ledger import LEDGER
from firstline.oncall.actions.looking import look, look_due
from firstline.oncall.actions.replying import (
    Answered,
    answer_by_key,
    answer_by_number,
    answer_by_reply,
    bounced,
)
from firstline.oncall.actions.stalled import escalate_stalled
from firstline.oncall.actions.stepping import step_due

__all__ = [
    "LEDGER",
    "Answered",
    "acknowledge_incident",
    "acknowledge_page",
    "add_responder",
    "answer_by_key",
    "answer_by_number",
    "answer_by_reply",
    "bounced",
    "decline_page",
    "escalate_stalled",
    "look",
    "look_due",
    "page_again",
    "raise_findings",
    "snooze",
    "step_due",
]
