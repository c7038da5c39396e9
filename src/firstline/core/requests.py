"""What a web request says about where it comes from."""

from typing import Protocol


class HasMeta(Protocol):
    META: dict[str, str]


def client_address(request: HasMeta) -> str:
    """The client's address: the gateway's word (over its socket there is no peer), else the peer's.

    The gateway overwrites X-Forwarded-For, so that nobody outside can choose it. A server that is
    reached over TCP without the gateway believes only the peer.
    """
    peer = request.META.get("REMOTE_ADDR", "")
    if peer in ("", "unix:", "127.0.0.1", "::1"):
        named = request.META.get("HTTP_X_FORWARDED_FOR", "").rpartition(",")[2].strip()
        return named or peer or "unknown"
    return peer
