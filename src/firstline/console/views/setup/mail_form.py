"""The fields of a mail source's form: its address, its mailbox, and how one signs in to that."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _l

from firstline.console.views.setup import kit
from firstline.console.views.setup.kit import SetupForm
from firstline.intake.mailboxes import SignIn
from firstline.intake.models import Source

IMAP = (
    "host",
    "port",
    "security",
    "user",
    "folder",
    "sign_in",
    "token_url",
    "client_id",
    "scope",
    "authority",
)
SECRETS = ("client_secret", "refresh_token")
FIRST = ("address", "imap_host", "imap_port", "imap_security", "imap_user", "imap_sign_in", "secret")
OAUTH = ("imap_token_url", "imap_client_id", "client_secret", "refresh_token", "imap_scope")
LATER = ("imap_folder", "imap_authority", "trusted_relay")
NAMES = (*FIRST, *OAUTH, *LATER)
SECTIONS = (
    (
        _l("Mailbox"),
        _l(
            "Fetched by IMAP, at once where the server tells of new mail. Empty: only mail delivered to here."
        ),
        FIRST[1:],
    ),
    (
        _l("OAuth 2"),
        _l("Where the server takes no password, as Exchange Online and Gmail do."),
        OAUTH,
    ),
    (_l("More"), "", LATER),
)


def _secret(label: Any, help_text: Any) -> forms.CharField:
    return forms.CharField(
        label=label,
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=help_text,
    )


class MailFields(SetupForm):
    """What `SourceForm` has of its own for mail."""

    address = forms.EmailField(
        label=_l("Its address"), required=False, help_text=_l("Mail to it is this source's.")
    )
    imap_host = forms.CharField(
        label=_l("IMAP server"), required=False, help_text=_l("Such as outlook.office365.com.")
    )
    imap_port = forms.IntegerField(
        label=_l("Port"), required=False, min_value=1, max_value=65535, help_text=_l("Empty: 993, or 143.")
    )
    imap_security = forms.ChoiceField(
        label=_l("Encryption"),
        choices=[("ssl", "TLS"), ("starttls", "STARTTLS"), ("none", _l("none (this machine only)"))],
        help_text=_l("The certificate is verified."),
    )
    imap_user = forms.CharField(label=_l("User"), required=False)
    imap_sign_in = forms.ChoiceField(
        label=_l("Signs in with"),
        required=False,
        choices=[
            (SignIn.PASSWORD.value, _l("a password or app password")),
            (SignIn.CLIENT.value, _l("OAuth 2, client credentials")),
            (SignIn.REFRESH.value, _l("OAuth 2, refresh token")),
        ],
    )
    secret = _secret(_l("Password"), _l("Kept encrypted. Empty: it stays as it is."))
    imap_token_url = forms.CharField(
        label=_l("Token endpoint"),
        required=False,
        help_text=_l("Such as https://login.microsoftonline.com/TENANT/oauth2/v2.0/token."),
    )
    imap_client_id = forms.CharField(label=_l("Client id"), required=False)
    client_secret = _secret(_l("Client secret"), _l("Kept encrypted. Empty: it stays as it is."))
    refresh_token = _secret(
        _l("Refresh token"),
        _l("For that way to sign in only. Where the endpoint renews it, the new one is kept."),
    )
    imap_scope = forms.CharField(
        label=_l("Scope"), required=False, help_text=_l("Such as https://outlook.office365.com/.default.")
    )
    imap_folder = forms.CharField(label=_l("Folder"), required=False, help_text=_l("Empty: INBOX."))
    imap_authority = kit.text(
        _l("Certificate authority"),
        _l("PEM, where the server's certificate is signed by one of your own."),
        rows=3,
        code=True,
    )
    trusted_relay = forms.CharField(
        label=_l("Trusted relay"),
        required=False,
        help_text=_l(
            "Which server checks your senders, as it calls itself in Authentication-Results. Forged senders are then "
            "noticed."
        ),
    )

    def mail_values(self, before: dict[str, Any]) -> dict[str, Any]:
        """`address`, `settings` and, where one was entered, `secret`, as the action takes them."""
        data = self.cleaned_data
        imap = {name: data.get(f"imap_{name}") or "" for name in IMAP}
        kept = {name: value for name, value in before.items() if name not in ("imap", "trusted_relay")}
        found: dict[str, Any] = {"address": data["address"], "settings": kept}
        if imap["host"]:
            kept["imap"] = {name: value for name, value in imap.items() if value != ""}
        if data.get("trusted_relay"):
            kept["trusted_relay"] = data["trusted_relay"].strip()
        if imap["sign_in"] in (SignIn.CLIENT, SignIn.REFRESH):
            found["secret"] = {name: data[name] for name in SECRETS if data.get(name)}
        elif data.get("secret"):
            found["secret"] = data["secret"]
        return found


def mail_initial(row: Source) -> dict[str, Any]:
    """What the fields show of a source; secrets never."""
    imap = row.settings.get("imap") or {}
    return {
        **{f"imap_{name}": imap.get(name, "") for name in IMAP},
        "trusted_relay": row.settings.get("trusted_relay", ""),
    }
