"""Which hosts a message may go to: public ones, and those that an administrator enabled by name."""

import ipaddress
import socket
from collections.abc import Collection

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_COMPATIBLE = ipaddress.IPv6Network("::/96")


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public internet; a mapped or tunnelled one is what it stands
    for.
    """
    ip = ipaddress.ip_address(address.split("%", 1)[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None) or _translated(ip)
        if inner is not None:
            return is_public(str(inner))
    return ip.is_global and not (ip.is_multicast or ip.is_reserved)


def _translated(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """What a NAT64 gateway makes of an address of its well-known prefix, or of an old IPv4-compatible one."""
    if ip in _NAT64 or (ip in _COMPATIBLE and int(ip) > 1):
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return None


def resolve(host: str, port: int, enabled: Collection[str]) -> str:
    """An address of `host` to connect to. The caller connects to it, not to the name, which could change
    meanwhile.

    Raises PermissionError when the name leads to a private address and is not enabled, OSError when it leads
    nowhere.
    """
    found = [str(row[4][0]) for row in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    if host.casefold() in {name.casefold() for name in enabled}:
        return found[0]
    for address in found:
        if not is_public(address):
            raise PermissionError(
                f"{host} leads to {address}, which is not a public address; "
                "an administrator can enable this host"
            )
    return found[0]
