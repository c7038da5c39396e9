"""Observables have one spelling, whoever wrote them."""

import ipaddress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firstline.intake import entities
from firstline.intake.entities import entity, gathered, handles, is_telling, normalised, observed, same
from firstline.intake.signal import Entity, EntityKind
from tests.effort import cases

H, A, U, P, F, L, D = (
    EntityKind.HOST,
    EntityKind.IP,
    EntityKind.USER,
    EntityKind.PROCESS,
    EntityKind.FILE_HASH,
    EntityKind.URL,
    EntityKind.DOMAIN,
)


@pytest.mark.parametrize(
    ("kind", "written", "meant"),
    [
        (A, "192.0.2.1:80", "192.0.2.1"),
        (A, "[2001:DB8:0::1]:443", "2001:db8::1"),
        (A, "::ffff:192.0.2.1", "192.0.2.1"),
        (A, "::FFFF:c000:201", "192.0.2.1"),
        (A, "fe80::1%eth0", "fe80::1"),
        (A, "192.0.2.1/32", "192.0.2.1"),
        (A, "192.0.2[.]1", "192.0.2.1"),
        (A, "0.0.0.0", ""),
        (A, "::", ""),
        (A, "web1", ""),
        (A, "999.1.1.1", ""),
        (H, "WEB1.Example.ORG.:9100", "web1.example.org"),
        (H, "\\\\FILES1", "files1"),
        (H, " - ", ""),
        (U, "CORP\\Alice", "alice@corp"),
        (U, "Alice@Corp.Example", "alice@corp.example"),
        (U, "NT AUTHORITY\\SYSTEM", "system"),
        (U, ".\\bob", "bob"),
        (U, "root(uid=0)", "root"),
        (U, "arn:aws:iam::111111111111:user/Ann", "arn:aws:iam::111111111111:user/Ann"),
        (U, "(null)", ""),
        (P, '"C:\\Windows\\System32\\CMD.exe" /c dir', "c:\\windows\\system32\\cmd.exe"),
        (P, "/usr/bin/Xorg", "/usr/bin/Xorg"),
        (F, "A" * 64, "a" * 64),
        (F, "sha256:" + "b" * 64, "b" * 64),
        (F, "0" * 40, ""),
        (F, "abc", ""),
        (L, "HXXPS://Evil[.]Example:443/A?b=C#d", "https://evil.example/A?b=C"),
        (L, "http://ann:secret@host.example", "http://host.example/"),
        (L, "http://[2001:DB8::1]:8080/x", "http://[2001:db8::1]:8080/x"),
        (L, "/login.php", ""),
        (D, "*.Bücher.Example.", "xn--bcher-kva.example"),
        (D, "https://Evil.Example/x", "evil.example"),
        (D, "two words", ""),
    ],
)
def test_spelling(kind: EntityKind, written: str, meant: str) -> None:
    assert normalised(kind, written) == meant


pieces = st.sampled_from(
    [
        "192.0.2.1",
        ":80",
        "[",
        "]",
        "::1",
        "%eth0",
        ".",
        "\\",
        "/",
        "@",
        "Corp",
        "Ü",
        "http://",
        "a" * 32,
        "\x00",
        " ",
        "-",
    ]
)
texts = st.one_of(st.text(max_size=40), st.lists(pieces, max_size=6).map("".join))


@settings(max_examples=cases(1000, 20_000), deadline=None)
@given(kind=st.sampled_from(EntityKind), text=texts)
def test_a_canonical_spelling_is_its_own(kind: EntityKind, text: str) -> None:
    once = normalised(kind, text)
    assert normalised(kind, once) == once
    assert "\x00" not in once


@settings(max_examples=cases(300, 20_000), deadline=None)
@given(address=st.ip_addresses(), port=st.integers(0, 65535))
def test_every_spelling_of_an_address_is_one(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address, port: int
) -> None:
    plain = entities.ip(str(address))
    if address.version == 4:
        written = [f"{address}:{port}", f"::ffff:{address}", f"{address}/32", f'"{address}"', f" {address} "]
    else:
        written = [address.exploded, address.compressed.upper(), f"[{address}]:{port}", f"{address}%1"]
    assert {entities.ip(each) for each in written} == {plain}


@settings(max_examples=cases(200, 5_000), deadline=None)
@given(
    name=st.from_regex(r"[a-z][a-z0-9]{0,8}", fullmatch=True),
    rest=st.from_regex(r"[a-z]{1,5}\.example", fullmatch=True),
)
def test_a_short_name_and_its_long_one_find_each_other(name: str, rest: str) -> None:
    short, long = Entity(H, name), Entity(H, f"{name}.{rest}")
    assert same(short, long) and same(long, short)
    assert set(handles(short)) & set(handles(long))
    assert not same(long, Entity(H, f"{name}.other.example"))


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (Entity(U, "alice"), Entity(U, "alice@corp"), True),
        (Entity(U, "alice@corp"), Entity(U, "alice@corp.example"), True),
        (Entity(U, "alice@corp"), Entity(U, "alice@other"), False),
        (Entity(U, "alice"), Entity(H, "alice"), False),
        (Entity(P, "/tmp/x"), Entity(P, "x"), True),
        (Entity(P, "/tmp/x"), Entity(P, "/opt/x"), False),
        (Entity(A, "192.0.2.1"), Entity(A, "192.0.2.10"), False),
    ],
)
def test_same(one: Entity, other: Entity, expected: bool) -> None:
    assert same(one, other) is same(other, one) is expected


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (Entity(A, "127.0.0.1"), False),
        (Entity(A, "::1"), False),
        (Entity(A, "10.0.0.1"), True),
        (Entity(U, "root"), False),
        (Entity(U, "administrator@corp"), False),
        (Entity(U, "alice"), True),
        (Entity(P, "c:\\windows\\system32\\cmd.exe"), False),
        (Entity(P, "/tmp/kinsing"), True),
        (Entity(F, "d41d8cd98f00b204e9800998ecf8427e"), False),
        (Entity(H, "localhost"), False),
        (Entity(H, "web1"), True),
    ],
)
def test_what_is_everybodys_tells_nothing(one: Entity, expected: bool) -> None:
    assert is_telling(one) is expected


def test_a_host_that_is_an_address_becomes_one() -> None:
    assert entity(H, "::ffff:192.0.2.7", "target") == Entity(A, "192.0.2.7", "target")


def test_hashes_in_a_list() -> None:
    text = f"MD5={'A1' * 16},SHA256={'b2' * 32},IMPHASH={'c3' * 16}"
    assert list(observed(F, text)) == [Entity(F, "a1" * 16), Entity(F, "b2" * 32)]
    assert [entities.hash_kind(each.value) for each in observed(F, text)] == ["md5", "sha256"]


def test_each_once_and_the_one_with_a_role_wins() -> None:
    found = gathered(
        [Entity(A, "192.0.2.1"), Entity(A, "192.0.2.1", "source"), Entity(A, "192.0.2.1", "source")]
    )
    assert found == (Entity(A, "192.0.2.1", "source"),)
    assert len(gathered(Entity(H, f"h{number}") for number in range(1000))) == entities.MOST
