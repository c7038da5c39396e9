"""The demo as a part of `firstline up --demo`: makes the company once, then keeps it busy."""

import json
import os
import secrets
import threading
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from random import Random

from django.conf import settings
from django.db import transaction

from firstline.accounts import actions as accounts
from firstline.accounts.models import Person
from firstline.core import clock, event_log, live
from firstline.demo import company, duty, history, lives, open_work, past, setup, traffic, ways_in

DAYS = 90
SINGLE = timedelta(days=3)
"""What ended before this long ago is told set by set, what came later action by action."""


@dataclass(frozen=True, slots=True)
class Secrets:
    """What must be known in plain text to use the demo; kept beside the data, for the owner's eyes only."""

    password: str
    tokens: dict[str, str]


def run(stop: threading.Event) -> None:
    """Make the company if it is missing, say how to sign in, then live traffic until `stop`."""
    world = setup.find()
    kept = _kept()
    if world is None or kept is None:
        _say("The demo company moves in; its history is there in less than a minute.")
        world, kept = make()
    else:
        ways_in.find(world)
    _say(
        f"Sign in at {settings.URL} with the password {kept.password}\n"
        f"    {setup.address(company.ADMINISTRATOR.name)} (administrator)\n"
        f"    {setup.address('Maren Thorsen')} (first line, major incidents)\n"
        f"    {setup.address('Elena Petrova')} (leads the commerce applications)\n"
        f"    {setup.address('Anna Kjær')} (a caller)"
    )
    traffic.Traffic(world, kept.tokens, Random()).run(stop)


def make() -> tuple[setup.World, Secrets]:
    """The company with its history, all or nothing: a crash in between leaves an empty installation."""
    now = clock.now()
    begin = now - timedelta(days=DAYS)
    rng = Random(company.SEED)
    with transaction.atomic():
        with event_log.past_only():
            world = setup.make(now=begin - timedelta(days=2))
            schedules = duty.make(world, now=begin - timedelta(days=1))
            tokens = ways_in.make(world, now=begin - timedelta(days=1))
        told = list(lives.draw(rng, begin, now - timedelta(minutes=30)))
        older = [life for life in told if history.is_over(life, now - SINGLE)]
        newer = [life for life in told if not history.is_over(life, now - SINGLE)]
        past.Past(world, rng).tell(older, now=now)
        history.Teller(world, rng).tell(newer, until=now, said=lambda _at: None)
        open_work.learnt(world, now=now)
        open_work.Today(world, rng, now).make()
        duty.stand_ins(world, schedules, now=now)
        kept = Secrets(secrets.token_urlsafe(9), tokens)
        _give_passwords(kept.password, world)
        _keep(kept)
    live.flush()
    return world, kept


def _give_passwords(password: str, world: setup.World) -> None:
    """One password for everybody: this is a demo, and the password is new on each installation."""
    now = clock.now()
    administrator = Person.objects.get(id=world.administrator)
    accounts.set_password(administrator.id, password, actor=setup.SETUP, now=now)
    hashed = Person.objects.values_list("password", flat=True).get(id=administrator.id)
    Person.objects.filter(id__in=world.people.values()).update(password=hashed)


def _path() -> Path:
    return Path(settings.ENVIRONMENT.data) / "demo.json"


def _keep(kept: Secrets) -> None:
    handle = os.open(_path(), os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "w") as file:
        json.dump({"password": kept.password, "tokens": kept.tokens}, file)


def _kept() -> Secrets | None:
    try:
        document = json.loads(_path().read_text())
    except FileNotFoundError:
        return None
    return Secrets(document["password"], document["tokens"])


def _say(text: str) -> None:
    print(f"\n  {text}\n", flush=True)  # noqa: T201
