"""What the client's tests share: scripts for the scripted model, and servers that misbehave in one way each."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

PATIENCE_S = 60.0
"""The longest that a test waits for anything: far beyond what a loaded machine needs."""

FOREVER_MS = 600_000
"""A step of a script that lasts longer than any test."""

OWN_SERVER = [sys.executable, "-m", "meerkat_rpc", "serve"]


def run(scenario: Coroutine[Any, Any, T]) -> T:
    """Run a scenario to its end, and see that it leaves no task behind."""

    async def bounded() -> T:
        async with asyncio.timeout(PATIENCE_S):
            result = await scenario
        left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        assert not left, left
        return result

    return asyncio.run(bounded())


def script(*steps: dict[str, Any]) -> dict[str, Any]:
    """Return ``provider_params`` for the scripted model."""
    return {"script": [*steps]}


def python(code: str, *args: str) -> list[str]:
    """Return the command that runs ``code``."""
    return [sys.executable, "-c", code, *args]


def dies_at_turn(folder: Path, *, answered: bool) -> list[str]:
    """Return the command of a server that dies the first time a turn is asked for, and is our own from then on.

    ``answered``: it lets our own server run the turn to its end, and dies before it passes a word of that on.
    Otherwise it dies before any server has seen the turn.
    """
    return python(_DIES_AT_TURN, str(folder / "died"), "answered" if answered else "unseen", *OWN_SERVER)


_DIES_AT_TURN = """
import json, os, subprocess, sys
flag, how, *server = sys.argv[1:]
if os.path.exists(flag):
    os.execv(server[0], server)
child = subprocess.Popen(server, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
for line in sys.stdin.buffer:
    message = json.loads(line)
    if message["method"] == "turn/start":
        open(flag, "w").close()
        if how == "unseen":
            child.stdin.close(); child.wait(); sys.exit(9)
    child.stdin.write(line); child.stdin.flush()
    while "id" in message:
        answer = child.stdout.readline()
        last = json.loads(answer).get("id") == message["id"]
        if message["method"] == "turn/start":
            if last:
                child.stdin.close(); child.wait(); sys.exit(9)
        else:
            sys.stdout.buffer.write(answer); sys.stdout.buffer.flush()
        if last:
            break
child.stdin.close(); child.wait()
"""
