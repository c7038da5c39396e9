"""What the selftest needs, made once and used again: all of it marked synthetic, none of it pages a person."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from firstline.accounts import actions as accounts
from firstline.accounts.models import Person, SupportGroup, Token
from firstline.catalog import actions as catalog
from firstline.catalog.models import Service
from firstline.core.actor import Actor
from firstline.core.errors import Invalid
from firstline.core.locks import lock
from firstline.core.models import Setting
from firstline.core.secrets import decrypt, encrypt, hash_token, new_token
from firstline.diagnosis.actions import create_check, edit_check
from firstline.diagnosis.models import Check
from firstline.intake.actions import create_source, rotate_token
from firstline.intake.models import Source
from firstline.oncall.configure import assign_policy, create_policy
from firstline.oncall.models import Policy, PolicyAssignment
from firstline.oncall.policy import Policy as PolicyDocument
from firstline.oncall.policy import Step, Target

NAME = "Selftest"
EMAIL = "selftest@firstline.invalid"
SINK = "log"
KEY = "selftest"
SELFTEST = Actor.system("selftest")
SCOPES = ["incident:read", "incident:write"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixtures:
    """The synthetic things by id, and the secrets to use them."""

    source_id: int
    source_token: str
    service_id: int
    group_id: int
    person_id: int
    password: str
    api_token: str


@transaction.atomic
def ensure(base: str, *, now: datetime) -> Fixtures:
    """Find or make them, for an installation that answers at `base`. Two runs at once wait for each other here."""
    lock("firstline.selftest")
    group = SupportGroup.objects.filter(name=NAME).first() or accounts.create_group(
        name=NAME, synthetic=True, actor=SELFTEST, now=now
    )
    service = Service.objects.filter(name=NAME).first() or catalog.create_service(
        name=NAME,
        description="What the selftest reports on. Nobody uses it.",
        group_id=group.id,
        in_portal=False,
        synthetic=True,
        actor=SELFTEST,
        now=now,
    )
    _check(service, base, now)
    _policy(service, now)
    person = Person.objects.filter(email=EMAIL).first() or accounts.create_person(
        email=EMAIL, name=NAME, synthetic=True, email_verified_at=now, actor=SELFTEST, now=now
    )
    kept = _secrets(service, group, person, now)
    return Fixtures(service_id=service.id, group_id=group.id, person_id=person.id, **kept)


def _check(service: Service, base: str, now: datetime) -> None:
    """Firstline looks at its own health page, through the address that people use."""
    target = f"{base}/healthz"
    row = Check.objects.filter(name=NAME).first()
    if row is None:
        create_check(name=NAME, kind="http", target=target, service_id=service.id, actor=SELFTEST, now=now)
    elif row.target != target:
        edit_check(row.id, target=target, actor=SELFTEST, now=now)


def _policy(service: Service, now: datetime) -> None:
    """Pages a sink that only writes into the log."""
    sink = Target("channel", address=f"{SINK}:{KEY}")
    policy = Policy.objects.filter(name=NAME).first() or create_policy(
        name=NAME,
        definition=PolicyDocument(steps=(Step(targets=(sink,), delay=60),)),
        actor=SELFTEST,
        now=now,
    )
    if not policy.synthetic:
        policy.synthetic = True
        policy.save(update_fields=["synthetic"])
    if not PolicyAssignment.objects.filter(service=service).exists():
        assign_policy(service_id=service.id, priority=None, policy_id=policy.id, actor=SELFTEST, now=now)


def _secrets(service: Service, group: SupportGroup, person: Person, now: datetime) -> dict[str, Any]:
    """The tokens and the password of earlier runs, as long as they are still good; else new ones."""
    known = _read()
    known["source_id"], known["source_token"] = _source(service, group, known.get("source_token", ""), now)
    if not Token.objects.filter(token_hash=hash_token(known.get("api_token", "")), revoked_at=None).exists():
        _row, known["api_token"] = accounts.create_token(
            name=NAME, scopes=SCOPES, group_ids=[group.id], actor=SELFTEST, now=now
        )
    if not person.check_password(known.get("password", "")):
        known["password"] = new_token()
        accounts.set_password(person.id, known["password"], actor=SELFTEST, now=now)
    Setting.objects.update_or_create(key=KEY, defaults={"value": {"secret": encrypt(json.dumps(known))}})
    return known


def _source(service: Service, group: SupportGroup, token: str, now: datetime) -> tuple[int, str]:
    row = Source.objects.filter(name=NAME).first()
    if row is None:
        row, token = create_source(
            name=NAME,
            kind="generic",
            synthetic=True,
            service_id=service.id,
            group_id=group.id,
            actor=SELFTEST,
            now=now,
        )
    elif row.token_hash != hash_token(token):
        row, token = rotate_token(row.id, actor=SELFTEST, now=now)
    return row.id, token


def _read() -> dict[str, Any]:
    row = Setting.objects.filter(key=KEY).first()
    if row is None:
        return {}
    try:
        found = json.loads(decrypt(row.value["secret"]))
    except (Invalid, KeyError, ValueError):  # another FIRSTLINE_SECRET_KEY: make them anew
        return {}
    return found if isinstance(found, dict) else {}
