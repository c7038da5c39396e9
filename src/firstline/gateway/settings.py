"""What the gateway reads from its environment. The supervisor has checked it; nothing here needs Django."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_network

MIB = 1024 * 1024
REQUESTS_IN_FLIGHT = 4096  # of all workers together
BYTES_IN_FLIGHT = 64 * MIB
Network = IPv4Network | IPv6Network


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Sizes are in bytes, times in seconds. `workers`: processes that share the ports, of which this is one."""

    database_url: str
    web_socket: str
    secret_key: str
    workers: int = 1
    trusted_proxies: tuple[Network, ...] = ()
    smtp_host: str = "127.0.0.1"
    smtp_port: int | None = None
    smtp_certificate: str = ""
    smtp_key: str = ""
    syslog_host: str = "127.0.0.1"
    syslog_udp_port: int | None = None
    syslog_tcp_port: int | None = None
    syslog_tls_port: int | None = None
    syslog_certificate: str = ""
    syslog_key: str = ""
    syslog_client_ca: str = ""
    requests_in_flight: int = REQUESTS_IN_FLIGHT
    bytes_in_flight: int = BYTES_IN_FLIGHT
    largest_upload: int = 100 * MIB
    forwards_in_flight: int = 256
    body_timeout: float = 30.0
    web_timeout: float = 120.0
    heartbeat: float = 15.0


def from_environment(environment: Mapping[str, str] = os.environ) -> Settings:
    """Raises KeyError or ValueError naming the variable that is missing or wrong."""
    proxies = environment.get("FIRSTLINE_TRUSTED_PROXIES", "")
    workers = int(environment.get("FIRSTLINE_GATEWAYS") or 1)
    port = environment.get("FIRSTLINE_SMTP_PORT", "")
    return Settings(
        database_url=environment["FIRSTLINE_DATABASE_URL"],
        web_socket=environment["FIRSTLINE_WEB_SOCKET"],
        secret_key=environment["FIRSTLINE_SECRET_KEY"],
        workers=workers,
        requests_in_flight=REQUESTS_IN_FLIGHT // workers,
        bytes_in_flight=BYTES_IN_FLIGHT // workers,
        trusted_proxies=networks(proxies.replace(",", " ").split()),
        smtp_host=environment.get("FIRSTLINE_SMTP_HOST") or "127.0.0.1",
        smtp_port=int(port or 0) or None,
        smtp_certificate=environment.get("FIRSTLINE_SMTP_CERTIFICATE", ""),
        smtp_key=environment.get("FIRSTLINE_SMTP_KEY", ""),
        syslog_host=environment.get("FIRSTLINE_SYSLOG_HOST") or "127.0.0.1",
        syslog_udp_port=_port(environment, "FIRSTLINE_SYSLOG_UDP_PORT"),
        syslog_tcp_port=_port(environment, "FIRSTLINE_SYSLOG_TCP_PORT"),
        syslog_tls_port=_port(environment, "FIRSTLINE_SYSLOG_TLS_PORT"),
        syslog_certificate=environment.get("FIRSTLINE_SYSLOG_CERTIFICATE", ""),
        syslog_key=environment.get("FIRSTLINE_SYSLOG_KEY", ""),
        syslog_client_ca=environment.get("FIRSTLINE_SYSLOG_CLIENT_CA", ""),
    )


def _port(environment: Mapping[str, str], name: str) -> int | None:
    return int(environment.get(name) or 0) or None


def networks(texts: list[str]) -> tuple[Network, ...]:
    """Networks from `10.0.0.0/8` or single addresses; ValueError for anything else."""
    return tuple(ip_network(text, strict=False) for text in texts)
