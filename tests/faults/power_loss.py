"""Power loss: what the disk was asked for during a run is replayed up to each fsync and each acknowledgement.

Nothing pulls a plug here. The calls of a real server are recorded, and of the disk only that is kept which a completed
fsync covered (``recorded_disk.py``); then the same with some of the rest, torn.
"""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import uuid
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from attrs import define, field

from meerkat_rpc.store.disk import DiskStore
from meerkat_rpc.store.disk_check import check_store
from tests.faults.acknowledged import Asked, Expected, Found, found_in
from tests.faults.injected import new_place
from tests.faults.lone_client import LoneClient, at_a_second_try
from tests.faults.recorded_calls import Call, Said, read_calls, recording
from tests.faults.recorded_disk import RecordedDisk
from tests.faults.sweep import Report, sweep
from tests.rpc.driver import Server

TURNS_A_LIFE = 25
"""Turns after which the server ends, by turns well and by a kill, and another one goes on with the store."""

SERVED = 8
"""Images that a real server is started on."""

SYNCS = ("fsync", "fdatasync")

ATTACHED = 0.2
"""The share of turns whose prompt comes with a file. What a message names and isn't there is the doctor's to find."""

FSYNCS = range(20, 30)
"""Of a store that is open already and gets a client's turns."""

STORE = "new/deeper/store"
"""Two directories that are new as well: their names have to be durable too."""


@sweep(short=10, full=200, needs=["strace"])
def power_loss(report: Report, size: int) -> None:
    """The loss of power at each fsync and each acknowledgement: what was acknowledged is there, whole."""
    with new_place() as work:
        (work / "disk").mkdir()
        client = _Client(Random(report.seed), work / "disk" / STORE)
        calls: list[Call | Said] = []
        for life, turns in enumerate(_lives(size)):
            calls += _recorded(client, turns, work / "trace", kill=life % 2 == 1)
        replay = _Replay(report, client.sessions, work)
        replay.run(calls, served=min(SERVED, 1 + size // 5))
        report.figure("turns", str(size))
        report.figure("images", str(report.cases))
        report.figure("writes", f"{sum(isinstance(call, Call) for call in calls):,}")
        report.figure("fsyncs", str(replay.syncs))
        report.figure("log begun anew", f"{replay.resets}×")


@sweep(short=2, full=20, needs=["strace"])
def failed_fsync(report: Report, size: int) -> None:
    """An fsync fails once, and loses what it should have covered; later the power fails, too."""
    for number in sorted(Random(report.seed).choices(FSYNCS, k=size)):
        with new_place() as work, report.case(f"fsync {number}"):
            client, calls = at_a_second_try(partial(_recorded_failure, work, number))
            assert sum(call.failed for call in calls if isinstance(call, Call)) == 1
            _Replay(report, [client.session], work).run(calls, served=1)


def _recorded_failure(work: Path, number: int) -> tuple[LoneClient, list[Call | Said]]:
    """Run turns, and fail one fsync among them."""
    shutil.rmtree(work / "disk", ignore_errors=True)
    (work / "disk").mkdir()
    store = work / "disk" / STORE
    inject = ["-e", f"inject=fdatasync:error=EIO:when={number}"]
    with Server("--store", str(store), under=[*recording(work / "trace"), *inject]) as server:
        client = LoneClient(server)
        assert client.create()
        with closing(sqlite3.connect(store / "cache.db")) as neighbour:
            neighbour.execute("PRAGMA schema_version")  # without a neighbour the server is the last to close, and syncs
            for _ in range(8):
                client.turn({"text": "a line\n", "repeat": 20, "delay_ms": 1})
            server.kill()
            server.wait()
    return client, read_calls(work / "trace")


def _lives(turns: int) -> Iterator[int]:
    while turns > 0:
        yield min(turns, TURNS_A_LIFE)
        turns -= TURNS_A_LIFE


def _recorded(client: _Client, turns: int, trace: Path, *, kill: bool) -> list[Call | Said]:
    """Run a server for so many turns; return its calls."""
    with Server("--store", str(client.path), under=recording(trace)) as server:
        client.live(server, turns)
        if kill:
            server.kill()
        else:
            server.end_input()
        server.wait()
    return read_calls(trace)


@define
class _Client:
    """Asks one server after the other for turns in several sessions, and notes what it asked."""

    random: Random
    path: Path
    sessions: list[Expected] = field(factory=list)
    _open: list[Expected] = field(factory=list)
    _asked: int = 0
    _server: Server = field(init=False)

    def live(self, server: Server, turns: int) -> None:
        """Run so many turns, two sessions at a time, and now and then put a session away."""
        self._server = server
        while turns > 0:
            begun = [self._begin(session) for session in self._two()[:turns]]
            for asked in begun:
                self._answered(asked)
            turns -= len(begun)
            self._put_away()

    def _two(self) -> list[Expected]:
        while len(self._open) < 2 or self.random.random() < 0.1:
            session = Expected(str(uuid.uuid4()))
            self.sessions.append(session)
            self._open.append(session)
            self._answered(self._ask(session, "create", "session/create", initial_turn="deferred", model="scripted"))
        return self.random.sample(self._open, 2)

    def _begin(self, session: Expected) -> Asked:
        """Begin a turn; return what is asked last of it."""
        if self.random.random() < 0.15:
            return self._interrupted(session)
        text = self.random.choice(["short", "a line\n" * 300, self.random.randbytes(20_000).hex()])
        return self._turn(session, "turn", text, {"text": text, "chunks": self.random.choice([1, 5, 100])})

    def _interrupted(self, session: Expected) -> Asked:
        accepted = self._turn(session, "accept", "half", {"text": "half"}, {"sleep_ms": 600_000}, wait=False)
        self._answered(accepted)
        if not any(
            event["params"]["turn_id"] == accepted.turn_id and _says_half(event) for event in self._server.events
        ):
            self._server.until(lambda params: params["turn_id"] == accepted.turn_id and _says_half({"params": params}))
        self._server.events.clear()
        return self._ask(session, "interrupt", "turn/interrupt", turn_id=accepted.turn_id, text="half")

    def _turn(self, session: Expected, what: str, text: str, *script: dict[str, Any], wait: bool = True) -> Asked:
        config = {"provider_params": {"script": script}, "prompt": self._prompt(), "wait": wait}
        return self._ask(session, what, "turn/start", turn_id=str(uuid.uuid4()), text=text, **config)

    def _prompt(self) -> str | list[dict[str, str]]:
        """Return a prompt; some come with a file, one of few, which others may have brought before."""
        if self.random.random() > ATTACHED:
            return "p" * 500
        content = Random(self.random.randrange(4)).randbytes(60_000)
        file = {"type": "file", "name": "attached", "data": b64encode(content).decode()}
        return [{"type": "text", "text": "p" * 500}, file]

    def _put_away(self) -> None:
        for what, share in (("archive", 0.05), ("delete", 0.05)):
            if self.random.random() < share:
                session = self._open.pop(self.random.randrange(len(self._open)))
                self._answered(self._ask(session, what, f"session/{what}"))

    def _ask(
        self, session: Expected, what: str, method: str, turn_id: str = "", text: str = "", **params: Any
    ) -> Asked:
        self._asked += 1  # no server's own: the answers of all are told apart by it
        asked = Asked(f"request {self._asked}", what, turn_id, text)
        session.asked.append(asked)
        named = {"turn_id": turn_id} if turn_id else {}
        self._server.send(method, asked.request_id, session_id=session.session_id, **named, **params)
        return asked

    def _answered(self, asked: Asked) -> None:
        answer = self._server.answer(asked.request_id)
        assert "error" not in answer, answer


def _says_half(event: dict[str, Any]) -> bool:
    return bool(event["params"]["event"].get("delta") == "half")


class _Replay:
    """Replays calls, and looks at what a loss of power would leave."""

    def __init__(self, report: Report, sessions: list[Expected], work: Path) -> None:
        self.syncs = 0
        self.resets = 0
        self._report = report
        self._sessions = sessions
        self._image = work / "image"
        self._disk = RecordedDisk(str(work / "disk"))
        self._random = Random(report.seed)
        self._awaited = {asked.request_id for session in sessions for asked in session.asked}
        self._answered: set[Any] = set()
        self._strict: list[Found] | None = None

    def run(self, calls: list[Call | Said], served: int) -> None:
        """Look before and after each fsync, and at each answer; start a server on so many of the images."""
        answers = [call for call in calls if isinstance(call, Said) and "id" in call.message]
        to_serve = {id(answer) for answer in answers[:: max(1, len(answers) // served)]}
        for number, call in enumerate(calls):
            if isinstance(call, Said):
                self._said(number, call, serve=id(call) in to_serve)
            else:
                self._called(number, call)

    def _said(self, number: int, said: Said, *, serve: bool) -> None:
        if said.message.get("id") not in self._awaited or "error" in said.message:
            return
        self._answered.add(said.message["id"])
        where = f"call {number}, at the answer to {said.message['id']}"
        with self._report.case(where):
            self._hold(self._strictly(serve=serve))
        with self._report.case(f"{where}, torn"):
            self._hold(self._found(self._random))

    def _called(self, number: int, call: Call) -> None:
        if call.name in SYNCS:
            with self._report.case(f"call {number}, before an fsync of {call.path}, torn"):
                self._hold(self._found(self._random))
        self.resets += call.name == "pwrite64" and call.path.endswith("-wal") and call.at == 0
        if self._disk.apply(call):
            self.syncs += 1
            self._strict = None
            with self._report.case(f"call {number}, after an fsync of {call.path}"):
                self._hold(self._strictly())

    def _strictly(self, *, serve: bool = False) -> list[Found]:
        """Return what is found when only that is there which is durable; that changes at an fsync only."""
        if self._strict is None or serve:
            self._strict = self._found(None, serve=serve)
        return self._strict

    def _hold(self, found: list[Found]) -> None:
        """Raise unless everything acknowledged is there."""
        missing = [
            text
            for session, there in zip(self._sessions, found, strict=True)
            for text in session.missing(self._answered, there)
        ]
        assert not missing, missing

    def _found(self, random: Random | None, *, serve: bool = False) -> list[Found]:
        """Return the sessions of an image."""
        shutil.rmtree(self._image, ignore_errors=True)
        self._disk.top.write(self._image, random)
        store = self._image / STORE
        if self._answered:
            assert not (problems := check_store(str(store)).problems), problems
        found = asyncio.run(_read(store, self._sessions))
        if serve:
            _serve(store)
        return found


async def _read(path: Path, sessions: list[Expected]) -> list[Found]:
    store = DiskStore(path)
    try:
        await store.open()
        return [await found_in(store, session) for session in sessions]
    finally:
        await store.close()


def _serve(store: Path) -> None:
    """Start a server; every session is listed, none runs, and a turn works."""
    with Server("--store", str(store)) as server:
        listed = server.call("session/list", limit=1000)["sessions"]
        assert not any(session["is_active"] for session in listed), listed
        session_id = listed[0]["session_id"] if listed else server.session(model="scripted")
        config = {"model": "scripted", "provider_params": {"script": [{"text": "on"}]}}
        assert server.call("turn/start", session_id=session_id, prompt="go", **config)["text"] == "on"
    assert not (problems := check_store(str(store)).problems), problems
