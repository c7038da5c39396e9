"""Observables in one spelling, so that two tools that saw the same thing say the same: pure.

`normalised` gives the canonical text of a value or `""` where it is none of its kind. `handles` are the
names under which an entity is to be looked for: two entities with a handle in common *may* be the same
thing, `same` decides. `is_telling` says whether sharing it means anything: everybody's `root` does not.
"""

import ipaddress
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from urllib.parse import urlsplit

from firstline.intake.signal import Entity, EntityKind

MOST = 100  # entities of one signal; the raw payload keeps the rest
LONGEST = 2000
ROUNDS = 8
HASH_KINDS = {32: "md5", 40: "sha1", 64: "sha256", 96: "sha384", 128: "sha512"}
HEX = re.compile(r"[0-9a-f]+")
HASH = re.compile(r"(?:(?P<name>[A-Za-z0-9]+)[:=])?(?P<hex>[0-9A-Fa-f]{32,128})")
OTHER_HASHES = {
    "imphash",
    "ssdeep",
    "tlsh",
    "authentihash",
    "ja3",
    "ja3s",
    "vhash",
}  # no hash of a file's content
UID = re.compile(r"\(uid=\d+\)$")
SPACE = re.compile(r"\s+")
LABEL = re.compile(r"[a-z0-9_-]{1,63}")
DEFANGED = (("[.]", "."), ("(.)", "."), ("[:]", ":"), ("[://]", "://"))
DEFAULT_PORTS = {"http": 80, "https": 443, "ftp": 21}
NOTHING = frozenset(
    {"", "-", "--", "?", "*", "any", "none", "null", "(null)", "nil", "n/a", "na", "unknown", "unset", "undefined",
     "<na>", "not available", "0.0.0.0", "::"}  # noqa: S104 - left out, nothing is bound
)  # fmt: skip
EVERYBODYS_USERS = frozenset(
    {"root", "system", "administrator", "admin", "guest", "nobody", "anonymous", "daemon", "user",
     "local service", "network service", "local system", "anonymous logon", "everyone"}
)  # fmt: skip
EVERYBODYS_PROCESSES = frozenset(
    {"sh", "bash", "dash", "cmd.exe", "powershell.exe", "pwsh.exe", "svchost.exe", "services.exe", "explorer.exe",
     "systemd", "sshd", "sudo", "su", "cron", "python", "python3", "perl", "java", "rundll32.exe", "lsass.exe"}
)  # fmt: skip
EMPTY_FILES = frozenset(
    {
        "d41d8cd98f00b204e9800998ecf8427e",
        "da39a3ee5e6b4b0d3255bfef95601890afd80709",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    }
)


def entity(kind: EntityKind, value: str, role: str = "") -> Entity | None:
    """The entity in its canonical spelling; None where `value` is none. A host or a domain that is an
    address becomes an address.
    """
    if kind in (EntityKind.HOST, EntityKind.DOMAIN) and (address := ip(value)):
        return Entity(EntityKind.IP, address, role)
    found = normalised(kind, value)
    return Entity(kind, found, role) if found else None


def observed(kind: EntityKind, value: str, role: str = "") -> Iterator[Entity]:
    """The entities in a field: lists of hashes (`MD5=…,SHA256=…`) are several."""
    if kind is EntityKind.FILE_HASH:
        for match in HASH.finditer(value[:LONGEST]):
            if (match["name"] or "").lower() not in OTHER_HASHES and (found := file_hash(match["hex"])):
                yield Entity(kind, found, role)
    elif (made := entity(kind, value, role)) is not None:
        yield made


def gathered(found: Iterable[Entity]) -> tuple[Entity, ...]:
    """Each once, at most MOST; one without a role is left out where the same is there with one."""
    unique = list(dict.fromkeys(found))
    with_role = {(each.kind, each.value) for each in unique if each.role}
    return tuple(each for each in unique if each.role or (each.kind, each.value) not in with_role)[:MOST]


@lru_cache(maxsize=32_768)
def normalised(kind: EntityKind, value: str) -> str:
    """The canonical spelling of a value of this kind, which is its own canonical spelling; `""`: it is none."""
    text = value[:LONGEST]
    for _ in range(ROUNDS):  # what a cut uncovers is looked at again, such as quotes within quotes
        text, before = NORMALISERS[kind](text), text
        if text == before:
            return text
    return ""


def ip(value: str) -> str:
    """`[2001:DB8::1]:443` → `2001:db8::1`, `192.0.2.1:80` → `192.0.2.1`, `::ffff:192.0.2.1` → `192.0.2.1`.

    Zones and the length of a network of one address are cut; what is unspecified is nothing.
    """
    text = _refanged(_plain(value))
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    text = text.partition("%")[0]
    for suffix in ("/32", "/128"):
        text = text.removesuffix(suffix)
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return "" if address.is_unspecified else str(address)


def host(value: str) -> str:
    """A host's name in lower case without port and final dot: `WEB1.Example.ORG.:9100` → `web1.example.org`."""
    text = _plain(value).lower().lstrip("\\/")
    name, _, port = text.partition(":")
    text = name if port.isdigit() or not port else text
    text = SPACE.sub(" ", text).rstrip(".").strip()
    return "" if text in NOTHING or len(text) > 253 else text


def short_name(name: str) -> str:
    """The first part of a host's name: `web1.example.org` → `web1`."""
    return name.partition(".")[0]


def user(value: str) -> str:
    """`CORP\\Alice` → `alice@corp`, `Alice@Corp.Example` → `alice@corp.example`, `root(uid=0)` → `root`.

    What says nothing about the domain (`NT AUTHORITY`, `.`) is left out. ARNs and SIDs stay as they are.
    """
    text = UID.sub("", _plain(value))
    if text.startswith(("arn:", "S-1-")):
        return text
    text = SPACE.sub(" ", text.lower())
    domain, backslash, name = text.rpartition("\\")
    if not backslash:
        name, _, domain = text.partition("@") if text.count("@") == 1 else (text, "", "")
    domain = domain.strip("\\ .")
    if name.strip() in NOTHING:
        return ""
    return name.strip() if domain in NOTHING or domain in LOCAL_DOMAINS else f"{name.strip()}@{domain}"


LOCAL_DOMAINS = frozenset(
    {"nt authority", "builtin", "window manager", "font driver host", "localhost", "workgroup"}
)


def domain(value: str) -> str:
    """A domain in lower case and IDNA: `Bücher.Example.` → `xn--bcher-kva.example`; of a URL its host."""
    text = _refanged(_plain(value)).lower()
    if "://" in text:
        text = _host_of_url(text)
    text = text.partition("/")[0].removeprefix("*.").strip(".")
    name, _, port = text.partition(":")
    text = name if port.isdigit() or not port else text
    if text in NOTHING or not text or SPACE.search(text) or ":" in text:
        return ""
    labels = [_ascii(label) for label in text.split(".")]
    found = ".".join(labels)
    return found if all(labels) and len(found) <= 253 else ""


def url(value: str) -> str:
    """An absolute URL with scheme and host in lower case, without name and password, default port and fragment."""
    text = _refanged(_plain(value))
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return ""
    scheme = parts.scheme.lower().replace("hxxp", "http")
    name = parts.hostname or ""
    place = f"[{ip(name)}]" if ":" in name and ip(name) else ip(name) or domain(name)
    if not scheme or not place or SPACE.search(text):
        return ""
    where = place if port in (None, DEFAULT_PORTS.get(scheme)) else f"{place}:{port}"
    return f"{scheme}://{where}{parts.path or '/'}" + (f"?{parts.query}" if parts.query else "")


def process(value: str) -> str:
    """A program by its path or name. Windows' names are without case; arguments behind a quoted path are cut."""
    text = value.replace("\x00", "").strip()
    if text.startswith('"') and '"' in text[1:]:
        text = text[1:].partition('"')[0]
    text = _plain(text)
    if text.lower() in NOTHING:
        return ""
    return text.lower() if "\\" in text or text.lower().endswith((".exe", ".dll", ".sys")) else text


def program(name: str) -> str:
    """The last part of a process's path, in lower case."""
    return re.split(r"[\\/]", name)[-1].lower()


def file_hash(value: str) -> str:
    """A hash in lower case, known by its length; `""` for other lengths and for all zeros."""
    text = _plain(value).lower()
    name, colon, rest = text.partition(":")
    text = rest if colon and name in HASH_KINDS.values() else text
    return text if len(text) in HASH_KINDS and HEX.fullmatch(text) and text.strip("0") else ""


def hash_kind(value: str) -> str:
    """`md5`, `sha1`, `sha256`, … of a normalised hash."""
    return HASH_KINDS.get(len(value), "")


NORMALISERS = {
    EntityKind.HOST: host,
    EntityKind.IP: ip,
    EntityKind.USER: user,
    EntityKind.PROCESS: process,
    EntityKind.FILE_HASH: file_hash,
    EntityKind.URL: url,
    EntityKind.DOMAIN: domain,
}


def handles(one: Entity) -> tuple[str, ...]:
    """The names to look an entity up by: `host:web1.example.org` and `host:web1`; a user also without domain,
    a process also by its program, a URL also by its domain.
    """
    names = [one.value]
    if one.kind is EntityKind.HOST:
        names.append(short_name(one.value))
    elif one.kind is EntityKind.USER:
        names.append(one.value.partition("@")[0])
    elif one.kind is EntityKind.PROCESS:
        names.append(program(one.value))
    return tuple(dict.fromkeys(f"{one.kind}:{name}" for name in names))


def same(one: Entity, other: Entity) -> bool:
    """Whether both can be the same thing: equal, or the one says less (`web1` and `web1.example.org`,
    `alice` and `alice@corp`, `alice@corp` and `alice@corp.example.org`, `x.exe` and its path).
    """
    if one.kind is not other.kind:
        return False
    if one.value == other.value:
        return True
    if one.kind is EntityKind.HOST:
        return _says_less(one.value, other.value, ".")
    if one.kind is EntityKind.USER:
        (name, _, domain_), (other_name, _, other_domain) = (
            one.value.partition("@"),
            other.value.partition("@"),
        )
        unsaid = not domain_ or not other_domain
        return name == other_name and (unsaid or _says_less(domain_, other_domain, "."))
    if one.kind is EntityKind.PROCESS:
        bare = program(one.value) == one.value.lower() or program(other.value) == other.value.lower()
        return bare and program(one.value) == program(other.value)
    return False


def is_telling(one: Entity) -> bool:
    """Whether two alerts that share it have something to do with each other; loopback, well-known accounts,
    shells and the hash of the empty file are everybody's.
    """
    if one.kind is EntityKind.IP:
        address = ipaddress.ip_address(one.value)
        return not (
            address.is_loopback or address.is_multicast or address.is_link_local or _is_broadcast(one.value)
        )
    if one.kind is EntityKind.USER:
        return one.value.partition("@")[0] not in EVERYBODYS_USERS
    if one.kind is EntityKind.PROCESS:
        return program(one.value) not in EVERYBODYS_PROCESSES
    if one.kind is EntityKind.FILE_HASH:
        return one.value not in EMPTY_FILES
    return not (one.kind is EntityKind.HOST and short_name(one.value) == "localhost")


def _is_broadcast(address: str) -> bool:
    return address == "255.255.255.255"


def _says_less(one: str, other: str, separator: str) -> bool:
    """Whether one of the names is the other's beginning, up to a separator, and only a single part."""
    shorter, longer = sorted((one, other), key=len)
    return separator not in shorter and longer.startswith(shorter + separator)


def _plain(value: str) -> str:
    text, before = value.replace("\x00", ""), None
    while text != before:
        before, text = text, text.strip().strip("\"'")
    return "" if text.lower() in NOTHING else text


def _refanged(text: str) -> str:
    """Analysts write `hxxp://evil[.]example` so that nobody clicks on it."""
    for written, meant in DEFANGED:
        text = text.replace(written, meant)
    return text


def _host_of_url(text: str) -> str:
    try:
        return urlsplit(text).hostname or ""
    except ValueError:
        return ""


def _ascii(label: str) -> str:
    """A label of a domain in IDNA; `""` where it can't be one."""
    try:
        text = label if label.isascii() else label.encode("idna").decode("ascii").lower()
    except UnicodeError:
        return ""
    return text if LABEL.fullmatch(text) else ""
