"""`winmail.dat`: text and files come out; what is broken or hostile stays a file, soon."""

import struct

import pytest
from tnefparse import TNEF

from firstline.intake.rtf import decompressed, text_of_rtf
from firstline.intake.winmail import unpacked
from tests.unit.intake.tnef import attribute, compressed, properties, winmail

PLAIN = [(0x1E, 0x1000, b"Drucker geht nicht, Gr\xfc\xdfe\0")]
FILES = {"Prüfung der Drucker.pdf": b"%PDF-1.4 x", "b.png": b"\x89PNG\r\n\x1a\n"}


def test_text_and_files_as_the_published_reader_sees_them() -> None:
    raw = winmail(PLAIN, FILES)
    found = unpacked(raw)
    assert found is not None and found.text == "Drucker geht nicht, Grüße"
    assert {file.name: file.content for file in found.files} == FILES
    theirs = TNEF(raw)
    assert {each.long_filename().rstrip("\0"): each.data for each in theirs.attachments} == FILES


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ([(0x1F, 0x1000, "Ωmega".encode("utf-16-le"))], "Ωmega"),
        ([(0x03, 0x3FDE, struct.pack("<I", 65001)), (0x102, 0x1013, "<p>Größe</p>".encode())], "Größe"),
        ([(0x102, 0x1009, compressed(rb"{\rtf1\ansi\ansicpg1252 {\fonttbl{\f0 Arial;}}Gr\'fc\'dfe\par \u8364?5}"))],
         "Grüße\n€5"),
    ],
)  # fmt: skip
def test_bodies(body: list[tuple[int, int, bytes]], text: str) -> None:
    found = unpacked(winmail(body, {}))
    assert found is not None and found.text == text


def test_html_that_is_wrapped_in_rtf() -> None:
    rtf = (
        rb"{\rtf1\ansi\fromhtml1 {\*\htmltag64 <p>}\htmlrtf {\htmlrtf0 Hello"
        rb"{\*\htmltag72 </p>}\htmlrtf\par}\htmlrtf0 }"
    )
    assert text_of_rtf(rtf) == "Hello"


def test_compressed_with_references() -> None:
    """The example of MS-OXRTFCP, 4.1: `{\\rtf1\\ansi\\ansicpg1252\\pard hello world}`."""
    example = bytes.fromhex(
        "2d0000002b0000004c5a4675f1c5c7a703000a007263706731323542320af32068656c090020627705b06c647d0a800fa0"
    )
    assert decompressed(example) == b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n"


def test_a_named_property_and_a_list_are_passed_over() -> None:
    named = struct.pack("<HH", 0x1F, 0x8001) + bytes(16) + struct.pack("<II", 1, 5) + b"abcde\0\0\0"
    named += struct.pack("<II", 1, 2) + b"x\0\0\0"
    many = struct.pack("<HHI", 0x1003, 0x1234, 2) + bytes(8)
    stream = struct.pack("<I", 3) + named + many + properties(PLAIN)[4:]
    found = unpacked(struct.pack("<IH", 0x223E9F78, 1) + attribute(1, 0x9003, 6, stream))
    assert found is not None and found.text.startswith("Drucker")


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"\x78\x9f\x3e\x22", b"not tnef at all", winmail(PLAIN, FILES)[:60], winmail(PLAIN, FILES)[:-20],
        struct.pack("<IH", 0x223E9F78, 1) + attribute(1, 0x9003, 6, struct.pack("<I", 2**32 - 1) + b"\x03\x00\x01\x00"),
    ],
)  # fmt: skip
def test_what_is_broken_is_none(raw: bytes) -> None:
    assert unpacked(raw) is None


def test_millions_of_attributes_and_any_count_end_soon() -> None:
    """The number of attributes that are read is bounded, and so is what each count may claim."""
    raw = struct.pack("<IH", 0x223E9F78, 1) + attribute(1, 0x8020, 3, b"") * 400_000 + winmail(PLAIN, {})[6:]
    assert unpacked(raw) is None
