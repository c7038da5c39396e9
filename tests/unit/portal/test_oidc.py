"""Sign-in by an identity provider: a real one, over the network, with PKCE."""

from collections.abc import Iterator

import pytest
from django.core.cache import cache
from django.test import Client
from pytest_django import Settings

from firstline.accounts.actions import create_person
from firstline.accounts.models import Person
from firstline.config import env
from firstline.core import clock
from firstline.core.actor import Actor
from tests.oidc import OidcProvider, provider

pytestmark = pytest.mark.django_db
BACK = "http://testserver/sign-in/provider/oidc/back/"
PEOPLE = {
    "new": {"email": "New.Person@example.org", "email_verified": True, "name": "New Person"},
    "known": {"email": "rosa@example.org", "email_verified": True, "name": "Rosa from the directory"},
    "unproven": {"email": "rosa@example.org", "email_verified": False, "name": "Not Rosa"},
    "gone": {"email": "gone@example.org", "email_verified": True, "name": "Gone"},
}


@pytest.fixture(scope="module")
def identity_provider() -> Iterator[OidcProvider]:
    with provider(PEOPLE, BACK) as running:
        yield running


@pytest.fixture
def idp(identity_provider: OidcProvider, settings: Settings) -> OidcProvider:
    """Configured as an administrator does it: by FIRSTLINE_OIDC_… in the environment."""
    said = {
        "FIRSTLINE_OIDC_ISSUER": identity_provider.issuer,
        "FIRSTLINE_OIDC_CLIENT_ID": "firstline",
        "FIRSTLINE_OIDC_CLIENT_SECRET": "a secret between the two of us",
        "FIRSTLINE_OIDC_NAME": "The company's sign-in",
    }
    settings.SOCIALACCOUNT_PROVIDERS = env.identity_providers(env.read(said))
    cache.clear()
    return identity_provider


def person(email: str, **fields: object) -> Person:
    return create_person(email=email, name="Rosa", actor=Actor.system("test"), now=clock.now(), **fields)


def come_in(idp: OidcProvider, subject: str, path: str = "/sign-in/provider/oidc/?process=login") -> Client:
    client = Client()
    idp.sign_in_as(subject)
    leaves = client.post(path)
    assert leaves.status_code == 302 and "code_challenge=" in leaves.headers["Location"]
    back = idp.authorize(leaves.headers["Location"], BACK)
    client.get(back.removeprefix("http://testserver"), follow=True)
    return client


def who(client: Client) -> str | None:
    return client.session.get("_auth_user_id")


def test_the_button_carries_the_name_that_the_administrator_chose(idp: OidcProvider, client: Client) -> None:
    page = client.get("/sign-in/").content.decode()
    assert "The company&#x27;s sign-in" in page and "/sign-in/provider/oidc/" in page


def test_a_link_alone_starts_nothing(idp: OidcProvider, client: Client) -> None:
    assert client.get("/sign-in/provider/oidc/?process=login").status_code == 200


def test_somebody_new_becomes_a_caller(idp: OidcProvider) -> None:
    client = come_in(idp, "new")
    made = Person.objects.get()
    assert (made.email, made.name, made.roles) == ("new.person@example.org", "New Person", [])
    assert who(client) == str(made.id) and not made.has_usable_password()
    assert who(come_in(idp, "new")) == str(made.id) and Person.objects.count() == 1


def test_a_known_address_is_the_known_person(idp: OidcProvider) -> None:
    rosa = person("rosa@example.org", roles=["agent"])
    assert who(come_in(idp, "known")) == str(rosa.id)
    again = Person.objects.get()
    assert (again.name, again.roles) == ("Rosa", ["agent"]), "what is known here stays"


def test_an_address_that_the_provider_has_not_verified_is_nobody(idp: OidcProvider) -> None:
    person("rosa@example.org", roles=["administrator"])
    assert who(come_in(idp, "unproven")) is None
    assert Person.objects.count() == 1


def test_somebody_who_was_deactivated_stays_out(idp: OidcProvider) -> None:
    person("gone@example.org", is_active=False)
    assert who(come_in(idp, "gone")) is None


def test_an_answer_that_nobody_asked_for_is_refused(idp: OidcProvider, client: Client) -> None:
    client.get("/sign-in/provider/oidc/back/?code=stolen&state=guessed")
    assert who(client) is None
    idp.sign_in_as("known")
    person("rosa@example.org")
    leaves = client.post("/sign-in/provider/oidc/?process=login")
    back = idp.authorize(leaves.headers["Location"], BACK)
    stranger = Client()
    stranger.get(back.removeprefix("http://testserver"), follow=True)
    assert who(stranger) is None, "the answer belongs to the browser that asked"
