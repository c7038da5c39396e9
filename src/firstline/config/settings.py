"""Django settings. Everything an administrator may change comes from the environment as FIRSTLINE_*."""

import os
from pathlib import Path

from . import env

PACKAGE = Path(__file__).resolve().parent.parent

TESTING = os.environ.get("FIRSTLINE_TESTING") == "1"
DEBUG = False
SECRET_KEY = os.environ.get("FIRSTLINE_SECRET_KEY", "")
URL = os.environ.get("FIRSTLINE_URL", "http://127.0.0.1:8000").rstrip("/")
ALLOWED_HOSTS = ["*"]

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django_htmx",
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
    "firstline.portal",
    "firstline.api",
    "firstline.engine",
    "firstline.cli",
]

MIDDLEWARE = [
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
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "firstline.config.urls"
WSGI_APPLICATION = "firstline.config.wsgi.application"

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

DATABASES = {"default": env.django_database(env.database_url())}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "accounts.Person"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]

LANGUAGE_CODE = "en"
USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "/static/"
