"""CEF, LEEF and syslog: what a line says, whatever it travels in; mutated lines never break a parser."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firstline.intake.helping import samples
from firstline.intake.signal import Entity, EntityKind, Severity, Signal, SignalKind
from firstline.intake.sources.cef.event import NotAnEvent, find, read
from firstline.intake.sources.parsing import KEY_LENGTH, ParseError, Received
from firstline.intake.sources.registry import PARSERS
from firstline.intake.sources.syslog.message import message_of
from firstline.intake.sources.syslog.parse import template_of
from firstline.intake.sources.textlines import FRAME
from tests.effort import cases

AT = datetime(2026, 3, 2, 9, 16, tzinfo=UTC)
KIND = EntityKind
CEF = "CEF:0|Vendor|Product|1.0|100|Name|10|"


def parsed(kind: str, body: str | bytes, media: str = "text/plain", **own: Any) -> list[Signal]:
    raw = body if isinstance(body, bytes) else body.encode()
    row = Received(id=7, received_at=AT, body=raw, content_type=media, headers={"peer": "192.0.2.99"})
    return PARSERS[kind](row, own)


class TestCef:
    def test_sample(self) -> None:
        cef, leef = parsed("cef", samples("cef")[0].body)
        assert (cef.title, cef.severity) == ("Test: Exploit attempt | blocked", Severity.CRITICAL)
        assert cef.key == "Firewall/4711/web-1.shop.example/198.51.100.23"
        assert cef.tactics == ("TA0001",) and cef.techniques == ("T1190",)
        assert cef.occurred_at == datetime(2026, 3, 2, 9, 15, 30, tzinfo=UTC)
        assert set(cef.entities) == {
            Entity(KIND.IP, "198.51.100.23", "source"),
            Entity(KIND.IP, "10.20.0.11", "target"),
            Entity(KIND.HOST, "web-1.shop.example", "target"),
            Entity(KIND.HOST, "fw-1", "sensor"),
            Entity(KIND.USER, "alice@corp", "actor"),
            Entity(KIND.USER, "root", "target"),
            Entity(KIND.URL, "https://shop.example/cart?a=b"),
            Entity(KIND.FILE_HASH, "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae"),
        }
        assert (leef.title, leef.severity) == ("Malware", Severity.ERROR)
        assert leef.key == "Proxy/malware-download/203.0.113.66/10.20.0.31"
        assert Entity(KIND.USER, "bob@corp", "actor") in leef.entities
        assert cef.security and leef.security

    @pytest.mark.parametrize(
        ("extension", "expected"),
        [
            ("a=1 b=2", {"a": "1", "b": "2"}),
            ("msg=two words b=2", {"msg": "two words", "b": "2"}),
            (r"msg=a\=b\\c\nd", {"msg": "a=b\\c\nd"}),
            (r"path=C:\Users\x b=1", {"path": r"C:\Users\x", "b": "1"}),
            ("request=http://x/?q=1&r=2 b=3", {"request": "http://x/?q=1&r=2", "b": "3"}),
            (
                "ad.nn=T cs1Label=Policy cs1=strict",
                {"ad.nn": "T", "cs1": "strict", "Policy": "strict", "cs1Label": "Policy"},
            ),
            ("a= b=2", {"a": "", "b": "2"}),
            ("", {}),
        ],
    )
    def test_extension(self, extension: str, expected: dict[str, str]) -> None:
        assert read(CEF + extension).fields == expected

    def test_header(self) -> None:
        event = read(r"CEF:1|a\|b|c\\|1|x||5|")
        assert (event.vendor, event.product, event.name, event.severity) == ("a|b", "c\\", "", "5")
        assert read("CEF:0|v|p|1|x|n|5").severity == "5"
        with pytest.raises(NotAnEvent, match="header"):
            read("CEF:0|v|p|1")

    @pytest.mark.parametrize(
        ("written", "severity"),
        [("0", "info"), ("3", "info"), ("4", "warning"), ("6", "warning"), ("7", "error"), ("8", "error"),
         ("9", "critical"), ("10", "critical"), ("Low", "info"), ("Medium", "warning"), ("High", "error"),
         ("Very-High", "critical"), ("Unknown", "warning")],
    )  # fmt: skip
    def test_severities(self, written: str, severity: str) -> None:
        (signal,) = parsed("cef", f"CEF:0|v|p|1|x|n|{written}|")
        assert signal.severity == severity

    def test_another_source_is_another_alert(self) -> None:
        one, other = parsed("cef", f"{CEF}src=192.0.2.1\n{CEF}src=192.0.2.2")
        assert one.key != other.key and (one.position, other.position) == (0, 1)

    @pytest.mark.parametrize("name", ["message", "_raw", "event"])
    def test_within_json(self, name: str) -> None:
        line = json.dumps({name: f"<13>Mar  2 09:15:30 fw {CEF}src=192.0.2.1", "other": 1})
        for body in (line, f"[{line}]", f"{line}\n{line}"):
            assert {each.key for each in parsed("cef", body, "application/json")} == {
                "Product/100/fw/192.0.2.1"
            }

    def test_no_event_is_refused(self) -> None:
        with pytest.raises(ParseError):
            parsed("cef", "hello")


class TestLeef:
    @pytest.mark.parametrize(
        "line",
        [
            "LEEF:1.0|V|P|1|ID|src=192.0.2.1\tmsg=two words",
            "LEEF:2.0|V|P|1|ID|^|src=192.0.2.1^msg=two words",
            "LEEF:2.0|V|P|1|ID|x5E|src=192.0.2.1^msg=two words",
            "LEEF:2.0|V|P|1|ID|0x7C|src=192.0.2.1|msg=two words",
            "LEEF:2.0|V|P|1|ID||src=192.0.2.1\tmsg=two words",
            "LEEF:2.0|V|P|1|ID|src=192.0.2.1\tmsg=two words",
            "LEEF:1.0|V|P|1|ID|src=192.0.2.1 msg=two words",
        ],
    )
    def test_separators(self, line: str) -> None:
        assert read(line).fields == {"src": "192.0.2.1", "msg": "two words"}

    def test_without_attributes(self) -> None:
        (signal,) = parsed("cef", "LEEF:1.0|V|P|1|ID-7")
        assert (signal.title, signal.key) == ("ID-7", "P/ID-7")


class TestSyslog:
    def test_sample(self) -> None:
        new, old = parsed("syslog", samples("syslog")[0].body)
        assert (new.key, new.severity, new.ci) == (
            "web-1.shop.example/nginx/UPSTREAM",
            Severity.ERROR,
            "web-1.shop.example",
        )
        assert new.labels["origin.ip"] == "10.20.0.11" and not new.security
        assert old.key == "db-1/kernel/test of firstline: i/o error on device sda1, sector #"
        assert old.occurred_at == datetime(2026, 3, 2, 9, 15, 31, tzinfo=UTC)

    @pytest.mark.parametrize(
        ("line", "host", "app", "text"),
        [
            ("<34>1 2003-10-11T22:14:15.003Z m.example su - ID47 - \ufefftext", "m.example", "su", "text"),
            ("<34>1 - - - - - - ", "", "", ""),
            ('<34>1 - h a 1 - [x@1 k="a\\"\\]b"][y] text', "h", "a", "text"),
            ("<34>1 - h a 1 - [broken text", "h", "a", "[broken text"),
            ("<34>Oct 11 22:14:15 mymachine su: text", "mymachine", "su", "text"),
            ("<34>Oct  1 22:14:15 mymachine su[12]: text", "mymachine", "su", "text"),
            ("<34>2026-01-02T03:04:05.123+02:00 web1 sshd[9]: text", "web1", "sshd", "text"),
            ("<34>2026 Jan 2 03:04:05 web1 sshd: text", "web1", "sshd", "text"),
            ("<34>Jan  2 03:04:05 2026 web1 sshd: text", "web1", "sshd", "text"),
            ("<189>000123: *Mar  1 18:46:11.123 UTC: %SYS-5-CONFIG_I: text", "", "SYS", "text"),
            ("<34>Jan  2 03:04:05 app[12]: text", "", "app", "text"),
            ("<34>app[12]: text", "", "app", "text"),
            ("text alone", "", "", "text alone"),
            ("<999>text", "", "", "<999>text"),
            ("<13>Foo 99 99:99:99 x y: z", "", "", "Foo 99 99:99:99 x y: z"),
        ],
    )
    def test_forms(self, line: str, host: str, app: str, text: str) -> None:
        message = message_of(line, AT, {})
        assert (message.host, message.app, message.text) == (host, app, text)

    def test_a_date_without_a_year_is_the_last_one(self) -> None:
        assert message_of("<13>Dec 31 23:00:00 h a: b", AT, {}).at == datetime(2025, 12, 31, 23, tzinfo=UTC)
        assert message_of("<13>Mar  3 08:00:00 h a: b", AT, {}).at == datetime(2026, 3, 3, 8, tzinfo=UTC)
        leap = message_of("<13>Feb 29 08:00:00 h a: b", AT, {}).at
        assert leap == datetime(2024, 2, 29, 8, tzinfo=UTC)

    def test_a_zone_of_the_source(self) -> None:
        message = message_of("<13>Mar  2 10:00:00 h a: b", AT, {"time_zone": "Europe/Berlin"})
        assert message.at == datetime(2026, 3, 2, 9, tzinfo=UTC)
        assert message_of("<13>Mar  2 10:00:00 h a: b", AT, {"time_zone": "Mars/Base"}).at is not None

    @pytest.mark.parametrize(("number", "alerts"), [(0, 1), (3, 1), (4, 1), (5, 0), (7, 0)])
    def test_threshold(self, number: int, alerts: int) -> None:
        assert len(parsed("syslog", f"<{8 + number}>Mar  2 09:00:00 h a: b")) == alerts

    def test_threshold_of_ones_own(self) -> None:
        assert parsed("syslog", "<12>Mar  2 09:00:00 h a: b", threshold="error") == []
        assert len(parsed("syslog", "<14>Mar  2 09:00:00 h a: b", threshold="info")) == 1

    def test_a_frame_is_one_message(self) -> None:
        (signal,) = parsed("syslog", "<11>Mar  2 09:00:00 h a: b\nmore\n", FRAME)
        assert (signal.title, signal.description) == ("a: b", "more")

    def test_the_sender_stands_for_a_host_that_is_not_named(self) -> None:
        (signal,) = parsed("syslog", "<11>app[12]: text", FRAME)
        assert signal.ci == "192.0.2.99" and signal.key == "192.0.2.99/app/text"

    @pytest.mark.parametrize(
        ("inside", "key"),
        [
            (
                {
                    "event_type": "alert",
                    "src_ip": "192.0.2.1",
                    "alert": {"signature": "s", "signature_id": 5},
                },
                "5/192.0.2.1",
            ),
            ({"rule": {"id": "5710", "level": 10, "description": "d"}, "agent": {"id": "003"}}, "5710/003"),
            (
                {
                    "crit": 10,
                    "id": 5551,
                    "component": "(web1) 10.0.0.9->x",
                    "description": "d",
                    "message": "m",
                },
                "5551/web1",
            ),
            ({"rule": "Shell", "priority": "Error", "output": "o", "hostname": "n"}, "Shell/n"),
            ({"class_uid": 2004, "finding_info": {"uid": "u", "title": "t"}}, "u"),
            (
                {"AnalysisComponent": {"AnalysisComponentName": "D"}, "AMiner": {"ID": "10.0.0.1"}},
                "D/10.0.0.1",
            ),
        ],
    )
    @pytest.mark.parametrize("head", ["<13>Mar  2 09:00:00 h tool: ", "<13>1 - h tool - - - @cee: ", ""])
    def test_json_inside_goes_to_its_own_parser(self, head: str, inside: dict[str, Any], key: str) -> None:
        (signal,) = parsed("syslog", head + json.dumps(inside), FRAME)
        assert (signal.key, signal.security, signal.kind) == (key, True, SignalKind.TRIGGER)

    def test_cef_inside(self) -> None:
        (signal,) = parsed(
            "syslog", f"<13>1 2026-03-02T09:15:00Z fw - - - - {CEF}src=::ffff:192.0.2.1", FRAME
        )
        assert (signal.key, signal.security) == ("Product/100/fw/::ffff:192.0.2.1", True)
        assert signal.occurred_at == datetime(2026, 3, 2, 9, 15, tzinfo=UTC)
        assert Entity(KIND.IP, "192.0.2.1", "source") in signal.entities

    def test_what_only_looks_like_cef_is_a_plain_message(self) -> None:
        (signal,) = parsed("syslog", "<11>Mar  2 09:00:00 h a: CEF:0|broken", FRAME)
        assert signal.title == "a: CEF:0|broken" and not signal.security

    def test_latin_1(self) -> None:
        (signal,) = parsed("syslog", "<11>Mar  2 09:00:00 h a: Gerät".encode("latin-1"), FRAME)
        assert signal.title == "a: Gerät"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Failed for 10.0.0.1 port 4711", "Failed for 192.168.1.17 port 22"),
        ("session 0xdeadbeef closed", "session 0x1 closed"),
        (
            "job 3f2504e0-4f89-11d3-9a0c-0305e82c3301 failed",
            "job 00000000-0000-4000-8000-000000000000 failed",
        ),
    ],
)
def test_what_varies_is_no_identity(one: str, other: str) -> None:
    assert template_of(one) == template_of(other)


LINES = (
    samples("cef")[0].body.splitlines()
    + samples("syslog")[0].body.splitlines()
    + [
        CEF + r"src=10.0.0.192 dst=12.121.122.82 cs1Label=a cs1=b\=c",
        "LEEF:1.0|V|P|1|ID|src=192.0.2.1\tsev=5",
        "<189>000123: *Mar  1 18:46:11.123 UTC: %SYS-5-CONFIG_I: text",
        '<11>Mar  2 09:00:00 h a: {"event_type": "alert", "alert": {"signature": "s"}}',
    ]
)
SIGNS = st.sampled_from(
    [*list('|=\\<>[]"{}:-% \t\n\x00\ufeff^0é'), "CEF:0|", "LEEF:2.0|", "<13>", "1 ", "Feb 30 ", "x5E|", "\\|"]
)


@st.composite
def broken_lines(draw: st.DrawFn) -> str:
    """A line with some of its pieces cut out, doubled or replaced."""
    text = draw(st.sampled_from(LINES))
    for _ in range(draw(st.integers(0, 6))):
        start = draw(st.integers(0, max(0, len(text))))
        end = min(len(text), start + draw(st.integers(0, 12)))
        text = (
            text[:start]
            + draw(st.one_of(SIGNS, st.just(text[start:end] * 2), st.text(max_size=4)))
            + text[end:]
        )
    return text


@pytest.mark.parametrize("kind", ["cef", "syslog"])
@settings(max_examples=cases(600, 20_000), deadline=None, suppress_health_check=list(HealthCheck))
@given(text=broken_lines(), media=st.sampled_from(["text/plain", FRAME, "application/json"]))
def test_broken_lines(kind: str, text: str, media: str) -> None:
    try:
        signals = parsed(kind, text.encode("utf-8", "surrogatepass"), media)
    except ParseError:
        return
    for signal in signals:
        assert signal.title and 0 < len(signal.key) <= KEY_LENGTH
        assert signal.occurred_at <= AT and signal.occurred_at.tzinfo is not None
        stored = "".join(
            (signal.title, signal.key, signal.description, *signal.labels, *signal.labels.values())
        )
        assert "\x00" not in stored
        stored.encode("utf-8")


@settings(max_examples=cases(400, 20_000), deadline=None)
@given(
    vendor=st.text(max_size=12),
    name=st.text(min_size=1, max_size=12),
    value=st.text(max_size=20).map(str.strip),
)
def test_what_was_escaped_comes_back(vendor: str, name: str, value: str) -> None:
    def header(text: str) -> str:
        return text.replace("\\", "\\\\").replace("|", "\\|")

    escaped = value.replace("\\", "\\\\").replace("=", "\\=").replace("\n", "\\n").replace("\r", "\\r")
    line = f"CEF:0|{header(vendor)}|p|1|s|{header(name)}|5|msg={escaped} end=x"
    event = read(line)
    assert find(line) == 0
    assert (event.vendor, event.name) == (vendor.strip(), name.strip())
    assert event.fields["msg"] == value
