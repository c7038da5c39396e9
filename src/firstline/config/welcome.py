"""The first thing an administrator sees in the terminal."""

from django.conf import settings

from firstline.accounts import actions
from firstline.core import clock


def print_setup_link() -> None:
    """Print the one-time link that creates the administrator; nothing when there is one already."""
    if actions.administrators_exist():
        return
    token = actions.create_setup_link(now=clock.now())
    address = f"{settings.URL}/setup/{token}/"
    print(f"\n  Create the administrator here (once):\n  {address}\n", flush=True)  # noqa: T201
