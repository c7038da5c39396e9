"""Which operating system account PostgreSQL runs under, and what that account can reach.

PostgreSQL refuses to run as root. An ordinary user runs it as themselves; root hands it to its own account.
"""

import os
import pwd
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

DEDICATED = "firstline"
FALLBACK = "nobody"


class CannotRun(Exception):
    """The embedded database cannot run here; the message is one sentence for the administrator."""


@dataclass(frozen=True)
class Account:
    """`switch`: whether a process has to change into it. `note`: what the administrator should know."""

    name: str
    uid: int
    gid: int
    switch: bool
    note: str = ""

    def run(self, *command: str | Path, **options: str) -> subprocess.CompletedProcess[str]:
        """Run a short command as this account, from `/`, with nothing on standard input."""
        result: subprocess.CompletedProcess[str] = subprocess.run(
            [str(part) for part in command],
            check=False,
            text=True,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            cwd="/",
            env={**os.environ, "LC_ALL": "C", **options},
            **self.identity(),  # type: ignore[call-overload]
        )
        return result

    def identity(self) -> dict[str, int | list[int]]:
        """The keyword arguments that make `subprocess` change into this account."""
        if not self.switch:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def can_enter(self, folder: Path) -> bool:
        return self.run("/bin/sh", "-c", 'cd -- "$1"', "sh", folder).returncode == 0

    def can_run(self, program: Path) -> bool:
        try:
            return self.run(program, "--version").returncode == 0
        except (PermissionError, FileNotFoundError):
            return False


def account_for_database() -> Account:
    """The account of this process, or as root the dedicated one, made if it is missing."""
    if os.geteuid() != 0:
        return _own_account()
    try:
        entry = pwd.getpwnam(DEDICATED)
    except KeyError:
        _make_dedicated()
        try:
            entry = pwd.getpwnam(DEDICATED)
        except KeyError:
            return _fallback()
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, switch=True)


def _own_account() -> Account:
    uid = os.geteuid()
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        raise CannotRun(
            f"PostgreSQL needs a user name, and the user id {uid} has none: add it to /etc/passwd, "
            "or set FIRSTLINE_DATABASE_URL to a database elsewhere."
        ) from None
    return Account(entry.pw_name, uid, os.getegid(), switch=False)


def _make_dedicated() -> None:
    useradd = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
    adduser = shutil.which("adduser", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if sys.platform != "linux":
        return
    if useradd:
        options = ["--system", "--user-group", "--no-create-home", "--home-dir", "/var/lib/firstline"]
        command = [useradd, *options, "--shell", "/usr/sbin/nologin", DEDICATED]
    elif adduser:  # BusyBox
        command = [adduser, "-S", "-D", "-H", "-h", "/var/lib/firstline", "-s", "/sbin/nologin", DEDICATED]
    else:
        return
    subprocess.run(command, check=False, capture_output=True, stdin=subprocess.DEVNULL)


def _fallback() -> Account:
    try:
        entry = pwd.getpwnam(FALLBACK)
    except KeyError:
        raise CannotRun(
            f"PostgreSQL does not run as root, and the account '{DEDICATED}' could not be made: "
            f"make it (useradd --system {DEDICATED}), or run Firstline as an ordinary user."
        ) from None
    note = (
        f"The account '{DEDICATED}' could not be made, so PostgreSQL runs as '{FALLBACK}', "
        "which other programs share."
    )
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid, switch=True, note=note)
