"""A real rsyslog: Debian's packages, unpacked into `.cache/` and run on loopback. Nothing is installed, and the
machine's own log is left alone.
"""

import contextlib
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CACHE = ROOT / ".cache" / "rsyslog"
PACKAGES = ("rsyslog", "rsyslog-gnutls", "rsyslog-openssl", "libestr0", "libfastjson4")
PATIENCE = 20.0
HEAD = """
global(workDirectory="{folder}" defaultNetstreamDriverCAFile="{authority}" net.enableDNS="off"
       defaultNetstreamDriverCertFile="{certificate}" defaultNetstreamDriverKeyFile="{key}")
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="{folder}/log" RateLimit.Interval="0")
"""


@dataclass
class Sender:
    """An rsyslog that forwards what is written to its socket."""

    socket: Path
    log: Path

    def write(self, message: str, *, tag: str = "fw", priority: str = "local0.warning") -> None:
        """Log a message as a program of this machine would, by `logger`."""
        command = ["logger", "--socket", self.socket, "--tag", tag, "--priority", priority, "--", message]
        subprocess.run(command, check=True, timeout=10)


def fetch() -> Path | None:
    """The folder of the unpacked programs; None where they can't be had."""
    programs = CACHE / "root"
    if (programs / "ready").exists():
        return programs
    if not (shutil.which("apt-get") and shutil.which("dpkg") and shutil.which("logger")):
        return None
    CACHE.mkdir(parents=True, exist_ok=True)
    command = ["apt-get", "download", *PACKAGES]
    done = subprocess.run(command, cwd=CACHE, capture_output=True, text=True, timeout=120, check=False)
    packages = list(CACHE.glob("*.deb"))
    if done.returncode or len(packages) < len(PACKAGES):
        return None
    for package in packages:
        subprocess.run(["dpkg", "-x", package, programs], check=True)
    (programs / "ready").touch()
    return programs


@contextlib.contextmanager
def running(actions: str, **files: Path | str) -> Iterator[Sender | None]:
    """rsyslog with these actions; None where it can't be had or doesn't run. `files`: authority, certificate, key."""
    programs = fetch()
    if programs is None:
        yield None
        return
    libraries = next((programs / "usr/lib").glob("*-linux-gnu*"))
    with tempfile.TemporaryDirectory(prefix="firstline-rsyslog-", dir="/var/tmp") as name:
        folder = Path(name)
        named = {"authority": "", "certificate": "", "key": "", **files}
        configuration = folder / "rsyslog.conf"
        configuration.write_text(HEAD.format(folder=folder, **named) + actions)
        log = folder / "errors"
        command = [
            programs / "usr/sbin/rsyslogd", "-n", "-f", configuration, "-i", folder / "pid", "-M",
            libraries / "rsyslog",
        ]  # fmt: skip
        environment = {**os.environ, "LD_LIBRARY_PATH": str(libraries)}
        with log.open("wb") as output:
            process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
        try:
            yield Sender(folder / "log", log) if _answers(folder / "log", process) else None
        finally:
            process.terminate()
            process.wait(PATIENCE)


def _answers(socket: Path, process: "subprocess.Popen[bytes]") -> bool:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        if socket.exists():
            return True
        time.sleep(0.02)
    return False
