"""A provider that speaks Twilio's protocol, on loopback: remembers what it was ordered, answers as told."""

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

ACCOUNT, TOKEN, NUMBER = "AC0123456789abcdef", "its-token", "+15005550006"


@dataclass
class Order:
    path: str
    account: str
    form: dict[str, str]
    key: str


@dataclass
class Provider:
    """`answers`: (status, JSON) to give next; then everything is taken. A known key is answered as the first time."""

    address: str = ""
    orders: list[Order] = field(default_factory=list)
    answers: list[tuple[int, dict[str, object]]] = field(default_factory=list)

    def take(self, order: Order) -> tuple[int, dict[str, object]]:
        self.orders.append(order)
        if self.answers:
            return self.answers.pop(0)
        return 201, {"sid": f"SM{len(self.orders):032}", "status": "queued"}


@contextmanager
def provider() -> Iterator[Provider]:
    taken = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            scheme, _space, key = self.headers["authorization"].partition(" ")
            assert scheme == "Basic"
            form = {name: values[0] for name, values in parse_qs(body, keep_blank_values=True).items()}
            order = Order(
                self.path,
                base64.b64decode(key).decode(),
                form,
                self.headers["i-twilio-idempotency-token"] or "",
            )
            status, said = taken.take(order)
            answer = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    taken.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield taken
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
