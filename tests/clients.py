"""Programs of other people that send to Firstline: fetched once into `.cache/`, run on loopback, nothing installed.

Debian's packages by `apt-get download` and `dpkg -x`; Python's from the hash-pinned `requirements/clients.txt` into an
environment of their own, because their dependencies contradict ours. Each function says None where it can't be had.
"""

import contextlib
import fcntl
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench import alertmanager

ROOT = Path(__file__).resolve().parents[1]
CACHE = ROOT / ".cache"
LOCK = ROOT / "requirements" / "clients.txt"
FETCHING = 180  # seconds


@contextlib.contextmanager
def alone(name: str) -> Iterator[Path]:
    """The cache folder of this name, for one process at a time: tests run in parallel."""
    folder = CACHE / name
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder


def debian(name: str, *packages: str) -> Path | None:
    """The folder in which these packages are unpacked."""
    with alone(name) as folder:
        root = folder / "root"
        if (root / ".ready").exists():
            return root
        if not (shutil.which("apt-get") and shutil.which("dpkg")):
            return None
        if not _done(["apt-get", "download", *packages], folder):
            return None
        found = list(folder.glob("*.deb"))
        for package in found:
            subprocess.run(["dpkg", "-x", package, root], check=True)
        (root / ".ready").touch()
        return root


def _done(command: Sequence[object], folder: Path) -> bool:
    """Whether a command that fetches something did; why not is on stderr."""
    texts = [str(part) for part in command]
    try:
        done = subprocess.run(
            texts, cwd=folder, capture_output=True, text=True, check=False, timeout=FETCHING
        )
    except subprocess.TimeoutExpired as error:
        sys.stderr.write(f"{error}\n")
        return False
    if done.returncode:
        sys.stderr.write(done.stderr)
    return done.returncode == 0


def prometheus() -> Path | None:
    root = debian("prometheus", "prometheus")
    return root / "usr/bin/prometheus" if root else None


def amtool() -> Path | None:
    with alone("alertmanager"):
        return alertmanager.CACHE / "usr/bin/amtool" if alertmanager.fetch() else None


def nagios() -> Path | None:
    root = debian("nagios", "nagios4-core")
    return root / "usr/sbin/nagios4" if root else None


def icinga() -> Path | None:
    """The folder of Icinga 2 and the libraries that it brings along."""
    return debian(
        "icinga2",
        "icinga2-bin",
        "icinga2-common",
        "libboost-coroutine1.74.0",
        "libboost-filesystem1.74.0",
        "libboost-iostreams1.74.0",
        "libboost-program-options1.74.0",
        "libboost-regex1.74.0",
        "libboost-thread1.74.0",
        "libboost-context1.74.0",
        "libedit2",
        "libbsd0",
        "libmd0",
    )


def python() -> Path | None:
    """The interpreter of an environment with the clients of `requirements/clients.txt`, no dependency beyond it."""
    with alone("clients") as folder:
        place, ready = folder / "venv", folder / "installed.txt"
        if ready.exists() and ready.read_bytes() == LOCK.read_bytes():
            return place / "bin/python"
        venv.create(place, clear=True, with_pip=True)
        command = [
            place / "bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
            "--no-deps", "--require-hashes", "--only-binary", ":all:", "-r", LOCK,
        ]  # fmt: skip
        if not _done(command, folder):
            return None
        ready.write_bytes(LOCK.read_bytes())
        return place / "bin/python"


@contextlib.contextmanager
def running(command: Sequence[object], log: Path, **options: object) -> Iterator["subprocess.Popen[bytes]"]:
    """A program that is ended at the end. What it says goes into `log`."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [str(part) for part in command],
            stdout=output,
            stderr=output,
            **options,  # type: ignore[call-overload]
        )
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextlib.contextmanager
def reachable() -> Iterator[Path]:
    """A folder with a short path, for programs that put sockets into it."""
    with tempfile.TemporaryDirectory(prefix="fl-", dir="/var/tmp") as name:
        yield Path(name)
