"""Makes a `winmail.dat` as Outlook does (MS-OXTNEF), for the tests."""

import struct


def attribute(level: int, name: int, kind: int, data: bytes) -> bytes:
    return struct.pack("<BHHI", level, name, kind, len(data)) + data + struct.pack("<H", sum(data) & 0xFFFF)


def properties(values: list[tuple[int, int, bytes]]) -> bytes:
    """(type, id, value) as one property stream; types 0x1E, 0x1F and 0x102 have their length before them."""
    out = struct.pack("<I", len(values))
    for kind, number, data in values:
        out += struct.pack("<HH", kind, number)
        if kind in (0x1E, 0x1F, 0x102):
            out += struct.pack("<II", 1, len(data)) + data + bytes(-len(data) % 4)
        else:
            out += data
    return out


def winmail(body: list[tuple[int, int, bytes]], files: dict[str, bytes]) -> bytes:
    """A message with these MAPI properties and files; long names are MAPI properties, as Outlook writes them."""
    out = struct.pack("<IH", 0x223E9F78, 1)
    out += attribute(1, 0x9006, 8, struct.pack("<I", 0x10000))
    out += attribute(1, 0x9007, 6, struct.pack("<II", 1252, 0))
    if body:
        out += attribute(1, 0x9003, 6, properties(body))
    for name, content in files.items():
        out += attribute(2, 0x9002, 6, bytes(14))
        out += attribute(2, 0x8010, 1, b"SHORT~1.DAT\0")
        out += attribute(2, 0x800F, 6, content)
        out += attribute(2, 0x9005, 6, properties([(0x1F, 0x3707, name.encode("utf-16-le") + b"\0\0")]))
    return out


def compressed(rtf: bytes) -> bytes:
    """RTF as PR_RTF_COMPRESSED, with literals only (which is allowed)."""
    out = b""
    for at in range(0, len(rtf), 8):
        out += b"\0" + rtf[at : at + 8]
    return struct.pack("<IIII", len(out) + 12, len(rtf), 0x75465A4C, 0) + out
