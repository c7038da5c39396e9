"""The section "Storyline" of a security incident's page."""

from datetime import timedelta
from typing import Any

from firstline.accounts.viewer import Viewer
from firstline.console.storygraph import drawn, kind
from firstline.incidents.models import Incident
from firstline.intake import queries_storyline as queries
from firstline.intake.mitre import name_of

MINUTE = timedelta(minutes=1)
SHOWN = 60


def context_of(viewer: Viewer, incident: Incident) -> dict[str, Any]:
    """What the template needs; nothing for an ordinary incident, or one without alerts."""
    if not incident.security:
        return {}
    found = queries.told(viewer, incident.pk)
    story = found.story
    if not story.steps:
        return {}
    return {
        "story": story,
        "story_left_out": found.left_out,
        "tactics": [name_of(tactic) or tactic for tactic in story.tactics],
        "steps": [
            {
                "step": step,
                "until": step.last_at if step.last_at - step.begun_at >= MINUTE else None,
                "tactics": [name_of(tactic) or tactic for tactic in step.tactics],
                "entities": list(step.entities.values()),
            }
            for step in story.steps[:SHOWN]
        ],
        "drawing": drawn(story),
        "shared": [
            {
                "kind": kind(one),
                "value": one.entity.value,
                "steps": ", ".join(map(str, one.steps)),
                "count": len(one.steps),
            }
            for one in story.entities
        ],
        "relations": found.relations,
    }
