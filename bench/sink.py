"""Takes HTTP posts on a loopback port and answers 200: where pages of a benchmark go. Prints its port first.

It answers without looking, one process with one thread, so that it costs as little as a receiver can. With `--tell` it
prints of each post when it came (seconds since 1970) and what it said.
"""

import asyncio
import contextlib
import sys
import time

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:"):
            body = await reader.readexactly(int(line.split(b":")[1]))
            if "--tell" in sys.argv:
                print(time.time(), body.decode().replace("\n", " "), flush=True)
    writer.write(ANSWER)
    await writer.drain()
    writer.close()


async def main() -> None:
    server = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main())
