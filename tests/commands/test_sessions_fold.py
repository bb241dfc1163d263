"""``meerkat-rpc sessions fold``."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys

import pytest

from meerkat_rpc.event_json import decode_event
from meerkat_rpc.store.disk import DiskStore
from tests.commands.stores import Past

NOTHING = "0 events folded in 0 sessions: 0 bytes less\n"


def fold(store: str, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "meerkat_rpc", "sessions", "fold", "--store", store, *options]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def types(past: Past) -> list[str]:
    """Return the types of the first session's events."""

    async def read() -> list[str]:
        store = DiskStore(past.store)
        await store.open()
        try:
            events = await store.events(past.ids[0], 0, 1000)
        finally:
            await store.close()
        return [event.TYPE for event in (decode_event(logged.body) for logged in events) if event is not None]

    return asyncio.run(read())


def test_old_turns_are_folded_and_what_came_of_it_is_said(past: Past) -> None:
    before = types(past)
    assert before.count("text_delta") == 3
    said = fold(past.store, "--older-than", "0s")
    assert said.returncode == 0
    assert re.fullmatch(r"3 events folded in 2 sessions: \d+ bytes less\n", said.stdout)
    assert types(past).count("deltas_folded") == 1
    assert fold(past.store, "--older-than", "0s").stdout == NOTHING


def test_a_dry_run_changes_nothing(past: Past) -> None:
    before = types(past)
    said = fold(past.store, "--older-than", "0s", "--dry-run")
    assert re.fullmatch(r"3 events to fold in 2 sessions: \d+ bytes less\n", said.stdout)
    assert types(past) == before


def test_turns_of_the_last_week_stay_unless_one_asks(past: Past) -> None:
    before = types(past)
    assert fold(past.store).stdout == NOTHING
    assert types(past) == before


@pytest.mark.parametrize("given", ["soon", "7"])
def test_a_bad_duration_is_refused(past: Past, given: str) -> None:
    said = fold(past.store, "--older-than", given)
    assert said.returncode == 1
    assert "--older-than: expected a duration" in said.stderr
