"""A person's machine in a folder: home, project, store of sessions, and the environment that an editor starts in."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import psutil

from meerkat_rpc.client import Client
from tests.benchmarks.seeding import seed_turns
from tests.unmeasured import unmeasured

BOUND_S = 60.0
"""The longest that a test waits for anything an editor does: far beyond what a loaded machine needs."""

Step = Mapping[str, Any]

T = TypeVar("T")


def _run(work: Coroutine[Any, Any, T]) -> T:
    """Run ``work`` in a thread of its own: the test's may have a loop already, as one that drives a browser has."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


class Workplace:
    """One person's machine. Everything that an editor or a server writes there lies under ``root``."""

    def __init__(self, root: Path) -> None:
        self.home = root / "home"
        self.store = root / "store"
        self.folder = root / "project"
        for folder in (self.home, self.folder):
            folder.mkdir(parents=True, exist_ok=True)

    def environment(self, **more: str) -> dict[str, str]:
        """Return what an editor is started with: our program on PATH, the model ``echo``, and nobody's settings."""
        foreign = ("MEERKAT_", "XDG_", "VIM", "NVIM", "EMACS", "VSCODE_")
        kept = {name: value for name, value in unmeasured().items() if not name.startswith(foreign)}
        folders = {
            f"XDG_{kind}_HOME": str(self.home / f".{kind.lower()}") for kind in ("CONFIG", "DATA", "STATE", "CACHE")
        }
        own = {
            "HOME": str(self.home),
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), kept.get("PATH", os.defpath)]),
            "LANG": "C.UTF-8",
            "TERM": "xterm-256color",
            "COLORTERM": "truecolor",
            "MEERKAT_STORE": str(self.store),
            "MEERKAT_MODEL": "echo",
        }
        return {**kept, **folders, **own, **more}

    # -- what lies in the store

    def client(self, **options: Any) -> Client:
        """Return a client of a server of its own over the same store: another program of the same person's."""
        return Client.spawn(store=str(self.store), model="echo", cwd=str(self.folder), **options)

    def ask(self, method: str, **params: Any) -> Any:
        """Send one request to a server of its own and return the answer."""

        async def main() -> Any:
            async with self.client() as client:
                return await client.request(method, params)

        return _run(main())

    def session(self, *, script: Sequence[Step] = (), prompts: Sequence[str] = (), title: str | None = None) -> str:
        """Make a session, whose turns do what ``script`` says or else echo; run ``prompts`` in it; return its id."""
        settings: Any = {"model": "scripted", "provider_params": {"script": [*script]}} if script else {}

        async def main() -> str:
            async with self.client() as client:
                session_id = await client.create(title=title, cwd=str(self.folder), **settings)
                for prompt in prompts:
                    await client.turn(session_id, prompt).result()
                return session_id

        return _run(main())

    def long_session(self, turns: int) -> str:
        """Write a session of so many turns into the store; return its id."""
        return _run(seed_turns(str(self.store), turns))

    def prompts(self, session_id: str) -> list[str]:
        """Return what was asked in a session, as its history has it."""
        page = self.ask("session/history", session_id=session_id, limit=1000)
        return [message["content"] for message in page["messages"] if message["role"] == "user"]

    # -- who runs there

    def server_pids(self) -> list[int]:
        """Return the process ids of the servers that work on this store, the oldest first."""
        return [process.pid for process in sorted(self._servers(), key=lambda process: process.create_time())]

    def kill_servers(self) -> list[int]:
        """Kill them all, as a machine out of memory does; return which they were."""
        killed = self.server_pids()
        for pid in killed:
            os.kill(pid, signal.SIGKILL)
        return killed

    def _servers(self) -> list[psutil.Process]:
        return [process for process in psutil.process_iter() if self._is_server(process)]

    def _is_server(self, process: psutil.Process) -> bool:
        try:
            if process.status() == psutil.STATUS_ZOMBIE or "serve" not in process.cmdline():
                return False
            return process.environ().get("MEERKAT_STORE") == str(self.store)
        except psutil.Error:
            return False
