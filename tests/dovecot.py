"""A real IMAP server: Debian's Dovecot, unpacked into `.cache/` and run on loopback. Nothing is installed.

Debian's build looks for its modules at an absolute path. So its library gets a relative path of the same length, which
leads from the folder that the services run in to the unpacked modules.
"""

import contextlib
import getpass
import grp
import imaplib
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.authority import Authority
from tests.machine import free_port
from tests.tokens import Tokens, token_endpoint

ROOT = Path(__file__).resolve().parents[1]
CACHE = ROOT / ".cache" / "dovecot"
MODULES = b"/usr/lib/dovecot/modules"
RELATIVE = b"usr/lib//dovecot/modules"  # of the same length
PATIENCE = 20.0
CONFIGURATION = """
protocols = imap
listen = 127.0.0.1
base_dir = {folder}/run
state_dir = {folder}/run
libexec_dir = {programs}/usr/lib/dovecot
mail_plugin_dir = {programs}/usr/lib/dovecot/modules
import_environment = LD_LIBRARY_PATH
log_path = {folder}/log
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
ssl = yes
ssl_cert = <{folder}/certificate.pem
ssl_key = <{folder}/key.pem
disable_plaintext_auth = no
auth_mechanisms = plain login xoauth2 oauthbearer
auth_failure_delay = 0 secs
mail_location = maildir:{folder}/mail/%u
first_valid_uid = 0
first_valid_gid = 0
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {folder}/oauth2.conf
}}
passdb {{
  driver = static
  mechanisms = plain login
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={folder}/mail/%u
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
"""
OAUTH2 = """
introspection_mode = post
introspection_url = {url}/introspect
username_attribute = username
active_attribute = active
active_value = true
"""


@dataclass
class Server:
    """Every user exists, with this password. `authority` is the PEM of who signed its certificate (for `localhost`)."""

    port: int
    tls_port: int
    password: str
    log: Path
    authority: str
    tokens: Tokens
    command: list[Path | str]
    environment: dict[str, str]
    process: "subprocess.Popen[bytes] | None" = None

    def start(self) -> bool:
        """Run it; whether it answers."""
        self.process = subprocess.Popen(self.command, env=self.environment, stderr=subprocess.DEVNULL)
        return _answers(self, self.process)

    def stop(self) -> None:
        """End it, and every connection with it."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(PATIENCE)
            self.process = None

    def deliver(self, user: str, message: bytes) -> None:
        """Put a message into the user's mailbox, as a mail server would."""
        with self.login(user) as box:
            assert box.append("INBOX", "", "", message)[0] == "OK"

    def messages(self, user: str) -> list[bytes]:
        """Everything in the user's mailbox, the oldest first."""
        with self.login(user) as box:
            box.select("INBOX", readonly=True)
            found = box.search(None, "ALL")[1][0].split()
            return [box.fetch(number, "(BODY.PEEK[])")[1][0][1] for number in found]

    def unseen(self, user: str) -> int:
        with self.login(user) as box:
            box.select("INBOX", readonly=True)
            return len(box.search(None, "UNSEEN")[1][0].split())

    @contextlib.contextmanager
    def login(self, user: str) -> Iterator[imaplib.IMAP4]:
        with imaplib.IMAP4("127.0.0.1", self.port, timeout=10) as box:
            box.login(user, self.password)
            yield box


def fetch() -> Path | None:
    """The folder of the unpacked programs; None where they can't be had."""
    programs = CACHE / "root"
    if (programs / "ready").exists():
        return programs
    if not (shutil.which("apt-get") and shutil.which("dpkg")):
        return None
    CACHE.mkdir(parents=True, exist_ok=True)
    command = ["apt-get", "download", "dovecot-core", "dovecot-imapd"]
    done = subprocess.run(command, cwd=CACHE, capture_output=True, text=True, timeout=120, check=False)
    packages = list(CACHE.glob("dovecot-*.deb"))
    if done.returncode or len(packages) < 2:
        return None
    for package in packages:
        subprocess.run(["dpkg", "-x", package, programs], check=True)
    library = (programs / "usr/lib/dovecot/libdovecot.so.0").resolve()
    library.write_bytes(library.read_bytes().replace(MODULES, RELATIVE))
    (programs / "ready").touch()
    return programs


@contextlib.contextmanager
def running() -> Iterator[Server | None]:
    """Dovecot on a free port of loopback; None where it can't be had or doesn't run."""
    fetched = fetch()
    if fetched is None:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="firstline-imap-", dir="/var/tmp") as name:
        folder = Path(name)
        programs = _reachable(fetched, folder)
        with token_endpoint() as tokens:
            server = _configure(folder, programs, tokens)
            try:
                yield server if server.start() else None
            finally:
                server.stop()


def _reachable(fetched: Path, folder: Path) -> Path:
    """The programs where the unprivileged user that root's Dovecot becomes may read them."""
    if os.geteuid() != 0:
        return fetched
    copied = folder / "programs"
    shutil.copytree(fetched, copied, symlinks=True)
    return copied


def _configure(folder: Path, programs: Path, tokens: Tokens) -> Server:
    root = os.geteuid() == 0
    user = "nobody" if root else getpass.getuser()
    group = grp.getgrgid(pwd.getpwnam(user).pw_gid).gr_name
    folder.chmod(0o755)
    (folder / "mail").mkdir()
    if root:
        shutil.chown(folder / "mail", user, group)
    for place in ("run", "run/login"):
        (folder / place / "usr/lib").mkdir(parents=True)
        (folder / place / "usr/lib/dovecot").symlink_to(programs / "usr/lib/dovecot")
    authority = Authority()
    certificate, key = authority.issue("localhost")
    (folder / "certificate.pem").write_text(certificate)
    (folder / "key.pem").write_text(key)
    (folder / "oauth2.conf").write_text(OAUTH2.format(url=tokens.url))
    libraries = programs / "usr/lib/dovecot"
    configuration = folder / "dovecot.conf"
    server = Server(
        port=free_port(), tls_port=free_port(), password="of-the-test", log=folder / "log",
        authority=authority.pem, tokens=tokens,
        command=[
            programs / "usr/bin/doveconf", "-f", "service=master", "-c", configuration, "-m", "master",
            "-e", programs / "usr/sbin/dovecot", "-F", "-c", configuration,
        ],
        environment={"LD_LIBRARY_PATH": f"{libraries}:{libraries}/modules/old-stats:{libraries}/modules"},
    )  # fmt: skip
    text = CONFIGURATION.format(
        folder=folder, programs=programs, user=user, group=group, port=server.port, tls_port=server.tls_port,
        password=server.password,
    )  # fmt: skip
    configuration.write_text(text)
    return server


def _answers(server: Server, process: "subprocess.Popen[bytes]") -> bool:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with server.login("probe"):
                return True
        except (OSError, imaplib.IMAP4.error):
            time.sleep(0.1)
    return False
