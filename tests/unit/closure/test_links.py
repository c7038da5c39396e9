"""Signed links: good for what they say, for as long as they say."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.core import signing
from hypothesis import given
from hypothesis import strategies as st

from firstline.closure import links
from firstline.closure.links import ClosureLink, LinkExpired, Verb
from firstline.core.errors import NotFound
from tests.organisation import MONDAY

LINK = ClosureLink(17, 4, Verb.FIXED, MONDAY + links.VALID)


def test_a_link_says_what_was_signed() -> None:
    assert links.read(LINK.token(), now=MONDAY) == LINK


def test_the_message_has_one_link_per_verb_under_our_address() -> None:
    found = links.urls(confirmation_id=17, person_id=4, now=MONDAY)
    assert set(found) == {"fixed", "still-broken", "rate"}
    for verb, url in found.items():
        token = url.removeprefix(f"{settings.URL}/answer/").removesuffix("/")
        assert links.read(token, now=MONDAY) == ClosureLink(17, 4, Verb(verb), MONDAY + links.VALID)


def test_it_expires() -> None:
    assert links.read(LINK.token(), now=MONDAY + links.VALID - timedelta(seconds=1)) == LINK
    with pytest.raises(LinkExpired):
        links.read(LINK.token(), now=MONDAY + links.VALID)


def test_the_links_for_the_other_verbs_live_no_longer() -> None:
    assert LINK.other(Verb.RATE).expires_at == LINK.expires_at


@given(st.data())
def test_whoever_changes_a_character_gets_nothing(data: st.DataObject) -> None:
    token = LINK.token()
    at = data.draw(st.integers(0, len(token) - 2))  # the last one carries bits that base64 ignores
    other = data.draw(st.sampled_from("abcXYZ019-_:").filter(lambda c: c != token[at]))
    with pytest.raises(NotFound):
        links.read(token[:at] + other + token[at + 1 :], now=MONDAY)


@given(st.text(max_size=200))
def test_noise_is_no_link(text: str) -> None:
    with pytest.raises(NotFound):
        links.read(text, now=MONDAY)


@pytest.mark.parametrize(
    "value", [17, [1, 2], [1, 2, "delete", 9999999999], [1, 2, "fixed", "soon"], {"a": 1}]
)
def test_what_we_signed_for_something_else_is_no_link(value: object) -> None:
    with pytest.raises(NotFound):
        links.read(signing.dumps(value, salt="firstline.closure.links"), now=MONDAY)
    with pytest.raises(NotFound):
        links.read(signing.dumps([17, 4, "fixed", 9999999999], salt="firstline.intake.reports"), now=MONDAY)
