"""``secrets``: what is told to one session, or to the configuration, is in no log and in no other session."""

from __future__ import annotations

import json
import os
import random
import tempfile
from pathlib import Path
from typing import Any

import orjson
from attrs import define, field

from tests.faults.leaky_agent import WAYS
from tests.faults.sweep import Report, sweep
from tests.rpc.driver import Server
from tests.store.damage import change_row, flip

LEVELS = ("warning", "debug")

SHAPES = (
    "{}",
    "  {}",
    '"{}"\\',
    "é{}\n\x1b[31m",
    "postgres://user:{}@host",
    "{{'a': '{}'}}",
    "%s{}%d",
    "{}" + "x" * 5000,
)
"""What a secret may look like; the braces stand for the part by which it is known."""

CONFIG = """\
[env]
ACME_API_KEY = {0}
ACME_PASSWORD = {0}
CLIENT_SECRET = {0}
GH_TOKEN = {0}
DATABASE_CREDENTIALS = {0}
PROXY_AUTHORIZATION = {0}
SSH_PASSPHRASE = {0}
DATABASE_URL = "postgres://user:{1}@host/"
"""


MODELS = ("leaky:build", "leaky:catalogue")
"""Models of the agent that fail before a turn runs: as it is built, and as it is asked for its models."""

ROOT = Path(__file__).parents[2]


@sweep(short=1, full=20)
def secrets(report: Report, size: int) -> None:
    """Put a secret wherever one can be, so many times: it is in no log and in no other session."""
    rng = random.Random(report.seed)
    looked_through = 0
    for number in range(size):
        for level, to_file in zip(LEVELS, (number % 2 == 0, number % 2 == 1), strict=True):
            with tempfile.TemporaryDirectory() as directory:
                secret = Secret(rng, SHAPES[rng.randrange(len(SHAPES)) if number else 0])
                planting = Planting(report, Path(directory), secret, f"{level}, {secret.shape:.20}")
                looked_through += planting.run(level, to_file=to_file)
    report.figure("log looked through", f"{looked_through:,} bytes")
    report.figure("ways to fail", str(len(WAYS) + len(MODELS)))


class Secret:
    """What must not be found: told by the client, raised by an agent, kept in the configuration."""

    def __init__(self, rng: random.Random, shape: str) -> None:
        self.shape = shape
        self.cores = [f"canary{rng.getrandbits(64):016x}" for _ in range(3)]
        self.said, self.raised, self.kept = (shape.format(core) for core in self.cores)

    def found_in(self, text: bytes, *, raised: bool = True) -> list[str]:
        """Return which of them are in ``text``; without what was raised, if that may be there."""
        names = ("said", "raised", "kept")
        found = [name for name, core in zip(names, self.cores, strict=True) if core.encode() in text]
        return [name for name in found if raised or name != "raised"]


@define
class Planting:
    """One server that is told secrets in every way."""

    report: Report
    directory: Path
    secret: Secret
    name: str
    _server: Server = field(init=False)
    _neighbour: str = field(init=False)

    def run(self, level: str, *, to_file: bool) -> int:
        """Tell them, and look for them; return how many bytes of log were looked through."""
        log, stderr = self.directory / "log", self.directory / "stderr"
        options = ["--store", str(self.directory / "store"), "--log-level", level]
        options += ["--log-file", str(log)] if to_file else []
        self._write_config()
        with stderr.open("wb") as file, Server(*options, stderr=file, cwd=ROOT, env=self._environ()) as self._server:
            self._neighbour = self._server.session({"text": "nothing to hide"}, labels={"neighbour": "yes"})
            self._tell_agents()
            self._tell_the_protocol()
            self._damage()
            self._look_around()
            self._server.end_input()
            self._server.wait()
        text = stderr.read_bytes() + (log.read_bytes() if to_file else b"")
        with self.report.case(f"{self.name}: the log"):
            assert b"ValueError" in text  # it does say what happened, and where
            assert b"leaky_agent.py" in text
            telling = [line for line in text.splitlines() if self.secret.found_in(line, raised=level != "debug")]
            assert telling == [], telling
        return len(text)

    def _environ(self) -> dict[str, str]:
        """Install the agent, and return the environment in which it is."""
        information = self.directory / "acme-1.0.dist-info"
        information.mkdir()
        (information / "METADATA").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
        (information / "entry_points.txt").write_text(
            "[meerkat_rpc.agents]\nleaky = tests.faults.leaky_agent:Builder\n"
        )
        path = os.pathsep.join(filter(None, [str(self.directory), os.environ.get("PYTHONPATH")]))
        return os.environ | {"PYTHONPATH": path, "MEERKAT_CONFIG": str(self.directory / "config.toml")}

    def _write_config(self) -> None:
        text = CONFIG.format(json.dumps(self.secret.kept), self.secret.cores[2])
        (self.directory / "config.toml").write_text(text, encoding="utf-8")

    def _tell_agents(self) -> None:
        """Have an agent fail in every way there is."""
        for way in WAYS:
            self._tell(way, "leaky")
        for model in MODELS:
            self._tell("does-nothing", model)
        with self.report.case(f"{self.name}: an internal error"):
            self._refused("models/catalog", -32603)
        steps: list[dict[str, Any]] = [
            {"reasoning": self.secret.said},
            {"tool": {"name": "look", "args": {"at": self.secret.said}, "result": self.secret.said}},
            {"fail": self.secret.raised},
        ]
        self._server.answer(self._start(self._server.session(*steps, labels={"x": self.secret.said})))

    def _tell(self, way: str, model: str) -> None:
        with self.report.case(f"{self.name}: an agent that {way}, {model}"):
            said = self.secret.said
            session_id = self._server.call(
                "session/create",
                initial_turn="deferred",
                model=model,
                system_prompt=said,
                provider_params={"secret": self.secret.raised, "said": said},
                title=said,
                labels={"label": said},
            )["session_id"]
            self._server.answer(self._start(session_id, f"{way} {said}"))
            told = self._server.call("events/list_since", scope={"type": "session", "session_id": session_id})
            assert "said" in self.secret.found_in(orjson.dumps(told))  # in its own session it is

    def _start(self, session_id: str, prompt: str | None = None) -> int | str:
        return self._server.send("turn/start", session_id=session_id, prompt=prompt or self.secret.said)

    def _tell_the_protocol(self) -> None:
        """Say it where nobody expects it."""
        said = self.secret.said
        odd: list[dict[str, Any]] = [{"title": [said]}, {"session_id": said}, {"labels": said}, {"model": {said: said}}]
        for params in odd:
            self._server.error("session/create", **{"initial_turn": "deferred", **params})
        for setting in ({"env": said}, {"env": {"X": [said]}}, {"api_key": said}, {"max_sessions": said}):
            self._server.error("config/patch", patch=setting)
        for message in (
            {"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": {"said": said}}},
            {"jsonrpc": "2.0", "method": "$/cancelRequest", "params": {"id": said, "more": said}},
            {"jsonrpc": "2.0", "method": "initialized", "params": {"said": said}},
            {"jsonrpc": "2.0", "method": "$/whatever", "params": {"said": said}},
            {"jsonrpc": "2.0", "id": said, "result": said},
            {"jsonrpc": "2.0", "id": said, "error": {"code": 1, "message": said}},
        ):
            self._server.write(orjson.dumps(message) + b"\n")
        self._server.write(b"{" + said.replace("\n", "").encode() + b"\n")
        self._server.call("runtime/health")

    def _damage(self) -> None:
        """Have the store find a session with a secret damaged."""
        session_id = self._server.session({"text": self.secret.said}, labels={"x": self.secret.said})
        self._server.answer(self._start(session_id))
        change_row(self.directory / "store", f"s/{session_id}/head", flip(-3))
        with self.report.case(f"{self.name}: damage"):
            self._refused("session/read", -32015, session_id=session_id)
            self._refused("turn/start", -32015, session_id=session_id, prompt="go")

    def _refused(self, method: str, code: int, **params: Any) -> None:
        error = self._server.error(method, **params)
        assert error["code"] == code, error
        assert self.secret.found_in(orjson.dumps(error)) == [], error

    def _look_around(self) -> None:
        """See what a neighbour is told, and what the machine is."""
        mine: dict[str, Any] = {"session_id": self._neighbour}
        self._server.call("turn/start", **mine, prompt="go")
        self._server.error("turn/start", **mine, prompt="go", turn_id="none")
        scope = {"type": "session", **mine}
        for method, params in (
            ("session/read", mine),
            ("session/history", mine),
            ("session/export", {**mine, "format": "markdown"}),
            ("events/list_since", {"scope": scope}),
            ("session/list", {"labels": {"neighbour": "yes"}}),
            ("config/get", {}),
            ("capabilities/get", {}),
            ("runtime/health", {}),
        ):
            with self.report.case(f"{self.name}: {method}"):
                assert self.secret.found_in(orjson.dumps(self._server.call(method, **params))) == []
        with self.report.case(f"{self.name}: a neighbour's events"):
            events = [
                event
                for event in self._server.events
                if event.get("params", {}).get("session_id") == mine["session_id"]
            ]
            assert events
            assert self.secret.found_in(orjson.dumps(events)) == []
        with self.report.case(f"{self.name}: what the process is called"):
            for name in ("cmdline", "comm", "environ"):
                assert self.secret.found_in(Path(f"/proc/{self._server.process.pid}/{name}").read_bytes()) == [], name
