"""Servers for the runner's own tests, small enough to be read at a glance."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

from meerkat_rpc.transcript.format import parse
from meerkat_rpc.transcript.peers import Options
from meerkat_rpc.transcript.runner import Failure, run

ANSWERS = """
import json, sys
for line in sys.stdin:
    message = json.loads(line)
    if "id" in message:
        print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": message.get("params")}), flush=True)
"""
"""Answers each request with its own params."""

SPEAKS = "import sys; print(*sys.argv[1:], sep='\\n', flush=True); sys.stdin.read()"
"""Says the lines it was given, then waits for the end of its input."""


def hold(steps: str, code: str = ANSWERS, *args: str, timeout: float = 10.0) -> Failure | None:
    """Hold a conversation of ``steps``, JSON lines without a header, with a server that runs ``code``."""
    text = '{"transcript": 1, "title": "test"}\n' + steps
    return run(parse(text), "jsonl", Options([sys.executable, "-c", code, *args], own=False, timeout=timeout))


def failed(failure: Failure | None) -> Failure:
    """Return the failure that there must be."""
    assert failure is not None
    return failure


def log_of(failure: Failure) -> Sequence[Any]:
    """Return the arrows of the messages that a failure shows."""
    return [arrow for arrow, _ in failure.log]
