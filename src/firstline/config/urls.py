"""Where each face hangs."""

from django.urls import URLPattern, URLResolver, include, path

from . import health

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", health.alive),
    path("healthz/engine", health.engine),
    path("readyz", health.ready),
    path("metrics", health.figures),
    path("console/", include("firstline.console.urls")),
    path("page/", include("firstline.console.page_urls")),
    path("calendar/", include("firstline.console.feed_urls")),
    path("hooks/", include("firstline.api.hooks.urls")),
    path("api/", include("firstline.api.urls")),
    path("", include("firstline.api.compat.urls")),
    path("", include("firstline.portal.sign_in_urls")),
    path("", include("firstline.portal.urls")),
]

handler500 = "firstline.config.requests.failed"
