"""Every write to incidents. One function per verb; those that an engine drives take a list."""

from firstline.incidents.actions.editing import (
    add_task,
    categorise,
    diagnose,
    edit,
    finish_task,
    lift_override,
    override_priority,
    publish,
)
from firstline.incidents.actions.majors import declare, end, post_status, propose, withdraw
from firstline.incidents.actions.people import add_affected, me_too, note_read, watch
from firstline.incidents.actions.register import Report, register, register_one
from firstline.incidents.actions.relating import link, merge, set_parent, unlink, unmerge
from firstline.incidents.actions.resolving import (
    cancel,
    close,
    propose_resolution,
    reopen,
    resolve,
    resolve_by_rule,
)
from firstline.incidents.actions.talking import add_comment, attach, comment, comment_as_caller
from firstline.incidents.actions.working import (
    acknowledge,
    assign,
    escalate,
    hold,
    resume,
    start,
    take,
    wake_held,
)

__all__ = [
    "Report",
    "acknowledge",
    "add_affected",
    "add_comment",
    "add_task",
    "assign",
    "attach",
    "cancel",
    "categorise",
    "close",
    "comment",
    "comment_as_caller",
    "declare",
    "diagnose",
    "edit",
    "end",
    "escalate",
    "finish_task",
    "hold",
    "lift_override",
    "link",
    "me_too",
    "merge",
    "note_read",
    "override_priority",
    "post_status",
    "propose",
    "propose_resolution",
    "publish",
    "register",
    "register_one",
    "reopen",
    "resolve",
    "resolve_by_rule",
    "resume",
    "set_parent",
    "start",
    "take",
    "unlink",
    "unmerge",
    "wake_held",
    "watch",
    "withdraw",
]
