"""Every transcript in this folder, held with our own server in the framings it makes sense in."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from meerkat_rpc.commands.transcript import OWN_SERVER
from meerkat_rpc.transcript.format import Transcript, parse
from meerkat_rpc.transcript.peers import Options
from meerkat_rpc.transcript.report import describe
from meerkat_rpc.transcript.runner import Failure, run
from meerkat_rpc.wire.catalog import ERRORS, METHODS, NOTIFICATIONS, SERVER_REQUESTS
from meerkat_rpc.wire.framing import Style

FILES = sorted(Path(__file__).parent.glob("*.jsonl"))

UNREACHABLE = {-32603}
"""A fault of the server's own. A transcript that reached it would be a bug report."""


def load(path: Path) -> Transcript:
    return parse(path.read_text(encoding="utf-8"))


def cases() -> Iterator[Any]:
    for path in FILES:
        for framing in load(path).header.framings:
            yield pytest.param(path, framing, id=f"{path.stem}-{framing}")


@pytest.fixture(scope="module")
def outcomes(request: pytest.FixtureRequest) -> Iterator[dict[str, Future[Failure | None]]]:
    """Hold the conversations of all selected tests, a few at a time: they mostly wait for servers to start."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        items = [
            item for item in request.session.items if isinstance(item, pytest.Function) and item.path == request.path
        ]
        yield {item.name: pool.submit(hold, item.callspec.params) for item in items if "framing" in item.fixturenames}
        pool.shutdown(cancel_futures=True)


def hold(case: Mapping[str, Any]) -> Failure | None:
    return run(load(case["path"]), case["framing"], Options(OWN_SERVER, own=True, timeout=30.0))


@pytest.mark.parametrize(("path", "framing"), list(cases()))
def test_the_server_keeps_to_the_transcript(
    path: Path, framing: Style, request: pytest.FixtureRequest, outcomes: dict[str, Future[Failure | None]]
) -> None:
    failure = outcomes[request.node.name].result()
    assert failure is None, f"\nmeerkat-rpc transcript run {path} --framing {framing}\n{describe(failure)}"


def test_every_method_and_notification_is_in_a_transcript() -> None:
    used = {str(message.get("method")).replace("$$", "$") for message in messages()}
    requests = {entry.name for entry in (*METHODS, *SERVER_REQUESTS)}
    assert (requests | {entry.name for entry in NOTIFICATIONS}) - used == set()


def test_every_error_that_can_be_reached_is_in_a_transcript() -> None:
    used = {message["error"]["code"] for message in messages() if "error" in message}
    assert {error.number for error in ERRORS} - used == UNREACHABLE


def test_every_transcript_says_which_rule_it_proves() -> None:
    assert [path.name for path in FILES if not (load(path).header.title and load(path).header.proves)] == []


def test_transcripts_name_no_folder_of_the_machine_they_were_written_on() -> None:
    assert [path.name for path in FILES if "/work/" in path.read_text() or "/root/" in path.read_text()] == []


def messages() -> Iterator[dict[str, Any]]:
    """Yield every message that a transcript sends or expects."""
    for path in FILES:
        for line in path.read_text(encoding="utf-8").splitlines()[1:]:
            for verb, value in json.loads(line).items():
                if verb in {"send", "expect", "events_until"}:
                    yield value
                elif verb == "expect_any_order":
                    yield from value
