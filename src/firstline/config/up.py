"""`firstline up` and `firstline serve`: which parts make a machine, in which order, and what is said."""

import contextlib
import errno
import fcntl
import http.client
import os
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from pathlib import Path
from typing import IO

import structlog

from .embedded import CannotRun, Cluster, Postgres, cluster_exists, socket_folder_of
from .env import Environment, WrongSettings, make_secret_key, secret_key
from .fingerprint import is_collected, is_prepared
from .supervisor import Part, Supervisor
from .values import is_loopback

log = structlog.get_logger(__name__)

Say = Callable[[str], None]

UNUSUAL = 60.0
"""Seconds after which somebody who waits for the first page wants to hear something."""


class AlreadyRunning(CannotRun):
    """Another process holds the data directory."""


def part(name: str, *arguments: str, once: bool = False) -> Part:
    return Part(
        name=name, command=(sys.executable, "-m", "firstline.config.child", name, *arguments), once=once
    )


def up(environment: Environment, *, demo: bool, say: Say) -> None:
    """Everything on this machine until a signal asks to stop. Raises CannotRun with a sentence."""
    begun = time.monotonic()
    if demo:
        environment = _with_demo_mail(environment)
    with contextlib.ExitStack() as stack:
        database: Keeper | None = None
        if environment.embedded:
            database = stack.enter_context(embedded_database(environment, say))
        with _ways_in(environment) as environment, Supervisor(passed_on(environment)) as supervisor:
            if database:
                supervisor.keeper = database.look_after
            _prepare(environment, supervisor)
            supervisor.add(part("web"))
            supervisor.add(part("gateway"))
            _announce(environment, supervisor, say, begun)
            for name in (*["engine"] * environment.engines, "worker", "auditor"):
                if not supervisor.stopping:
                    supervisor.add(part(name))
            if not supervisor.stopping:
                supervisor.add(part("demo" if demo else "welcome", once=not demo))
            supervisor.run()
            say("Stopping.")


def serve(environment: Environment, *, say: Say) -> None:
    """The two HTTP process groups until a signal asks to stop."""
    begun = time.monotonic()
    with _ways_in(environment) as environment, Supervisor(passed_on(environment)) as supervisor:
        if not is_collected(environment.data / "static") and supervisor.once(part("collect")):
            raise CannotRun("The static files could not be collected; the reason is above.")
        supervisor.add(part("web"))
        supervisor.add(part("gateway"))
        _announce(environment, supervisor, say, begun)
        supervisor.run()


@dataclass
class Keeper:
    """Keeps the embedded server running: looked at on every turn of the supervisor."""

    cluster: Cluster
    running: Postgres
    failures: int = 0
    again_at: float = field(default=0.0)

    def look_after(self) -> None:
        if self.running.process.poll() is None or time.monotonic() < self.again_at:
            return
        log.warning("PostgreSQL ended and is started again", exit=self.running.process.returncode)
        self.failures += 1
        self.again_at = time.monotonic() + min(0.25 * 2.0**self.failures, 30.0)
        with contextlib.suppress(CannotRun):
            self.running = self.cluster.start()
            self.failures = 0


@contextlib.contextmanager
def embedded_database(environment: Environment, say: Say = lambda _: None) -> Iterator[Keeper]:
    """The embedded PostgreSQL of the data directory, which this process alone may use."""
    cluster = Cluster.at(environment.data)
    if cluster.account.note:
        say(cluster.account.note)
    with _sole_use(cluster.data, environment.public_url()):
        make_secret_key(cluster.data)
        cluster.initialise()
        keeper = Keeper(cluster, cluster.start())
        try:
            yield keeper
        finally:
            keeper.running.stop()


@contextlib.contextmanager
def database_for_command(environment: Environment, *, create: bool = False) -> Iterator[None]:
    """The database for a command of its own: the running one, else the embedded one started for as long.

    Where there is none yet it is made only with `create`; else the command has none, and says so if it asks.
    """
    if not environment.embedded or not (create or cluster_exists(environment.data)):
        yield
        return
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(embedded_database(environment))
        except AlreadyRunning:
            make_secret_key(environment.data)
        yield


@contextlib.contextmanager
def _sole_use(data: Path, address: str) -> Iterator[IO[str]]:
    """A lock on the data directory, which the kernel drops when its holder dies, however it dies."""
    handle = os.open(data / "lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "r+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning(f"Firstline already runs on {data} ({lock.read().strip()}).") from None
        lock.truncate()
        lock.write(f"process {os.getpid()}, {address}")
        lock.flush()
        yield lock


def running_address(environment: Environment) -> str:
    """Where the installation answers: what the `up` that holds the data directory has said, else the settings."""
    if environment.embedded and not environment.url:
        with contextlib.suppress(OSError, IndexError):
            return (environment.data / "lock").read_text().split(", ")[1].strip()
    return environment.public_url()


@contextlib.contextmanager
def _ways_in(environment: Environment) -> Iterator[Environment]:
    """Check that the port is free, and find a place for the socket between gateway and web."""
    _check_port(environment)
    if environment.web_socket:
        yield environment
    elif environment.embedded:
        path = socket_folder_of(environment.data) / "web"
        path.unlink(missing_ok=True)
        yield replace(environment, web_socket=str(path))
        path.unlink(missing_ok=True)
    else:
        with tempfile.TemporaryDirectory(prefix=f"firstline-{os.geteuid()}-") as folder:  # made 0700
            yield replace(environment, web_socket=f"{folder}/web")


def _with_demo_mail(environment: Environment) -> Environment:
    """Mail of the demo comes in and goes out on loopback, unless it was told where: nothing leaves the machine."""
    with socket.socket() as incoming, socket.socket() as outgoing:
        incoming.bind(("127.0.0.1", 0))
        outgoing.bind(("127.0.0.1", 0))
        return replace(
            environment,
            smtp_port=environment.smtp_port or incoming.getsockname()[1],
            mail_url=environment.mail_url or f"smtp://127.0.0.1:{outgoing.getsockname()[1]}",
        )


def _check_port(environment: Environment) -> None:
    where = f"{environment.host}:{environment.port}"
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            environment.host, environment.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except socket.gaierror:
        raise CannotRun(f"FIRSTLINE_HOST: {environment.host!r} is no address of this machine.") from None
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            other = "choose another with --port or FIRSTLINE_PORT"
            raise CannotRun(f"Another program already uses {where}: stop it, or {other}.") from None
        if error.errno == errno.EACCES:
            raise CannotRun(
                f"This account may not use port {environment.port}: choose one above 1023."
            ) from None
        raise CannotRun(f"The address {where} can't be used: {error.strerror}.") from None


def passed_on(environment: Environment) -> dict[str, str]:
    """The environment of the parts: what this process got, with everything found out spelled out."""
    found = {
        "FIRSTLINE_DATA": str(environment.data),
        "FIRSTLINE_DATABASE_URL": environment.address_of_database(),
        "FIRSTLINE_SECRET_KEY": secret_key(environment),
        "FIRSTLINE_URL": environment.public_url(),
        "FIRSTLINE_HOST": environment.host,
        "FIRSTLINE_PORT": str(environment.port),
        "FIRSTLINE_WEB_SOCKET": environment.web_socket,
        "FIRSTLINE_TRUSTED_PROXIES": _proxies(environment),
        "FIRSTLINE_SMTP_PORT": str(environment.smtp_port or ""),
        "FIRSTLINE_MAIL_URL": environment.mail_url,
        "DJANGO_SETTINGS_MODULE": "firstline.config.settings",
    }
    return {**os.environ, **{name: value for name, value in found.items() if value}}


def _proxies(environment: Environment) -> str:
    """Whose X-Forwarded-… headers count. Under https somebody in front ends TLS: who listens here on loopback
    only has it on this machine, everybody else must say where."""
    if environment.trusted_proxies or not environment.https:
        return environment.trusted_proxies
    if is_loopback(environment.host):
        return "127.0.0.1,::1"
    raise WrongSettings(
        [
            "FIRSTLINE_TRUSTED_PROXIES: needed with an https FIRSTLINE_URL: the address of the proxy "
            "that ends TLS, such as 10.0.0.5 or 10.0.0.0/24."
        ]
    )


def _prepare(environment: Environment, supervisor: Supervisor) -> None:
    if environment.embedded and is_prepared(environment.data):
        return
    code = supervisor.once(part("prepare"))
    if code and not supervisor.stopping:
        raise CannotRun("The database could not be brought to this version; the reason is above.")


def _announce(environment: Environment, supervisor: Supervisor, say: Say, begun: float) -> None:
    """Wait until a page is served, then say where; say so too when it takes unusually long."""
    first_page = _FirstPage(environment)
    supervisor.run(until=lambda: first_page.served() or time.monotonic() - begun > UNUSUAL, every=0.05)
    if not first_page.seen and not supervisor.stopping:
        say(f"No page is served yet after {UNUSUAL:.0f} s; the reason should be above. Still trying.")
        supervisor.run(until=first_page.served, every=1.0)
    if not supervisor.stopping:
        say(f"Firstline is ready at {environment.public_url()} ({time.monotonic() - begun:.1f} s)")


@dataclass
class _FirstPage:
    """Asks whether a page is served: often while nobody listens yet, seldom once the answer is an error."""

    environment: Environment
    seen: bool = False
    not_before: float = 0.0

    def served(self) -> bool:
        if not self.seen and time.monotonic() >= self.not_before:
            status = _status(self.environment)
            self.seen = status == HTTPStatus.OK
            self.not_before = time.monotonic() + (2.0 if status and not self.seen else 0.0)
        return self.seen


def _status(environment: Environment) -> int:
    """The status of a GET through gateway and web; 0 while one of them does not listen."""
    with socket.socket(socket.AF_UNIX) as probe:
        if probe.connect_ex(environment.web_socket) != 0:
            return 0
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(environment.host, environment.host)  # noqa: S104 - compared
    connection = http.client.HTTPConnection(host, environment.port, timeout=5)
    try:
        connection.request("GET", "/healthz", headers={"Host": "localhost"})
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()
