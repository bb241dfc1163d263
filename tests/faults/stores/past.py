"""What is done to a server to get a store with everything in it that a session can leave behind.

The same script for each version: what it leaves behind may differ, what can be read of it may not.
"""

from __future__ import annotations

from base64 import b64encode
from typing import Any

from meerkat_rpc.ids import new_id
from tests.rpc.driver import Server

WORDS = "the quick brown fox jumps over the lazy dog "
STRANGE = 'naïve Ω 漢字 🦡👩‍💻 \u202eleft\u202c \u2028 \u0000 tab\t \\ " e\u0301'

SPILLED = WORDS * 200
"""Longer than what lies in a segment's line."""

HUGE = WORDS * 28_000
"""More than a megabyte: longer than what is compressed."""

NOISE = b64encode(bytes(range(256)) * 6_000).decode()
"""More than a megabyte: a content in several parts."""

ASK = {"approval": {"summary": "may I?", "details": {"path": STRANGE}, "choices": ["yes", "no"]}}

Turn = dict[str, Any]
"""A turn that was taken: ``session_id``, ``turn_id``, ``prompt``."""


class Past:
    """Writes the past into a server's store, and remembers the turns. Their ids are of the client's own making."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.turns: list[Turn] = []

    def turn(self, session_id: str, prompt: Any, **more: Any) -> dict[str, Any]:
        """Take a turn, whatever comes of it, and return the answer."""
        taken = {"session_id": session_id, "turn_id": new_id(), "prompt": prompt}
        self.turns.append(taken)
        return self._server.answer(self._server.send("turn/start", **taken, **more))

    def write(self) -> None:
        """Do everything that a living server can do."""
        long = self._conversations()
        self._bodies()
        self._agents()
        self._endings()
        self._put_away(long)
        self._configured()
        self._attached()
        self._waited()

    def _conversations(self) -> str:
        call = self._server.call
        first = {"prompt": "one word", "turn_id": new_id(), "model": "echo"}
        created = call("session/create", **first, title="Titled", labels={"team": "a", "": "empty"}, cwd="/src/one")
        self.turns.append({"session_id": created["session_id"], "turn_id": first["turn_id"], "prompt": first["prompt"]})
        long = self._server.session(model="echo")
        for number in range(24):
            self.turn(long, f"question {number} {WORDS}")
        strange = self._server.session(model="echo", labels={"sträng": STRANGE}, title=STRANGE, cwd="/tmp/ü ber")
        self.turn(strange, STRANGE)
        return long

    def _bodies(self) -> None:
        spilled = self._server.session({"text": SPILLED, "chunks": 3})
        self.turn(spilled, SPILLED)
        huge = self._server.session({"text": HUGE})
        self.turn(huge, "say much")
        self.turn(huge, "and again", model="echo")
        many = self._server.session({"text": "w ", "repeat": 150})
        self.turn(many, "count")

    def _agents(self) -> None:
        tools = self._server.session(
            {"reasoning": f"thinking about {STRANGE}"},
            {"text": "let me look"},
            {"tool": {"name": "read", "args": {"path": STRANGE, "lines": [1, 2.5, None, True]}, "result": {"a": [1]}}},
            {"tool": {"name": "fail", "args": {}, "result": "no such file", "is_error": True}},
            {"usage": {"input_tokens": 2**40, "output_tokens": 7}},
            {"text": "found"},
        )
        self.turn(tools, "look")
        self.turn(tools, "look again")

    def _endings(self) -> None:
        for code in ("PROVIDER_ERROR", "BUDGET_EXHAUSTED", "AGENT_ERROR"):
            failing = self._server.session({"text": "so far"}, {"fail": f"broken: {STRANGE}", "code": code})
            self.turn(failing, "fail")
        interrupted, turn_id = self._server.hang("half a")
        self.turns.append({"session_id": interrupted, "turn_id": turn_id, "prompt": "go"})
        self._server.call("turn/interrupt", session_id=interrupted)
        self.turn(interrupted, "go on", model="echo")

    def _put_away(self, long: str) -> None:
        call = self._server.call
        fork = call("session/fork_at", session_id=long, message_index=21)["session_id"]
        self.turn(fork, "differently")
        archived = self._server.session(model="echo")
        self.turn(archived, "to be put away")
        call("session/archive", session_id=archived)
        updated = self._server.session(model="echo", title="before", labels={"old": "1"})
        call("session/update", session_id=updated, title="after", labels={"new": "2"})
        fillers = [self._server.session(model="echo", title=f"filler {number}") for number in range(40)]
        for filler in fillers[3:36]:  # a whole page of the catalogue among them
            call("session/delete", session_id=filler)

    def _configured(self) -> None:
        configured = self._server.session(
            model="echo",
            system_prompt=SPILLED,
            max_tokens=77,
            output_schema={"type": "object", "properties": {STRANGE: {"type": "string"}}},
        )
        self.turn(configured, "with a long configuration")
        self.turn(configured, "and other settings", system_prompt="short", max_tokens=8)

    def _attached(self) -> None:
        call = self._server.call
        noise = {"type": "file", "data": NOISE, "name": STRANGE}
        image = {"type": "image", "data": b64encode(b"\x89PNG\r\n\x1a\n").decode(), "name": "dot.png"}
        first = self._server.session(model="echo", budget={"session": {"tokens": 2**40}})
        self.turn(first, [{"type": "text", "text": "look"}, image, noise])
        self.turn(first, [noise])
        call("session/inject_context", session_id=first, text=SPILLED)
        fork = call("session/fork_at", session_id=first, message_index=2)["session_id"]
        self.turn(fork, "and without")
        gone = self._server.session(model="echo")
        self.turn(gone, [image | {"data": b64encode(b"gone").decode()}])
        call("session/delete", session_id=gone)
        del self.turns[-1]

    def _waited(self) -> None:
        """Have prompts and context wait for a turn that waits for an answer."""
        session_id = self._server.session({"text": "before"}, ASK, {"text": "after"})
        self._ask(session_id)
        image = {"type": "image", "data": b64encode(b"GIF89a").decode(), "name": "waiting.gif"}
        self._server.call("turn/steer", session_id=session_id, prompt="quickly")
        self._server.call("turn/enqueue", session_id=session_id, prompt=[image], model="echo")
        self._server.call("session/inject_context", session_id=session_id, text="it rains")
        self._answer(session_id)
        self._server.until(lambda params: params["event"]["type"] == "run_completed")
        self._server.until(lambda params: params["event"]["type"] == "run_completed")

    def _ask(self, session_id: str) -> None:
        self._server.call("turn/start", session_id=session_id, prompt="ask", wait=False)
        self._server.until(lambda params: params["event"]["type"] == "approval_requested")

    def _answer(self, session_id: str) -> None:
        (asked,) = self._server.call("approval/list", session_id=session_id)["approvals"]
        self._server.call("approval/respond", approval_id=asked["approval_id"], choice="yes")

    def write_until_killed(self) -> list[str]:
        """Leave turns running whose host is then killed; return their sessions.

        The one that waits for an answer goes on waiting.
        """
        asking = self._server.session({"text": "before"}, ASK, {"text": "after"})
        self._ask(asking)
        self._server.call("turn/enqueue", session_id=asking, prompt=SPILLED, model="echo")
        streamed, turn_id = self._server.hang(f"said before the end {STRANGE}")
        self.turns.append({"session_id": streamed, "turn_id": turn_id, "prompt": "go"})
        silent = self._server.session({"sleep_ms": 600_000})
        self.turn(silent, "say nothing", wait=False)
        self._server.until(lambda params: params["event"]["type"] == "turn_started")
        self._server.process.kill()
        self._server.process.wait()
        return [streamed, silent]
