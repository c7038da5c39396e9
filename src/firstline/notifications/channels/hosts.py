"""Which hosts a message may go to: public ones, and those that an administrator enabled by name."""

import ipaddress
import socket
from collections.abc import Collection


def is_public(address: str) -> bool:
    """Whether an IP address is one of the public internet; a mapped or tunnelled one is what it stands
    for.
    """
    ip = ipaddress.ip_address(address.split("%", 1)[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inner is not None:
            return is_public(str(inner))
    return ip.is_global and not (ip.is_multicast or ip.is_reserved)


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
