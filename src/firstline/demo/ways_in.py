"""The sources of Halden & Brook, with the tokens that its live traffic uses."""

from collections.abc import Mapping
from datetime import datetime

from firstline.demo import company
from firstline.demo.setup import SETUP, World
from firstline.intake.actions import create_source
from firstline.intake.models import Source

SOURCES: Mapping[str, tuple[str, str, str, bool]] = {
    # key: name, kind, group, security
    "alertmanager": ("Prometheus", "alertmanager_webhook", "platform", False),
    "pagerduty": ("Deployments and synthetic checks", "pagerduty", "commerce", False),
    "zabbix": ("Zabbix in the warehouse", "generic", "stores", False),
    "wazuh": ("Wazuh", "wazuh", "security", True),
}


def make(world: World, *, now: datetime) -> dict[str, str]:
    """Add the sources; their tokens by key. A heartbeat waits for the nightly backup."""
    tokens: dict[str, str] = {}
    for key, (name, kind, group, security) in SOURCES.items():
        source, tokens[key] = create_source(
            name=name,
            kind=kind,
            group_id=world.groups[group],
            security=security,
            owner_id=world.administrator,
            actor=SETUP,
            now=now,
        )
        world.sources[key] = source.id
    beat, tokens["backup"] = create_source(
        name="Nightly backup",
        kind="heartbeat",
        service_id=world.services["backup"],
        group_id=world.groups["data"],
        period_seconds=3600,
        grace_seconds=1800,
        actor=SETUP,
        now=now,
    )
    world.sources["backup"] = beat.id
    mail, _token = create_source(
        name="help@ by mail",
        kind="mail",
        address=f"help@{company.DOMAIN}",
        group_id=world.groups["first"],
        actor=SETUP,
        now=now,
    )
    world.sources["mail"] = mail.id
    return tokens


def find(world: World) -> None:
    """Fill in the ids of the sources of a company that was made earlier."""
    ids = dict(Source.objects.values_list("name", "id"))
    world.sources = {key: ids[name] for key, (name, *_) in SOURCES.items() if name in ids}
