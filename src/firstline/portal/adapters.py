"""How django-allauth meets Firstline: whose accounts, which mails, what is encrypted, what is limited."""

from datetime import timedelta
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.conf import settings
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse

from firstline.accounts.models import Person
from firstline.core import clock, rate, secrets
from firstline.core.requests import client_address
from firstline.notifications.telling import tell_address

FAILURES_PER_ADDRESS = rate.Limit("sign-in", 30, timedelta(minutes=5))
FAILURES_PER_PERSON = rate.Limit("sign-in-person", 10, timedelta(minutes=5))


class Accounts(DefaultAccountAdapter):  # type: ignore[misc]
    """Nobody makes an account: people come by report, mail, import or the identity provider, and sign in with a
    code sent to their address, or set a password by mail."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def new_user(self, request: HttpRequest) -> Person:
        return Person(created_at=clock.now())

    def get_client_ip(self, request: HttpRequest) -> str:
        return client_address(request)

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        return reverse("portal:account")

    def get_reset_password_from_key_url(self, key: str) -> str:
        """Under the installation's own address, whatever the request's Host header says."""
        template = reverse("account_reset_password_from_key", kwargs={"uidb36": "UID", "key": "KEY"})
        return str(settings.URL) + template.replace("UID-KEY", key)

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Through the ledger of deliveries like every other message, so that a mail server that is away costs
        a retry and not the page."""
        said = {**context, "email": email, "url": settings.URL}
        subject = " ".join(render_to_string(f"{template_prefix}_subject.txt", said).split())
        body = render_to_string(f"{template_prefix}_message.txt", said).strip()
        key = f"account:{secrets.new_token()}"
        tell_address(email, kind="account", subject=subject, body=body, key=key, now=clock.now())

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Refuse guessing, counted over all processes: failures by the client's address and by the account."""
        now = clock.now()
        if any(rate.exhausted(limit, who, now=now) for limit, who in _aims(request, credentials)):
            raise self.validation_error("too_many_login_attempts")
        super().pre_authenticate(request, **credentials)

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        now = clock.now()
        for limit, who in _aims(request, credentials):
            rate.take(limit, who, now=now)

    def reauthenticate(self, user: Person, password: str) -> bool:
        """By the person's own password; it needs no row of allauth's own address table."""
        self.pre_authenticate(self.request, email=user.email)
        if user.check_password(password):
            return True
        self.authentication_failed(self.request, email=user.email)
        return False


def _aims(request: HttpRequest, credentials: dict[str, Any]) -> list[tuple[rate.Limit, str]]:
    """What a failed sign-in counts against."""
    aimed_at = str(credentials.get("email") or credentials.get("username") or "").lower()
    found = [(FAILURES_PER_ADDRESS, client_address(request))]
    return [*found, (FAILURES_PER_PERSON, aimed_at)] if aimed_at else found


class Identities(DefaultSocialAccountAdapter):  # type: ignore[misc]
    """People of the identity provider that the administrator configured are welcome; new ones become callers."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        return True

    def new_user(self, request: HttpRequest, sociallogin: Any) -> Person:
        return Person(created_at=clock.now())

    def populate_user(self, request: HttpRequest, sociallogin: Any, data: dict[str, Any]) -> Person:
        """Address and name from the claims. The address is lower-cased: it is how people are told apart."""
        person: Person = super().populate_user(request, sociallogin, data)
        claims = sociallogin.account.extra_data
        claims = claims.get("userinfo") or claims.get("id_token") or claims
        person.email = person.email.lower()
        named = claims.get("name") or " ".join(
            str(claims.get(n) or "") for n in ("given_name", "family_name")
        )
        person.name = " ".join(str(named).split())[:120] or person.email.split("@")[0]
        return person


class SecondFactors(DefaultMFAAdapter):  # type: ignore[misc]
    """The secrets of authenticator apps and recovery codes are encrypted at rest."""

    def get_totp_issuer(self) -> str:
        return f"Firstline {settings.SITE_HOST}"

    def encrypt(self, text: str) -> str:
        return secrets.encrypt(text)

    def decrypt(self, encrypted_text: str) -> str:
        return secrets.decrypt(encrypted_text)


def display_name(person: Person) -> str:
    return person.name
