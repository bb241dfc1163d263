"""As much of an HTTP/1.1 server as the providers need, with a hand on every byte.

A library would tidy up what has to go wrong here: a connection reset in the middle of a chunk, headers and then
silence. And it would not say when the client went away.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus

from attrs import define, frozen

MAX_HEAD_BYTES = 1 << 20
"""Of a request line and its headers together."""


@frozen
class Request:
    """A request that was read. Header names are in lower case; ``path`` is without the query."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


@define
class Exchange:
    """The answering side of one request."""

    request: Request
    writer: asyncio.StreamWriter
    gone: asyncio.Future[None]
    """Done once the client has closed the connection."""
    begun: bool = False
    broken: bool = False

    def whole(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        """Answer with a body whose length is known."""
        self._head(status, {"content-type": "application/json", **(headers or {}), "content-length": str(len(body))})
        self.writer.write(body)

    def begin(self, content_type: str = "text/event-stream; charset=utf-8") -> None:
        """Send the headers of a streamed answer."""
        if not self.begun:
            self._head(200, {"content-type": content_type, "cache-control": "no-cache", "transfer-encoding": "chunked"})

    def chunk(self, data: bytes) -> None:
        """Send a piece of a streamed answer."""
        self.writer.write(b"%x\r\n%b\r\n" % (len(data), data))

    def end(self) -> None:
        """End a streamed answer."""
        self.writer.write(b"0\r\n\r\n")

    def drop(self, *, reset: bool) -> None:
        """Break the connection with the answer unfinished."""
        self.broken = True
        if reset:
            self.writer.transport.abort()
        else:
            self.writer.close()

    def _head(self, status: int, headers: Mapping[str, str]) -> None:
        self.begun = True
        lines = [f"HTTP/1.1 {status} {_phrase(status)}", *(f"{name}: {value}" for name, value in headers.items())]
        self.writer.write("\r\n".join([*lines, "", ""]).encode("latin-1"))


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Overloaded"


Handler = Callable[[Exchange], Awaitable[None]]


class Reader(asyncio.StreamReader):
    """A reader that says at once that the other side has closed, while nobody reads."""

    def __init__(self) -> None:
        super().__init__(MAX_HEAD_BYTES)
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def feed_eof(self) -> None:
        super().feed_eof()
        self._end()

    def set_exception(self, exc: Exception | type[Exception]) -> None:
        super().set_exception(exc)  # type: ignore[arg-type]
        self._end()

    def _end(self) -> None:
        if not self.gone.done():
            self.gone.set_result(None)


async def listen(port: int, handle: Handler, connections: set[asyncio.Task[None]]) -> asyncio.Server:
    """Serve on loopback; each connection is a task in ``connections`` while it lasts."""

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert isinstance(reader, Reader)
        task = asyncio.create_task(converse(reader, writer, handle))
        connections.add(task)
        task.add_done_callback(connections.discard)

    def protocol() -> asyncio.StreamReaderProtocol:
        return asyncio.StreamReaderProtocol(Reader(), connected)

    return await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", port)


async def converse(reader: Reader, writer: asyncio.StreamWriter, handle: Handler) -> None:
    """Answer the requests of one connection, one after the other, until either side closes it."""
    try:
        while (request := await _read(reader)) is not None:
            exchange = Exchange(request, writer, reader.gone)
            await handle(exchange)
            if exchange.broken or reader.gone.done():
                return
    except (ConnectionError, asyncio.IncompleteReadError):
        pass  # the client went away, which tests see by the request's end
    except asyncio.CancelledError:
        writer.transport.abort()
    finally:
        writer.close()


async def _read(reader: asyncio.StreamReader) -> Request | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.decode("latin-1").strip().split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    path, _, query = target.partition("?")
    return Request(method, path, query, headers, body)
