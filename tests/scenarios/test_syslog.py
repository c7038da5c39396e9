"""Real senders of syslog: rsyslog forwards CEF by UDP, TCP and TLS; logger writes both forms; up to the incident."""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from firstline.accounts.models import SupportGroup
from firstline.core import clock
from firstline.core.actor import Actor
from firstline.engine.loop import Engine
from firstline.incidents.models import Incident
from firstline.intake import actions
from firstline.intake.models import AlertSpan
from firstline.workflow.seed import ensure_defaults
from tests import rsyslog
from tests.authority import Authority
from tests.database import Clone
from tests.unit.gateway.conftest import Running, answers, finish, free_port, launch, wait_for

MAKER = Actor.system("test")
pytestmark = pytest.mark.scenario
CEF = (
    "CEF:0|Example|Firewall|2.1|{signature}|Exploit attempt|9|src=198.51.100.23 dst=10.20.0.11 "
    "suser=alice cs1Label=MITRE Technique cs1=T1190 msg=blocked by {way}"
)
UDP = 'action(type="omfwd" target="127.0.0.1" port="{udp}" protocol="udp" template="RSYSLOG_TraditionalForwardFormat")'
TCP = (
    'action(type="omfwd" target="127.0.0.1" port="{tcp}" protocol="tcp" TCP_Framing="{framing}" '
    'template="RSYSLOG_SyslogProtocol23Format" action.resumeRetryCount="-1" action.resumeInterval="1")'
)
TLS = (
    'action(type="omfwd" target="localhost" port="{tls}" protocol="tcp" TCP_Framing="octet-counted" '
    'StreamDriver="{driver}" StreamDriverMode="1" StreamDriverAuthMode="x509/name" '
    'StreamDriverPermittedPeers="localhost" template="RSYSLOG_SyslogProtocol23Format" '
    'action.resumeRetryCount="-1" action.resumeInterval="1")'
)


@dataclass
class Listening:
    gateway: Running
    udp: int
    tcp: int
    tls: int
    files: dict[str, Path]

    def rows(self) -> int:
        return len(self.gateway.rows())


@pytest.fixture
def listening(cloned_database: Clone, tmp_path: Path) -> Iterator[Listening]:
    authority = Authority()
    certificate, key = authority.issue("localhost")
    files = {
        "authority": tmp_path / "ca.pem",
        "certificate": tmp_path / "cert.pem",
        "key": tmp_path / "key.pem",
    }
    for path, text in zip(files.values(), (authority.pem, certificate, key), strict=True):
        path.write_text(text)
    now = clock.now()
    ensure_defaults(now=now)
    catch_all = SupportGroup.objects.get(catch_all=True)
    actions.create_source(name="Network", kind="syslog", group_id=catch_all.id, actor=MAKER, now=now)
    udp, tcp, tls = free_port(), free_port(), free_port()
    running = launch(
        cloned_database.url,
        tmp_path,
        FIRSTLINE_SYSLOG_UDP_PORT=str(udp),
        FIRSTLINE_SYSLOG_TCP_PORT=str(tcp),
        FIRSTLINE_SYSLOG_TLS_PORT=str(tls),
        FIRSTLINE_SYSLOG_CERTIFICATE=str(files["certificate"]),
        FIRSTLINE_SYSLOG_KEY=str(files["key"]),
    )
    wait_for(lambda: answers(tcp) and answers(tls))
    yield Listening(running, udp, tcp, tls, files)
    finish(running)


@pytest.mark.parametrize("way", ["udp", "tcp octet-counted", "tcp traditional", "tls gtls", "tls ossl"])
def test_rsyslog_forwards_cef(listening: Listening, way: str) -> None:
    transport, _, how = way.partition(" ")
    action = {"udp": UDP, "tcp": TCP, "tls": TLS}[transport].format(
        udp=listening.udp, tcp=listening.tcp, tls=listening.tls, framing=how, driver=how
    )
    with rsyslog.running(action, **listening.files) as sender:
        if sender is None:
            pytest.skip("Debian's package rsyslog can't be had here")
        for signature in (100, 100, 200):
            sender.write(CEF.format(signature=signature, way=way))
        sender.write("disk sda1 fails", tag="kernel", priority="kern.err")
        sender.write("all is well", tag="cron", priority="cron.info")
        wait_for(lambda: listening.rows() == 5, 30)
    Engine().settle()
    found = {span.alert.dedup_key: span for span in AlertSpan.objects.select_related("alert")}
    attack = found["Firewall/100/10.20.0.11/198.51.100.23"]
    assert (attack.count, attack.severity, attack.security) == (2, "critical", True)
    assert attack.techniques == ["T1190"] and f"blocked by {way}" in attack.description
    assert {"kind": "user", "value": "alice", "role": "actor"} in attack.entities
    assert "Firewall/200/10.20.0.11/198.51.100.23" in found
    (plain,) = [span for key, span in found.items() if key.endswith("/kernel/disk sda1 fails")]
    assert (plain.severity, plain.security, len(found)) == ("error", False, 3)
    assert {incident.security for incident in Incident.objects.all()} == {True, False}


@pytest.mark.parametrize("form", ["--rfc3164", "--rfc5424"])
@pytest.mark.parametrize("transport", ["--udp", "--tcp"])
def test_logger(listening: Listening, form: str, transport: str) -> None:
    port = listening.udp if transport == "--udp" else listening.tcp
    command: list[str] = [
        "logger", "--server", "127.0.0.1", "--port", str(port), transport, form, "--tag", "backup",
        "--priority", "daemon.crit", "--id=4711",
    ]  # fmt: skip
    if transport == "--tcp":
        command.append("--octet-count")
    for number in (1, 2):
        subprocess.run([*command, "--", f"job {number} failed with status {number}"], check=True, timeout=10)
    wait_for(lambda: listening.rows() == 2)
    Engine().settle()
    span = AlertSpan.objects.get()
    assert (span.count, span.severity, span.labels["program"], span.labels["pid"]) == (
        2,
        "critical",
        "backup",
        "4711",
    )
    assert span.title == "backup: job 2 failed with status 2"
    assert span.labels["host"] and span.alert.dedup_key.endswith("/backup/job # failed with status #")
    assert abs((span.started_at - clock.now()).total_seconds()) < 3600 * 24
