"""A real server, asked over its pipes, whose models are at a provider on loopback; and the host of its tools."""

from __future__ import annotations

import os
import queue
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import orjson
from attrs import frozen

from tests.providers.provider import KEY, MODELS, Provider
from tests.rpc.driver import WAIT_S, Server

Event = dict[str, Any]

KEY_NAMES = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "GOOGLE_API_KEY", "OPENROUTER_API_KEY")
RETRY = "[retry]\nmax_attempts = 3\nbase_delay_ms = 10\n"
"""Pauses that tests can wait for."""

ADD = {
    "name": "add",
    "description": "Add two numbers.",
    "input_schema": {
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
        "required": ["a", "b"],
    },
}
"""A tool that a host may lend."""


def environment(folder: Path, provider: Provider, config: str = RETRY) -> dict[str, str]:
    """Return what a server is to find: its configuration in ``folder``, the providers' addresses, and a key."""
    path = folder / "config.toml"
    path.write_text(config)
    kept = {name: value for name, value in os.environ.items() if name not in KEY_NAMES}
    return {
        **kept,
        "MEERKAT_CONFIG": str(path),
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
        "OPENAI_BASE_URL": provider.base_url("openai"),
        "ANTHROPIC_BASE_URL": provider.base_url("anthropic"),
        "GOOGLE_GEMINI_BASE_URL": provider.base_url("google"),
        "OPENAI_API_KEY": KEY,
        "ANTHROPIC_API_KEY": KEY,
        "GEMINI_API_KEY": KEY,
    }


def model_of(kind: str, name: str | None = None) -> str:
    """Return a model of the protocol ``kind``, as a session names it."""
    return f"{kind}:{name or MODELS[kind]}"


@frozen
class Outcome:
    """What came of a turn: its events, and the answer to its request."""

    events: Sequence[Event]
    answer: dict[str, Any]

    @property
    def result(self) -> dict[str, Any]:
        """The result of a turn that went well."""
        assert "error" not in self.answer, self.answer
        result: dict[str, Any] = self.answer["result"]
        return result

    @property
    def error(self) -> dict[str, Any]:
        """The error of one that didn't."""
        assert "error" in self.answer, self.answer
        error: dict[str, Any] = self.answer["error"]
        return error

    @property
    def types(self) -> list[str]:
        """The events' types, in order."""
        return [event["type"] for event in self.events]

    def of(self, kind: str) -> list[Event]:
        """Return the events of one type."""
        return [event for event in self.events if event["type"] == kind]

    def deltas(self, kind: str = "text_delta") -> list[str]:
        """Return the pieces of text, or of reasoning."""
        return [event["delta"] for event in self.of(kind)]


class Talk(Server):
    """A server, and the host that lends it tools: each call is put into ``calls``, or answered by ``tools``."""

    def __init__(self, folder: Path, provider: Provider, *options: str, **popen: Any) -> None:
        env = popen.pop("env", None) or environment(folder, provider)
        self.folder = folder
        self.stderr: BinaryIO | None = popen.setdefault("stderr", None)
        super().__init__("--store", str(folder / "store"), *options, env=env, **popen)
        self.tools: dict[str, Callable[..., Any]] = {}
        self.calls: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self.cancelled: list[Any] = []

    def message(self) -> dict[str, Any] | None:
        """Return the next message that isn't the host's to deal with."""
        while (message := super().message()) is not None:
            if not self._dealt_with(message):
                return message
        return None

    def _dealt_with(self, message: dict[str, Any]) -> bool:
        assert KEY not in str(message), "a key was shown"
        if message.get("method") == "tool/execute":
            self._execute(message)
        elif message.get("method") == "$/cancelRequest":
            self.cancelled.append(message["params"]["id"])
        else:
            return False
        return True

    def _execute(self, request: Mapping[str, Any]) -> None:
        params = request["params"]
        if (tool := self.tools.get(params["name"])) is None:
            self.calls.put(dict(request))
        else:
            self.respond(request["id"], tool(**params["args"]))

    def respond(self, request_id: Any, result: Any, *, is_error: bool = False) -> None:
        """Answer a call of a tool."""
        answer = {"result": result, "is_error": is_error}
        self.write(orjson.dumps({"jsonrpc": "2.0", "id": request_id, "result": answer}) + b"\n")

    def lend(self, name: str, run: Callable[..., Any] | None, **definition: Any) -> None:
        """Lend a tool; without ``run`` its calls wait in ``calls``."""
        self.call("tools/register", tools=[{**ADD, "name": name, **definition}])
        if run is not None:
            self.tools[name] = run

    def create(self, kind: str = "openai", **params: Any) -> str:
        """Create a session without a turn."""
        created = self.call("session/create", **{"initial_turn": "deferred", "model": model_of(kind), **params})
        session_id: str = created["session_id"]
        return session_id

    def turn(self, session_id: str, prompt: Any = "go", **params: Any) -> Outcome:
        """Run a turn to its end."""
        before = len(self.events)
        answer = self.answer(self.send("turn/start", session_id=session_id, prompt=prompt, **params))
        return Outcome(self._said(session_id, before), answer)

    def once(self, kind: str = "openai", **params: Any) -> Outcome:
        """Run one turn in a session of its own."""
        return self.turn(self.create(kind), **params)

    def begin(self, session_id: str, prompt: Any = "go", **params: Any) -> str:
        """Start a turn and return its id."""
        accepted = self.call("turn/start", session_id=session_id, prompt=prompt, wait=False, **params)
        turn_id: str = accepted["turn_id"]
        return turn_id

    def saw(self, session_id: str, kind: str, **fields: Any) -> Event:
        """Wait for an event of a session; return it."""

        def is_it(params: Mapping[str, Any]) -> bool:
            event = params.get("event", {})
            same = all(event.get(name) == value for name, value in fields.items())
            return params.get("session_id") == session_id and event.get("type") == kind and same

        for message in self.events:
            if is_it(message["params"]):
                found: Event = message["params"]["event"]
                return found
        event: Event = self.until(is_it)["params"]["event"]
        return event

    def next_call(self) -> dict[str, Any]:
        """Wait for the next call of a tool that nobody answers by itself."""
        while self.calls.empty():
            message = super().message()
            assert message is not None, "the server ended"
            if not self._dealt_with(message):
                self.events.append(message)
        return self.calls.get(timeout=WAIT_S)

    def logged(self, session_id: str) -> list[Event]:
        """Return every event of a session, as the log has them."""
        page = self.call("events/list_since", scope={"type": "session", "session_id": session_id}, limit=1000)
        assert not page["has_more"]
        return [event["event"] for event in page["events"]]

    def history(self, session_id: str) -> list[dict[str, Any]]:
        """Return a session's messages."""
        messages: list[dict[str, Any]] = self.call("session/history", session_id=session_id)["messages"]
        return messages

    def _said(self, session_id: str, since: int) -> list[Event]:
        params = [message["params"] for message in self.events[since:]]
        return [each["event"] for each in params if each.get("session_id") == session_id and "event" in each]


def content(file: BinaryIO | None) -> str:
    """Return everything in a file that a server wrote to, or still does: they have one position in it."""
    assert file is not None
    return os.pread(file.fileno(), os.fstat(file.fileno()).st_size, 0).decode(errors="replace")
