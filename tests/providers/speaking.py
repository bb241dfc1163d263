"""What each provider's protocol has to be able to do."""

from __future__ import annotations

import base64
import hashlib
import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol
from urllib.parse import parse_qs

import orjson

from tests.providers.http import Request
from tests.providers.script import Answer, Call, Reply, Step, Text

Json = dict[str, Any]


class RefusedError(Exception):
    """The provider does not take the request. ``code`` is the provider's own name of the reason, if it has one."""

    def __init__(self, message: str, status: int = 400, code: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class Speaker(Protocol):
    """Says one reply in a provider's format. Each piece that is yielded is written at once."""

    def begin(self) -> bytes:
        """Return what a stream begins with."""
        ...

    def text(self, parts: Sequence[str]) -> Iterator[bytes]:
        """Say text, a delta for each part."""
        ...

    def reasoning(self, parts: Sequence[str]) -> Iterator[bytes]:
        """Say reasoning, a delta for each part."""
        ...

    def call(self, call: Call, parts: Sequence[str]) -> Iterator[bytes]:
        """Call a tool, its arguments cut into ``parts``."""
        ...

    def end(self, reply: Reply) -> bytes:
        """Return what a stream ends with."""
        ...

    def trouble(self, status: int, message: str) -> bytes:
        """Return an error inside the stream."""
        ...

    def whole(self, reply: Reply) -> Json:
        """Return the answer to a request that asked for no stream, of all that was said before."""
        ...


class Dialect(Protocol):
    """A provider's protocol."""

    name: str

    def takes(self, request: Request) -> bool:
        """Return whether ``request`` goes to an address of this protocol."""
        ...

    def check(self, request: Request, body: Json, key: str) -> None:
        """Check ``request`` as the provider would.

        Raises:
            RefusedError: it would not take it.
        """
        ...

    def streams(self, request: Request, body: Json) -> bool:
        """Return whether a stream is asked for."""
        ...

    def speaker(self, request: Request, body: Json) -> Speaker:
        """Return what says the reply to ``request``."""
        ...

    def answers_by_tool(self, body: Json) -> str | None:
        """Return the tool by which a structured answer is to be given; None for plain text."""
        ...

    def error(self, status: int, message: str, code: str | None = None) -> Json:
        """Return the body of an HTTP error."""
        ...


OUTPUT_TOOLS = "final_result"
"""How the names of tools begin that take a structured answer (pydantic-ai's)."""


def spoken(steps: Sequence[Step], output_tool: str | None) -> list[Step]:
    """Return ``steps`` with structured answers put in the form that was asked for."""
    return [_spoken(step, output_tool) if isinstance(step, Answer) else step for step in steps]


def _spoken(step: Answer, output_tool: str | None) -> Step:
    if output_tool is None:
        return Text(orjson.dumps(step.answer).decode(), chunks=3)
    return Call(output_tool, step.answer if isinstance(step.answer, dict) else {"response": step.answer})


def sse(data: Any, event: str | None = None) -> bytes:
    """Return a server-sent event."""
    head = f"event: {event}\n" if event else ""
    return head.encode() + b"data: " + (data if isinstance(data, bytes) else orjson.dumps(data)) + b"\n\n"


def arguments(call: Call) -> str:
    """Return the arguments of ``call`` as the model wrote them."""
    return orjson.dumps(dict(call.args)).decode() if call.raw is None else call.raw


def query(request: Request) -> Mapping[str, list[str]]:
    """Return what stands behind the question mark."""
    return parse_qs(request.query)


_numbers = itertools.count(1)


def new_id(prefix: str) -> str:
    """Return an id of which there is one only."""
    return f"{prefix}{next(_numbers):024x}"


def signature(text: str) -> str:
    """Return the signature by which the provider knows ``text`` as its own, in whichever process it is asked."""
    return base64.b64encode(hashlib.sha256(b"signed\0" + text.encode()).digest()).decode()
