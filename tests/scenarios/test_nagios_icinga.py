"""Real Nagios and Icinga 2 with the command script that Firstline serves, configured as the help page says."""

import os
import re
import shlex
import stat
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from firstline.catalog.models import Service
from firstline.core import clock
from firstline.core.actor import Actor
from firstline.core.content import texts
from firstline.engine.loop import Engine
from firstline.incidents.models import Comment, Incident
from firstline.intake import actions
from firstline.intake.helping import help_text
from firstline.intake.models import AlertSpan
from firstline.workflow.seed import ensure_defaults
from tests import clients
from tests.database import Clone
from tests.unit.gateway.conftest import Running, finish, launch, wait_for

MAKER = Actor.system("test")
pytestmark = pytest.mark.scenario
CHECK = """#!/bin/sh
# the state of what is watched lies in a file
. {folder}/state
echo "$TEXT | load=1"
exit $STATUS
"""
NAGIOS = """
log_file={folder}/nagios.log
cfg_file={folder}/objects.cfg
object_cache_file={folder}/objects.cache
precached_object_file={folder}/objects.precache
status_file={folder}/status.dat
state_retention_file={folder}/retention.dat
lock_file={folder}/nagios.pid
temp_file={folder}/tmp
temp_path={folder}
check_result_path={folder}/results
command_file={folder}/cmd
query_socket={folder}/qh
check_external_commands=1
interval_length=1
use_syslog=0
nagios_user={user}
nagios_group={user}
illegal_macro_output_chars=`~$&|'<>
"""
NAGIOS_OBJECTS = """
define timeperiod {{
    timeperiod_name 24x7
    alias always
    monday 00:00-24:00
    tuesday 00:00-24:00
    wednesday 00:00-24:00
    thursday 00:00-24:00
    friday 00:00-24:00
    saturday 00:00-24:00
    sunday 00:00-24:00
}}
define command {{
    command_name check
    command_line {folder}/check
}}
define host {{
    host_name web1
    address 192.0.2.1
    contacts firstline
    max_check_attempts 1
    check_interval 3600
    notification_interval 0
    notification_period 24x7
}}
define service {{
    host_name web1
    service_description HTTP
    check_command check
    contacts firstline
    max_check_attempts 1
    check_interval 1
    retry_interval 1
    check_period 24x7
    notification_interval 0
    notification_period 24x7
}}
"""
ICINGA = """
const PluginDir = "{folder}"
const NodeName = "monitor"
const ZoneName = NodeName
const TicketSalt = ""
object Endpoint NodeName {{ }}
object Zone ZoneName {{ endpoints = [ NodeName ] }}
include <itl>
object CheckerComponent "checker" {{ }}
object NotificationComponent "notification" {{ }}
object ExternalCommandListener "command" {{ command_path = "{folder}/cmd" }}
object CheckCommand "check" {{ command = [ "{folder}/check" ] }}
object Host "web1" {{ address = "192.0.2.1", check_command = "dummy" }}
object Service "HTTP" {{
  host_name = "web1"
  check_command = "check"
  check_interval = 1s
  retry_interval = 1s
  max_check_attempts = 1
}}
"""


@pytest.fixture
def gateway(cloned_database: Clone, tmp_path: Path) -> Iterator[Running]:
    ensure_defaults(now=clock.now())
    running = launch(cloned_database.url, tmp_path)
    yield running
    finish(running)


@pytest.fixture
def engine(cloned_database: Clone) -> Iterator[Engine]:
    running = Engine()
    yield running
    running.close()


class Monitor:
    """What is watched, the script as it is served, and the help page's configuration with this test's paths."""

    def __init__(self, folder: Path, gateway: Running) -> None:
        self.folder, self.url = folder, f"http://127.0.0.1:{gateway.port}"
        shop = Service.objects.create(name="Shop", slug="shop")
        _, self.token = actions.create_source(
            name="Monitor", kind="nagios", service_id=shop.id, actor=MAKER, now=clock.now()
        )
        for name in ("results", "spool"):
            (folder / name).mkdir()
        answer = gateway.ask("GET", f"/intake/{self.token}/firstline-notify")
        assert answer.status == 200
        (folder / "firstline-notify").write_bytes(answer.body)
        (folder / "check").write_text(CHECK.format(folder=folder))
        for name in ("check", "firstline-notify"):
            (folder / name).chmod(stat.S_IRWXU)
        self.says(0, "all is well")

    def says(self, status: int, text: str) -> None:
        part = self.folder / "state.new"
        part.write_text(f"STATUS={status}\nTEXT={shlex.quote(text)}\n")
        part.rename(self.folder / "state")

    def helped(self, product: str) -> str:
        text = help_text("nagios", url=self.url, token=self.token)
        found = re.search(rf"\*\*{product}.*?```\n(.*?)```", text, re.DOTALL)
        assert found is not None
        own = found.group(1).replace("/usr/local/bin/firstline-notify", f"{self.folder}/firstline-notify")
        return own.replace("/var/spool/firstline", f"{self.folder}/spool")

    def command(self, text: str) -> None:
        """An external command, as the web pages of both programs send it."""
        with (self.folder / "cmd").open("w") as pipe:
            pipe.write(f"[{int(clock.now().timestamp())}] {text}\n")


@pytest.fixture
def monitor(gateway: Running) -> Iterator[Monitor]:
    with clients.reachable() as folder:
        yield Monitor(folder, gateway)


def story(monitor: Monitor, gateway: Running, engine: Engine) -> None:
    """A problem, its acknowledgement with a comment, and its end."""
    wait_for((monitor.folder / "cmd").exists, 30)
    monitor.says(2, 'connection "refused" by 192.0.2.1')
    wait_for(lambda: len(gateway.rows()) >= 1, 60)
    engine.settle()
    span, incident = AlertSpan.objects.select_related("alert").get(), Incident.objects.get()
    assert (span.alert.dedup_key, span.state, span.severity) == ("web1!HTTP", "firing", "critical")
    assert span.title == 'HTTP on web1 is CRITICAL: connection "refused" by 192.0.2.1'
    assert (span.labels["address"], span.labels["state_type"].upper()) == ("192.0.2.1", "HARD")
    assert incident.service is not None and incident.service.name == "Shop"

    monitor.command("ACKNOWLEDGE_SVC_PROBLEM;web1;HTTP;1;1;0;ada;restarting it")
    wait_for(lambda: len(gateway.rows()) >= 2, 60)
    engine.settle()
    incident.refresh_from_db()
    assert incident.acknowledged_at is not None
    (note,) = Comment.objects.filter(incident=incident)
    assert (
        texts([note.content_id])[note.content_id] == "HTTP on web1 was acknowledged by ada.\n\nrestarting it"
    )

    monitor.says(0, "answers again")
    wait_for(lambda: len(gateway.rows()) >= 3, 60)
    engine.settle()
    assert AlertSpan.objects.get().state == "resolved"
    clock.move_to(clock.now() + timedelta(minutes=6))
    engine.settle()
    incident.refresh_from_db()
    assert incident.state == "resolved"
    assert not list((monitor.folder / "spool").glob("*.json"))


def test_nagios(monitor: Monitor, gateway: Running, engine: Engine) -> None:
    program = clients.nagios()
    if program is None:
        pytest.skip("Debian's package nagios4-core can't be had here")
    folder = monitor.folder
    user = "root" if os.geteuid() == 0 else str(os.geteuid())
    (folder / "nagios.cfg").write_text(NAGIOS.format(folder=folder, user=user))
    (folder / "objects.cfg").write_text(NAGIOS_OBJECTS.format(folder=folder) + monitor.helped("Nagios"))
    with clients.running([program, folder / "nagios.cfg"], folder / "output"):
        story(monitor, gateway, engine)


def test_icinga_2(monitor: Monitor, gateway: Running, engine: Engine) -> None:
    root = clients.icinga()
    if root is None:
        pytest.skip("Debian's packages of Icinga 2 can't be had here")
    folder, libraries = monitor.folder, next(root.glob("usr/lib/*-linux-gnu"))
    (folder / "icinga2.conf").write_text(ICINGA.format(folder=folder) + monitor.helped("Icinga 2"))
    places = {
        "DataDir": "data", "LogDir": "log", "CacheDir": "cache", "SpoolDir": "spool2", "InitRunDir": "run",
        "ConfigDir": "etc",
    }  # fmt: skip
    for name in places.values():
        (folder / name).mkdir()
    user = "root" if os.geteuid() == 0 else str(os.geteuid())
    definitions = {name: f"{folder}/{place}" for name, place in places.items()}
    definitions |= {"RunAsUser": user, "RunAsGroup": user, "Configuration.PidPath": f"{folder}/run/pid"}
    definitions |= {"IncludeConfDir": f"{root}/usr/share/icinga2/include"}
    command = [
        libraries / "icinga2/sbin/icinga2", "daemon", "--no-stack-rlimit", "-I", root / "usr/share/icinga2/include",
        "-c", folder / "icinga2.conf", *(f"-D{name}={value}" for name, value in definitions.items()),
    ]  # fmt: skip
    environment = {**os.environ, "LD_LIBRARY_PATH": str(libraries)}
    with clients.running(command, folder / "output", env=environment):
        story(monitor, gateway, engine)
