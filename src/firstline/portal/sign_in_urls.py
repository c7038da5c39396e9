"""Sign-in, sign-out, passwords, second factor, identity provider: those of allauth's pages that Firstline uses,
under its own addresses. The names are allauth's; making an account and changing one's address are not offered."""

from allauth.account import views as account
from allauth.mfa.base import views as mfa
from allauth.mfa.recovery_codes import views as recovery_codes
from allauth.mfa.totp import views as totp
from allauth.socialaccount import views as social
from allauth.socialaccount.providers.openid_connect import views as oidc
from django.urls import path, re_path

urlpatterns = [
    path("sign-in/", account.login, name="account_login"),
    path("sign-in/code/", account.request_login_code, name="account_request_login_code"),
    path("sign-in/code/confirm/", account.confirm_login_code, name="account_confirm_login_code"),
    path("sign-in/second-factor/", mfa.authenticate, name="mfa_authenticate"),
    path("sign-in/inactive/", account.account_inactive, name="account_inactive"),
    path("sign-in/new/", account.signup, name="account_signup"),  # says that it is closed, and how to come in
    path("sign-out/", account.logout, name="account_logout"),
    path("account/password/", account.password_change, name="account_change_password"),
    path("account/password/set/", account.password_set, name="account_set_password"),
    path("account/password/forgotten/", account.password_reset, name="account_reset_password"),
    path("account/password/forgotten/sent/", account.password_reset_done, name="account_reset_password_done"),
    re_path(
        r"^account/password/new/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$",
        account.password_reset_from_key,
        name="account_reset_password_from_key",
    ),
    path(
        "account/password/new/done/",
        account.password_reset_from_key_done,
        name="account_reset_password_from_key_done",
    ),
    path("account/confirm-access/", account.reauthenticate, name="account_reauthenticate"),
    path("account/second-factor/", mfa.index, name="mfa_index"),
    path("account/second-factor/confirm-access/", mfa.reauthenticate, name="mfa_reauthenticate"),
    path("account/second-factor/app/on/", totp.activate_totp, name="mfa_activate_totp"),
    path("account/second-factor/app/off/", totp.deactivate_totp, name="mfa_deactivate_totp"),
    path("account/recovery-codes/", recovery_codes.view_recovery_codes, name="mfa_view_recovery_codes"),
    path(
        "account/recovery-codes/new/",
        recovery_codes.generate_recovery_codes,
        name="mfa_generate_recovery_codes",
    ),
    path(
        "account/recovery-codes/file/",
        recovery_codes.download_recovery_codes,
        name="mfa_download_recovery_codes",
    ),
    path("sign-in/provider/<slug:provider_id>/", oidc.login, name="openid_connect_login"),
    path("sign-in/provider/<slug:provider_id>/back/", oidc.callback, name="openid_connect_callback"),
    path("sign-in/provider/cancelled", social.login_cancelled, name="socialaccount_login_cancelled"),
    path("sign-in/provider/error", social.login_error, name="socialaccount_login_error"),
    path("sign-in/provider/finish", social.signup, name="socialaccount_signup"),
    path("account/providers", social.connections, name="socialaccount_connections"),
]
