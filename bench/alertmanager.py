"""Prometheus' Alertmanager: Debian's package, unpacked into `.cache/` and run on loopback.

Debian's build looks for its templates at an absolute path where nothing is installed here. So a copy of the
program gets the same path relative to the cache folder, in which it is started.
"""

import contextlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CACHE = ROOT / ".cache" / "alertmanager"
UNPACKED = CACHE / "usr" / "bin" / "prometheus-alertmanager"
PROGRAM = CACHE / "alertmanager"
TEMPLATES = b"/usr/share/prometheus/alertmanager"
RELATIVE = b"usr/share/prometheus//alertmanager"  # of the same length
CONFIGURATION = "route: {receiver: none}\nreceivers: [{name: none}]\n"


def fetch() -> Path | None:
    """The program; None, with the reason on stderr, where it can't be had."""
    if PROGRAM.exists():
        return PROGRAM
    if not (shutil.which("apt-get") and shutil.which("dpkg")):
        print("Alertmanager is left out: no apt-get and dpkg here", file=sys.stderr)
        return None
    CACHE.mkdir(parents=True, exist_ok=True)
    command = ["apt-get", "download", "prometheus-alertmanager"]
    done = subprocess.run(command, cwd=CACHE, capture_output=True, text=True, timeout=120, check=False)
    packages = list(CACHE.glob("prometheus-alertmanager_*.deb"))
    if done.returncode or not packages:
        print(f"Alertmanager is left out: {done.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
        return None
    subprocess.run(["dpkg", "-x", packages[0], CACHE], check=True)
    PROGRAM.write_bytes(UNPACKED.read_bytes().replace(TEMPLATES, RELATIVE))
    PROGRAM.chmod(0o755)
    return PROGRAM


@contextlib.contextmanager
def running(port: int, configuration: str = CONFIGURATION) -> Iterator[bool]:
    """Alertmanager with this configuration (YAML) on this port of loopback; False when it can't be had."""
    program = fetch()
    if program is None:
        yield False
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "alertmanager.yml"
        file.write_text(configuration)
        command = [program, f"--config.file={file}", f"--storage.path={folder}"]
        command += [
            f"--web.listen-address=127.0.0.1:{port}",
            "--cluster.listen-address=",
            "--log.level=error",
        ]
        process = subprocess.Popen(command, cwd=CACHE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            yield True
        finally:
            process.terminate()
            process.wait(10)
