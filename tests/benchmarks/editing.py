"""The three editors' clients in the real editors: a long session's end on screen, an answer as fast as it can come."""

from __future__ import annotations

import importlib
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.benchmarks.figures import AT_MOST, Figure, benchmark, median
from tests.benchmarks.server import Server, now
from tests.editors.measures import DELTAS, SCRIPT, TURNS
from tests.editors.workplace import Workplace

NAMES = {"nvim": "Neovim", "emacs": "Emacs", "vscode": "VS Code"}

OPEN_MS = 200.0
"""What opening a session may take before a person notices that they wait."""

ANSWERS = 5


@benchmark
def editor_opening() -> Iterable[Figure]:
    """From the command that opens a long session to its end on screen."""
    for folder, name in NAMES.items():
        samples = _in_editor(folder, "opening")
        yield median(f"{name}: open a session of {TURNS:,} turns", samples, "ms", (AT_MOST, OPEN_MS))


@benchmark
def editor_deltas() -> Iterable[Figure]:
    """The same fast answer in each editor, beside a client that shows nothing."""
    yield median(f"no editor: an answer of {DELTAS:,} deltas", _bare(), "ms")
    for folder, name in NAMES.items():
        streamed = _in_editor(folder, "streaming")
        yield Figure(f"{name}: the same answer, until its end is shown", streamed.total_ms, "ms")
        for thread, stall in streamed.stall_ms.items():
            yield Figure(f"{name}: longest stall of its {thread} meanwhile", stall, "ms")


def _in_editor(folder: str, measure: str) -> Any:
    """Run ``tests/editors/<folder>/measure.py``'s function; it is imported here, for it brings the editor's library."""
    module = importlib.import_module(f"tests.editors.{folder}.measure")
    with tempfile.TemporaryDirectory(prefix="meerkat-editor-", ignore_cleanup_errors=True) as root:
        return getattr(module, measure)(Workplace(Path(root)))


def _bare() -> list[float]:
    """Return the milliseconds of the answer at a client that follows by a stream and only reads."""
    with tempfile.TemporaryDirectory() as store, Server("--store", store) as server:
        server.call("initialize", {"capabilities": {"session_events": False}})
        session = {"session_id": server.create(model="scripted", provider_params={"script": SCRIPT})}
        server.call("session/stream_open", session)
        return [_answered(server, session) for _ in range(ANSWERS)]


def _answered(server: Server, session: dict[str, Any]) -> float:
    begin, deltas = now(), 0
    server.send("turn/start", {**session, "prompt": "go", "wait": False})
    for line in server.lines():
        deltas += b'"text_delta"' in line
        if b'"run_completed"' in line:
            break
    took = now() - begin
    assert deltas == DELTAS, deltas
    return took
