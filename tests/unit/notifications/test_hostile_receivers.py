"""Receivers that want to lead messages inside, or to hold on to whoever sends them."""

import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from firstline.notifications.channels.apprise import Apprise
from firstline.notifications.channels.base import Envelope
from firstline.notifications.channels.hosts import is_public
from firstline.notifications.channels.webhook import Webhook


def envelope(address: str, **settings: object) -> Envelope:
    return Envelope(
        address=address, subject="Mail is down", body="P1", idempotency_key="k1",
        now=datetime(2026, 11, 23, tzinfo=UTC), settings=settings,
    )  # fmt: skip


@pytest.mark.parametrize("address", ["64:ff9b::7f00:1", "64:ff9b::a00:1", "::127.0.0.1"])
def test_a_translated_private_address_is_private(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("host", ["[::1]", "2130706433", "localhost", "0x7f000001"])
def test_apprise_is_not_led_inside_by_a_host_without_dots(host: str) -> None:
    outcome = Apprise().send(envelope(f"json://{host}:9/x", schemes=["json"]))
    assert outcome.permanent and "not a public address" in outcome.answer


@pytest.fixture
def dripping() -> Iterator[int]:
    """A server that sends its head a byte at a time, for ever. Its port."""
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def drip() -> None:
            peer, _ = listening.accept()
            with peer:
                peer.sendall(b"HTTP/1.1 200 OK\r\nX: ")
                while not ended.wait(0.05):
                    try:
                        peer.sendall(b"a")
                    except OSError:
                        return

        thread = threading.Thread(target=drip)
        thread.start()
        yield listening.getsockname()[1]
        ended.set()
        thread.join()


def test_a_receiver_that_answers_a_byte_at_a_time_is_cut_off(dripping: int) -> None:
    impatient = Webhook()
    impatient.timeout = 1
    answers: list[bool] = []
    address = f"http://127.0.0.1:{dripping}/"
    sending = threading.Thread(
        target=lambda: answers.append(impatient.send(envelope(address, hosts=["127.0.0.1"])).ok), daemon=True
    )
    sending.start()
    sending.join(20)
    assert answers == [False]
