"""The ways in: password, second factor with real codes, recovery codes, a code by mail, a forgotten password."""

import re
import time

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value
from django.conf import settings
from django.core.cache import cache
from django.test import Client

from firstline.accounts.actions import create_person, create_setup_link, set_password
from firstline.accounts.models import Person
from firstline.core import clock
from firstline.core.actor import Actor
from firstline.core.errors import Invalid
from firstline.core.models import RateWindow
from firstline.notifications.models import Delivery, Message

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery staple"
MAKER = Actor.system("test")


@pytest.fixture(autouse=True)
def fresh_limits() -> None:
    cache.clear()


@pytest.fixture
def rosa() -> Person:
    return create_person(
        email="rosa@example.org",
        name="Rosa",
        password=PASSWORD,
        zone="Europe/Kyiv",
        actor=MAKER,
        now=clock.now(),
    )


def sign_in(client: Client, password: str = PASSWORD, email: str = "rosa@example.org") -> object:
    return client.post("/sign-in/", {"login": email, "password": password})


def who(client: Client) -> str | None:
    return client.session.get("_auth_user_id")


def code_of(secret: str) -> str:
    """What an authenticator app shows now (RFC 6238)."""
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30))


def last_mail(address: str) -> Message:
    return Delivery.objects.filter(address=address).latest("id").message


def test_a_password_signs_in_and_the_page_out_of_it(client: Client, rosa: Person) -> None:
    assert sign_in(client).status_code == 302
    assert who(client) == str(rosa.id)
    assert "Rosa" in client.get("/account/").content.decode()
    assert client.get("/sign-out/").status_code == 200 and who(client), "a link signs nobody out"
    client.post("/sign-out/")
    assert who(client) is None
    assert client.get("/my/").headers["Location"].startswith("/sign-in/?next=/my/")


@pytest.mark.parametrize(
    ("email", "password"), [("rosa@example.org", "wrong"), ("nobody@example.org", PASSWORD), ("", "")]
)
def test_one_answer_for_every_wrong_pair(client: Client, rosa: Person, email: str, password: str) -> None:
    answer = sign_in(client, password, email)
    assert answer.status_code == 200 and who(client) is None
    if email:
        assert "not correct" in answer.content.decode()


def test_somebody_who_was_deactivated_stays_out(client: Client, rosa: Person) -> None:
    Person.objects.filter(id=rosa.id).update(is_active=False)
    sign_in(client)
    assert who(client) is None


def test_guessing_ends_for_the_account_and_counts_over_processes(client: Client, rosa: Person) -> None:
    for n in range(10):
        sign_in(client, f"wrong {n}")
        cache.clear()  # what another process would know
    assert "Too many" in sign_in(client).content.decode() and who(client) is None
    assert RateWindow.objects.filter(key__startswith="sign-in-person:").exists()
    assert "rosa" not in "".join(RateWindow.objects.values_list("key", flat=True))


def test_signing_in_often_is_no_guessing(rosa: Person) -> None:
    """An office behind one address comes to work."""
    for _ in range(12):
        cache.clear()
        client = Client()
        sign_in(client)
        assert who(client) == str(rosa.id)
    assert not RateWindow.objects.exists()


def turn_on_second_factor(client: Client) -> str:
    client.post("/account/confirm-access/", {"password": PASSWORD})
    page = client.get("/account/second-factor/app/on/")
    secret = re.search(r'value="([A-Z2-7]{32})"', page.content.decode())
    assert secret, (page.status_code, page.headers)
    answer = client.post("/account/second-factor/app/on/", {"code": code_of(secret.group(1))})
    assert answer.status_code == 302, answer.content.decode()
    return secret.group(1)


def test_the_second_factor_with_real_codes(client: Client, rosa: Person) -> None:
    sign_in(client)
    secret = turn_on_second_factor(client)
    stored = Authenticator.objects.get(user=rosa, type="totp").data["secret"]
    assert secret not in stored, "the secret is encrypted at rest"
    assert TOTP(Authenticator.objects.get(user=rosa, type="totp")).validate_code(code_of(secret))
    cache.clear()  # a code works once; the app would show the next one
    other = Client()
    assert sign_in(other).headers["Location"].startswith("/sign-in/second-factor/")
    assert who(other) is None and other.get("/my/").status_code == 302
    assert other.post("/sign-in/second-factor/", {"code": "000000"}).status_code == 200 and who(other) is None
    other.post("/sign-in/second-factor/", {"code": code_of(secret)})
    assert who(other) == str(rosa.id)
    third = Client()
    sign_in(third)
    third.post("/sign-in/second-factor/", {"code": code_of(secret)})
    assert who(third) is None, "the same code twice"


def test_a_recovery_code_works_once(client: Client, rosa: Person) -> None:
    sign_in(client)
    turn_on_second_factor(client)
    codes = re.findall(
        r"<li>([0-9a-z]{4,}[^<]*)</li>", client.get("/account/recovery-codes/").content.decode()
    )
    assert len(codes) == 10
    for attempt, expected in ((1, str(rosa.id)), (2, None)):
        other = Client()
        sign_in(other)
        other.post("/sign-in/second-factor/", {"code": codes[0]})
        assert who(other) == expected, attempt


def test_the_second_factor_is_not_switched_off_without_the_password(client: Client, rosa: Person) -> None:
    client.force_login(rosa, backend="django.contrib.auth.backends.ModelBackend")
    assert "/account/confirm-access/" in client.get("/account/second-factor/app/on/").headers["Location"]
    client.post("/account/confirm-access/", {"password": "wrong"})
    assert client.get("/account/second-factor/app/on/").status_code == 302
    client.post("/account/confirm-access/", {"password": PASSWORD})
    assert client.get("/account/second-factor/app/on/").status_code == 200


def test_a_code_by_mail_needs_no_password(client: Client, rosa: Person) -> None:
    Person.objects.filter(id=rosa.id).update(password="!")
    client.post("/sign-in/code/", {"email": "rosa@example.org"})
    message = last_mail("rosa@example.org")
    assert message.kind == "account"
    code = re.search(r"^([0-9A-Z-]{6,})$", message.body, re.MULTILINE)
    assert code, message.body
    client.post("/sign-in/code/confirm/", {"code": "WRONG1"})
    assert who(client) is None
    client.post("/sign-in/code/confirm/", {"code": code.group(1)})
    assert who(client) == str(rosa.id)


def test_an_unknown_address_is_told_by_mail_only(client: Client, rosa: Person) -> None:
    known = client.post("/sign-in/code/", {"email": "rosa@example.org"})
    unknown = Client().post("/sign-in/code/", {"email": "who@example.org"})
    assert (known.status_code, known.headers["Location"]) == (
        unknown.status_code,
        unknown.headers["Location"],
    )
    assert "don't know" in last_mail("who@example.org").body


def test_a_forgotten_password(client: Client, rosa: Person) -> None:
    client.post("/account/password/forgotten/", {"email": "rosa@example.org"}, headers={"host": "127.0.0.1"})
    found = re.search(
        rf"{re.escape(settings.URL)}(/account/password/new/\S+)", last_mail("rosa@example.org").body
    )
    assert found, "the link leads to the installation's address"
    page = client.get(found.group(1), follow=True)
    path = page.redirect_chain[-1][0]
    assert client.post(path, {"password1": "short", "password2": "short"}).status_code == 200
    client.post(path, {"password1": "a much longer sentence", "password2": "a much longer sentence"})
    assert Person.objects.get(id=rosa.id).check_password("a much longer sentence")
    again = Client().get(found.group(1), follow=True).content.decode()
    assert "used or has expired" in again


def test_nobody_makes_an_account(client: Client) -> None:
    client.post("/sign-in/new/", {"email": "new@example.org", "password1": PASSWORD, "password2": PASSWORD})
    assert not Person.objects.exists()


def test_the_set_up_link_makes_one_administrator(client: Client) -> None:
    token = create_setup_link(now=clock.now())
    path = f"/setup/{token}/"
    assert client.get(path).status_code == 200 and client.head(path).status_code == 200
    assert not Person.objects.exists(), "looking changes nothing"
    weak = {"name": "Ada", "email": "ada@example.org", "password": "password", "zone": "Europe/Kyiv"}
    assert client.post(path, weak).status_code == 422 and not Person.objects.exists()
    assert client.post(path, {**weak, "password": PASSWORD}).status_code == 302
    ada = Person.objects.get()
    assert set(ada.roles) == {"administrator", "agent"} and who(client) == str(ada.id)
    other = Client()
    assert other.get(path).status_code == 404
    assert other.post(path, {**weak, "email": "eve@example.org", "password": PASSWORD}).status_code == 404
    assert Person.objects.count() == 1
    with pytest.raises(Invalid):
        create_setup_link(now=clock.now())


def test_a_guessed_set_up_link_is_nothing(client: Client) -> None:
    create_setup_link(now=clock.now())
    for _ in range(20):
        assert client.get("/setup/abcdefghijklmnopqrstuvwxyz012345/").status_code == 404
    assert client.get("/setup/abcdefghijklmnopqrstuvwxyz012345/").status_code == 429


def test_a_changed_password_is_told(client: Client, rosa: Person) -> None:
    sign_in(client)
    new = "another long sentence"
    client.post("/account/password/", {"oldpassword": PASSWORD, "password1": new, "password2": new})
    assert Person.objects.get(id=rosa.id).check_password(new)
    assert "password" in last_mail("rosa@example.org").body.lower()
    set_password(rosa.id, PASSWORD, actor=MAKER, now=clock.now())


def test_the_session_cookie_is_not_for_scripts(client: Client, rosa: Person) -> None:
    sign_in(client)
    cookie = client.cookies[settings.SESSION_COOKIE_NAME]
    assert cookie["httponly"] and cookie["samesite"] == "Lax"


def test_sign_in_leads_back_to_our_own_pages_only(client: Client, rosa: Person) -> None:
    answer = client.post(
        "/sign-in/?next=https://evil.example/", {"login": "rosa@example.org", "password": PASSWORD}
    )
    assert answer.headers["Location"] == "/"
