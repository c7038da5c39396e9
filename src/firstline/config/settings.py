"""Django settings. Everything an administrator may change comes from the environment as FIRSTLINE_*."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from . import env, logs

PACKAGE = Path(__file__).resolve().parent.parent

try:
    ENVIRONMENT = env.read()
    SECRET_KEY = env.secret_key(ENVIRONMENT)
except env.WrongSettings as wrong:
    raise ImproperlyConfigured(str(wrong)) from None

TESTING = ENVIRONMENT.testing
DEBUG = ENVIRONMENT.debug
URL = ENVIRONMENT.public_url()  # where links in messages lead, without a slash at the end
SITE_HOST = urlsplit(URL).hostname or "localhost"
ALLOWED_HOSTS = [SITE_HOST, "localhost", "127.0.0.1", "[::1]"]
CSRF_TRUSTED_ORIGINS = [URL]

INSTALLED_APPS = [
    "firstline.portal",  # first: its templates of the sign-in pages stand before allauth's own
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "csp",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "procrastinate.contrib.django",
    "firstline.core",
    "firstline.accounts",
    "firstline.catalog",
    "firstline.notifications",
    "firstline.incidents",
    "firstline.problems",
    "firstline.sla",
    "firstline.oncall",
    "firstline.diagnosis",
    "firstline.classification",
    "firstline.closure",
    "firstline.intake",
    "firstline.workflow",
    "firstline.reports",
    "firstline.desk",
    "firstline.console",
    "firstline.api",
    "firstline.engine",
    "firstline.cli",
]

MIDDLEWARE = [
    "firstline.config.requests.RequestId",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "firstline.config.requests.NoZeroBytes",
    "firstline.portal.middleware.LocalTime",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "firstline.config.urls"
WSGI_APPLICATION = "firstline.config.wsgi.application"
PROCRASTINATE_AUTODISCOVER_MODULE_NAME = "jobs"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

DATABASES: dict[str, dict[str, Any]] = {
    "default": {**env.django_database(ENVIRONMENT), "CONN_MAX_AGE": 600, "CONN_HEALTH_CHECKS": True}
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "accounts.Person"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}", "OPTIONS": options}
    for name, options in (
        ("UserAttributeSimilarityValidator", {"user_attributes": ("email", "name")}),
        ("MinimumLengthValidator", {"min_length": 10}),
        ("CommonPasswordValidator", {}),
        ("NumericPasswordValidator", {}),
    )
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = LOGOUT_REDIRECT_URL = "/"

# Sign-in: by password or a code sent by mail, with a second factor where the person set one up; by the identity
# provider. Nobody "makes an account": people come by report, mail, import or that provider.
ACCOUNT_ADAPTER = "firstline.portal.adapters.Accounts"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = (
    "none"  # the code and the reset mail prove the address; the first people are set up
)
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_EMAIL_NOTIFICATIONS = True  # a changed password, a second factor switched off: its owner hears
ACCOUNT_LOGIN_BY_CODE_ENABLED = True
ACCOUNT_USER_DISPLAY = "firstline.portal.adapters.display_name"
SOCIALACCOUNT_ADAPTER = "firstline.portal.adapters.Identities"
SOCIALACCOUNT_EMAIL_AUTHENTICATION = (
    True  # an address that the provider has verified is the person of that address
)
SOCIALACCOUNT_EMAIL_AUTHENTICATION_AUTO_CONNECT = True
MFA_ADAPTER = "firstline.portal.adapters.SecondFactors"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]

LANGUAGE_CODE = ENVIRONMENT.language
LOCALE_PATHS = [PACKAGE / "locale"]
LANGUAGES = [("en", "English"), ("de", "Deutsch")]
USE_TZ = True
TIME_ZONE = "UTC"

# Static files: collected once per version into the data directory, hashed and compressed;
# a developer's and the tests' come straight from the packages.
STATIC_URL = "/static/"
STATIC_ROOT = ENVIRONMENT.data / "static"
_FROM_SOURCE = DEBUG or TESTING
WHITENOISE_USE_FINDERS = _FROM_SOURCE
WHITENOISE_AUTOREFRESH = _FROM_SOURCE
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},  # attachments live in the database
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if _FROM_SOURCE
        else "firstline.console.staticfiles.Storage"
    },
}

# Everything below follows the scheme of FIRSTLINE_URL.
_HTTPS = ENVIRONMENT.https
SECURE_SSL_REDIRECT = _HTTPS
SECURE_REDIRECT_EXEMPT = [r"^(healthz|readyz|metrics)(/|$)"]  # asked from inside, past the proxy
SECURE_PROXY_SSL_HEADER = (
    "HTTP_X_FORWARDED_PROTO",
    "https",
)  # the gateway drops it from whom it does not trust
SECURE_HSTS_SECONDS = 31_536_000 if _HTTPS else 0
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = _HTTPS
SESSION_COOKIE_NAME = "firstline_session"
CSRF_COOKIE_NAME = "firstline_csrf"
SESSION_COOKIE_AGE = 14 * 24 * 3600
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
# other names under the same domain belong to others: neither HSTS for them nor preloading is ours to ask for
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        # browsers hold redirects after a form to it too: the way to the identity provider begins with one
        "form-action": ["'self'", *env.origins(ENVIRONMENT.oidc_issuer)],
        "frame-ancestors": ["'none'"],
    }
}

ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if _HTTPS else "http"
SOCIALACCOUNT_PROVIDERS = env.identity_providers(ENVIRONMENT)

globals().update(env.django_mail(ENVIRONMENT))

LOGGING_CONFIG = None
logs.configure(ENVIRONMENT.log_format, ENVIRONMENT.log_level)
