"""``python -m tests.providers``, as benchmarks and people start it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.providers.asking import ADDRESSES, BODIES, headers
from tests.providers.script import Call, Clock, Text, Tokens, reply_of, step_of

ROOT = Path(__file__).parents[2]


def test_it_prints_its_port_and_says_what_it_was_given() -> None:
    command = [sys.executable, "-m", "tests.providers", "-", "--key", "my-key"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write('[{"text": "first"}]\n{"steps": [{"text": "second"}], "tokens": {"input": 7}}\n')
        process.stdin.close()
        address = f"http://127.0.0.1:{int(process.stdout.readline())}{ADDRESSES['anthropic']}"
        said = [
            httpx.post(address, json=BODIES["anthropic"], headers=headers("anthropic", "my-key"), timeout=30).text
            for _ in range(3)
        ]
        process.kill()
    assert ["first" in text for text in said] == [True, False, False]
    assert ["second" in text for text in said] == [False, True, True]


def test_steps_are_told_by_their_first_key() -> None:
    assert step_of({"text": "hi", "chunks": 2}) == Text("hi", 2)
    assert step_of({"tool": "add", "args": {"a": 1}}) == Call("add", {"a": 1})
    assert reply_of([{"clock": True}]).steps == (Clock(),)
    assert reply_of({"steps": [], "tokens": {"input": 3}}).tokens == Tokens(3)


def test_a_step_nobody_knows_is_named() -> None:
    with pytest.raises(ValueError, match="this has song"):
        step_of({"song": "la"})
