"""Stores as released versions of the program wrote them, each with what that version read in it.

<version>.zip has the store's files, as a killed server left them, and ``expected.json``: ``sessions`` (see
``contents.py``), ``turns`` with the answer to each, and ``recovered``, the sessions whose turn had no end when the
server was killed, and gets one when they are read.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from meerkat_rpc import __version__
from tests.faults.contents import contents
from tests.faults.stores.past import Past, Turn
from tests.rpc.driver import Server

HERE = Path(__file__).parent
FILES = ("store.json", "cache.db", "cache.db-wal")
"""What a store is made of; SQLite makes its -shm anew."""

EXPECTED = "expected.json"

_TIMES = {"updated_at", "timestamp_ms"}
"""What the end of a recovered turn adds is dated when it is recovered."""


def versions() -> list[str]:
    """Return the versions of which there is a store, and what led to them where that has one ("1.2.3-before-that")."""
    return sorted(path.stem for path in HERE.glob("*.zip"))


def serve(store: Path) -> Server:
    """Start a server that leaves what is old as it is."""
    return Server("--store", str(store), "--fold-after", "never")


def fold(store: Path) -> None:
    """Fold the deltas of every turn that has ended."""
    command = [sys.executable, "-m", "meerkat_rpc", "sessions", "fold", "--older-than", "0s", "--store", str(store)]
    subprocess.run(command, check=True, capture_output=True)


def unpack(version: str, store: Path) -> dict[str, Any]:
    """Put the version's store into the directory ``store``, and return what was read in it."""
    with zipfile.ZipFile(HERE / f"{version}.zip") as packed:
        for name in FILES:
            packed.extract(name, store)
        expected: dict[str, Any] = json.loads(packed.read(EXPECTED))
    return expected


def read(server: Server, turns: list[Turn], recovered: list[str]) -> dict[str, Any]:
    """Return what today's server reads in such a store."""
    sessions = contents(server)
    for session_id in recovered:
        sessions[session_id] = _undated(sessions[session_id])
    return {"sessions": sessions, "turns": [turn | {"answer": answer(server, turn)} for turn in turns]}


def answer(server: Server, turn: Turn) -> Any:
    """Return what the server answers to the repetition of a turn: its stored result, or what it failed with."""
    asked = {name: turn[name] for name in ("session_id", "turn_id", "prompt")}
    said = server.answer(server.send("turn/start", **asked))
    return said.get("result") or said["error"]


def write() -> Path:
    """Write the store of this version; return the path of the packed file. An existing one stays: it was released."""
    packed = HERE / f"{__version__}.zip"
    with tempfile.TemporaryDirectory() as scratch:
        store, copy = Path(scratch, "store"), Path(scratch, "copy")
        turns, recovered = _lived(store)
        shutil.copytree(store, copy)
        with serve(copy) as server:
            found = read(server, turns, recovered) | {"recovered": recovered}
        with zipfile.ZipFile(packed, "x", zipfile.ZIP_LZMA) as archive:
            for name in FILES:
                archive.write(store / name, name)
            archive.writestr(EXPECTED, json.dumps(found))
    return packed


def _lived(store: Path) -> tuple[list[Turn], list[str]]:
    """Run the past in ``store``; return its turns, and the sessions whose turn the server's death cut off."""
    with serve(store) as server:
        first = Past(server)
        first.write()
        server.end_input()
        server.wait()
    fold(store)
    with serve(store) as server:
        last = Past(server)
        last.write()
        return [*first.turns, *last.turns], last.write_until_killed()


def _undated(value: Any) -> Any:
    match value:
        case dict():
            return {name: _undated(inner) for name, inner in value.items() if name not in _TIMES}
        case list():
            return [_undated(inner) for inner in value]
        case _:
            return value
