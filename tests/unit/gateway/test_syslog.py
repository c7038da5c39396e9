"""The syslog listeners of a real gateway: what is sent becomes rows of the right source, and losses are counted."""

import contextlib
import json
import select
import socket
import ssl
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from firstline.gateway.syslog.streams import LARGEST
from tests.authority import Authority
from tests.database import Clone

from .conftest import Running, answers, free_port, wait_for

Listening = Callable[[], tuple[Running, int, int]]


@pytest.fixture
def listening(start: Callable[..., Running]) -> Listening:
    """Starts the listeners: sources are to be there first, as an answer about them is believed for a moment."""

    def run() -> tuple[Running, int, int]:
        udp, tcp = free_port(), free_port()
        running = start(FIRSTLINE_SYSLOG_UDP_PORT=str(udp), FIRSTLINE_SYSLOG_TCP_PORT=str(tcp))
        wait_for(lambda: answers(tcp))
        return running, udp, tcp

    return run


def bodies(gateway: Running) -> list[bytes]:
    return [bytes(row["body"]) for row in gateway.rows()]


def send_tcp(port: int, data: bytes) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(data)
        with contextlib.suppress(OSError):  # refused, and gone already
            connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1) == b""


def counted(gateway: Running) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = gateway.ask("GET", "/healthz/intake").json()["syslog"]
    return found


def test_udp(listening: Listening, source: Callable[..., str]) -> None:
    source("syslog")
    gateway, udp, _ = listening()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for number in range(50):
            sender.sendto(b"<11>Mar  2 09:00:00 h a: message %d\n" % number, ("127.0.0.1", udp))
    wait_for(lambda: len(gateway.rows()) == 50)
    assert bodies(gateway) == [b"<11>Mar  2 09:00:00 h a: message %d" % number for number in range(50)]
    row = gateway.rows()[0]
    assert (row["content_type"], row["headers"]) == (
        "application/syslog",
        {"peer": "127.0.0.1", "transport": "udp"},
    )
    assert counted(gateway)["received"] == {"udp": 50, "tcp": 0, "tls": 0}


def test_tcp_in_both_framings(listening: Listening, source: Callable[..., str]) -> None:
    source("syslog")
    gateway, _, tcp = listening()
    send_tcp(tcp, b"<11>one\n10 <11>tw\no! <11>three\n12 <11>the last")
    assert bodies(gateway) == [b"<11>one", b"<11>tw\no! ", b"<11>three", b"<11>the last"]


def test_a_connection_stays_and_everything_sent_is_stored(
    listening: Listening, source: Callable[..., str]
) -> None:
    source("syslog")
    gateway, _, tcp = listening()
    with socket.create_connection(("127.0.0.1", tcp), timeout=10) as connection:
        for number in range(5):
            connection.sendall(b"".join(b"<11>%d.%d\n" % (number, each) for each in range(2000)))
            wait_for(lambda: len(gateway.rows()) == (number + 1) * 2000, 30)  # noqa: B023
    assert bodies(gateway) == [b"<11>%d.%d" % (number, each) for number in range(5) for each in range(2000)]


def test_too_large_and_unknown_are_counted(
    listening: Listening, source: Callable[..., str], cloned_database: Clone
) -> None:
    source("syslog", allowed_networks=["192.0.2.0/24"])
    gateway, udp, tcp = listening()
    send_tcp(tcp, b"")  # refused: closed at once, as was the probe that waited for the port
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"<11>x", ("127.0.0.1", udp))
    wait_for(lambda: counted(gateway)["dropped"]["unknown_sender"] >= 2)
    source("syslog")
    wait_for(lambda: takes(gateway, tcp), 20)
    send_tcp(tcp, b"<11>" + b"x" * (LARGEST + 1) + b"\n<11>after\n")
    assert bodies(gateway)[-1] == b"<11>after"
    assert counted(gateway)["dropped"]["too_large"] == 1
    wait_for(lambda: written(gateway).get("too_large") == 1, 20)
    assert written(gateway)["unknown_sender"] >= 2


def takes(gateway: Running, tcp: int) -> bool:
    try:
        send_tcp(tcp, b"<11>try\n")
    except OSError:
        return False
    return bool(gateway.rows())


def written(gateway: Running) -> dict[str, int]:
    with psycopg.connect(gateway.database) as connection:
        row = connection.execute("SELECT value FROM setting WHERE key = 'syslog.counts'").fetchone()
    found: dict[str, int] = row[0] if row else {}
    return found


def test_the_smallest_network_names_the_source(listening: Listening, source: Callable[..., str]) -> None:
    source("syslog", allowed_networks=["127.0.0.0/8"])
    source("syslog")
    source("syslog", allowed_networks=["127.0.0.1/32"])
    gateway, _, tcp = listening()
    with psycopg.connect(gateway.database) as connection:
        ids = [
            number for (number,) in connection.execute("SELECT id FROM intake_source ORDER BY id").fetchall()
        ]
    send_tcp(tcp, b"<11>x\n")
    assert [row["source_id"] for row in gateway.rows()] == [ids[2]]


@pytest.fixture
def certificates(tmp_path: Path) -> dict[str, Path]:
    server, client = Authority("server"), Authority("client")
    texts = {"ca": server.pem, "client_ca": client.pem}
    texts["certificate"], texts["key"] = server.issue("localhost")
    texts["client"], texts["client_key"] = client.issue("sender")
    found = {name: tmp_path / f"{name}.pem" for name in texts}
    for name, path in found.items():
        path.write_text(texts[name])
    return found


def connected(port: int, context: ssl.SSLContext) -> ssl.SSLSocket:
    plain = socket.create_connection(("127.0.0.1", port), timeout=10)
    return context.wrap_socket(plain, server_hostname="localhost")


def heard_nothing_but_the_end(sender: ssl.SSLSocket, data: bytes) -> bool:
    """Whether the other end hangs up: with TLS 1.3 it judges the sender's certificate behind the handshake."""
    try:
        sender.sendall(data)
        return sender.recv(1) == b""
    except OSError:
        return True


def test_tls_with_a_certificate_of_the_sender(
    start: Callable[..., Running], source: Callable[..., str], certificates: dict[str, Path]
) -> None:
    port = free_port()
    gateway = start(
        FIRSTLINE_SYSLOG_TLS_PORT=str(port),
        FIRSTLINE_SYSLOG_CERTIFICATE=str(certificates["certificate"]),
        FIRSTLINE_SYSLOG_KEY=str(certificates["key"]),
        FIRSTLINE_SYSLOG_CLIENT_CA=str(certificates["client_ca"]),
    )
    source("syslog")
    wait_for(lambda: answers(port))
    context = ssl.create_default_context(cafile=str(certificates["ca"]))
    with connected(port, context) as bare:
        assert heard_nothing_but_the_end(bare, b"13 <11>no badge")
    context.load_cert_chain(certificates["client"], certificates["client_key"])
    with connected(port, context) as sender:
        sender.sendall(b"9 <11>badge9 <11>again")
        wait_for(lambda: len(gateway.rows()) == 2)
    assert bodies(gateway) == [b"<11>badge", b"<11>again"]


def test_tcp_waits_for_the_database(listening: Listening, source: Callable[..., str]) -> None:
    """While rows can't be stored the sender's bytes stay with it; afterwards none is missing or doubled."""
    source("syslog")
    gateway, _, tcp = listening()
    send_tcp(tcp, b"<11>first\n")
    total = 30_000
    lines = b"".join(b"<11>%06d %s\n" % (number, b"x" * 200) for number in range(total))
    with psycopg.connect(gateway.database) as holder, socket.create_connection(("127.0.0.1", tcp)) as sender:
        holder.execute("LOCK TABLE inbox IN ACCESS EXCLUSIVE MODE")
        sender.setblocking(False)
        sent = fill(sender, lines)
        assert sent < len(lines)  # it was made to wait
        holder.rollback()
        sender.setblocking(True)
        sender.sendall(lines[sent:])
        wait_for(lambda: count(gateway) >= total + 1, 60)
    numbers = [body[4:10] for body in bodies(gateway)[1:]]
    assert sorted(set(numbers)) == [b"%06d" % number for number in range(total)]
    assert numbers == sorted(numbers)
    assert len(numbers) == total


def fill(sender: socket.socket, data: bytes) -> int:
    """Send until the other end takes no more for a second; returns how much it took."""
    sent = 0
    while sent < len(data) and select.select([], [sender], [], 1.0)[1]:
        sent += sender.send(data[sent : sent + 65536])
    return sent


def count(gateway: Running) -> int:
    with psycopg.connect(gateway.database) as connection:
        row = connection.execute("SELECT count(*) FROM inbox").fetchone()
    assert row
    return int(row[0])


def test_without_a_port_nothing_listens_and_health_is_silent(start: Callable[..., Running]) -> None:
    assert "syslog" not in json.loads(start().ask("GET", "/healthz/intake").body)
