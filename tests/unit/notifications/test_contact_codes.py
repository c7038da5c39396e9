"""Codes go to addresses that nobody has proven: only so many."""

import pytest

from firstline.core.errors import Invalid
from firstline.notifications import methods
from firstline.notifications.models import Delivery
from tests.organisation import organisation

pytestmark = pytest.mark.django_db


def test_nobody_floods_an_address_with_codes() -> None:
    org = organisation()

    def ask() -> None:
        actor = org.by(org.agent)
        methods.add(org.agent.id, channel="email", address="victim@example.com", actor=actor, now=org.now)

    for _ in range(10):
        ask()
    with pytest.raises(Invalid):
        ask()
    assert Delivery.objects.filter(address="victim@example.com").count() == 10
    org.advance(hours=1)
    ask()
