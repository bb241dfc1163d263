"""Logs with all that can be folded in them, and what may be read of them at any time while they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random
from typing import Any

import orjson
from attrs import evolve

from meerkat_rpc.domain import (
    Event,
    LoggedEvent,
    Message,
    ReasoningComplete,
    ReasoningDelta,
    RunCompleted,
    RunFailed,
    RunStarted,
    TextComplete,
    TextDelta,
    ToolCallRequested,
    ToolExecutionCompleted,
    ToolResultReceived,
    TurnCompleted,
    TurnStarted,
    Usage,
)
from meerkat_rpc.event_json import decode_event, encode_event
from meerkat_rpc.ids import new_id
from meerkat_rpc.sessions.transcript import TurnTranscript

Row = dict[str, Any]
"""An event as a server shows it: ``seq``, ``turn_id``, ``timestamp_ms``, ``event``."""

DELTAS = {"text_delta": "text", "reasoning_delta": "reasoning"}
RUNS = (1, 1, 2, 3, 3, 30, 30, 64, 65, 200, 200, 1500)
PIECES = ("w", "word ", "漢字\n", '\\"\u2028', "x" * 300)
SPILLED = "a long piece " * 400


def random_log(random: Random, turns: int, at_ms: int) -> list[LoggedEvent]:
    """Return the log of a session whose first event came at ``at_ms``."""
    log: list[LoggedEvent] = []
    for number in range(turns):
        turn_id = new_id()
        for event in _turn(random, is_last=number == turns - 1):
            log.append(LoggedEvent(len(log) + 1, at_ms + len(log), turn_id, encode_event(event)))
    return log


def _turn(random: Random, *, is_last: bool) -> Iterator[Event]:
    yield RunStarted("a session", "go")
    for number in range(1, random.choice((1, 1, 2, 4)) + 1):
        yield TurnStarted(number)
        yield from _call(random)
        if random.random() < 0.1:
            if not (is_last and random.random() < 0.5):  # else it is as if it still ran
                yield RunFailed("a session", "stopped", "cancelled")
            return
        yield TurnCompleted("end_turn", Usage(1, 2))
    yield RunCompleted("a session", "done", Usage(1, 2))


def _call(random: Random) -> Iterator[Event]:
    """Yield what a model call says, in turns of text, thought and tools."""
    text: list[str] = []
    for _ in range(random.choice((1, 2, 3))):
        if random.random() < 0.4:
            thought = _pieces(random)
            yield from map(ReasoningDelta, thought)
            if random.random() < 0.8:
                yield ReasoningComplete("".join(thought))
        said = _pieces(random)
        text += said
        yield from map(TextDelta, said)
    if random.random() < 0.3:
        call_id = str(random.random())
        yield ToolCallRequested(call_id, "tool", {"a": 1})
        yield TextComplete("".join(text))
        yield ToolExecutionCompleted(call_id, "tool", "result", False, 1)
        yield ToolResultReceived(call_id, "tool", False)
    elif random.random() < 0.8:
        yield TextComplete("".join(text) if random.random() < 0.9 else "something else")


def _pieces(random: Random) -> list[str]:
    pieces = [random.choice(PIECES) for _ in range(random.choice(RUNS))]
    if random.random() < 0.2:
        pieces[random.randrange(len(pieces))] = SPILLED
    return pieces


# -- What may be read of it --------------------------------------------------------------------------------------


def check_events(rows: Sequence[Row], log: Sequence[LoggedEvent], cursor: int) -> None:
    """Raise unless ``rows``, read from ``cursor`` on, are events of ``log``, some of them folded, without a gap."""
    last = cursor
    for row in rows:
        first = row["event"]["from_seq"] if row["event"]["type"] == "deltas_folded" else row["seq"]
        assert first <= last + 1 <= row["seq"], f"event {row['seq']}, standing for {first} on, follows {last}"
        _check_event(row, log)
        last = row["seq"]


def _check_event(row: Row, log: Sequence[LoggedEvent]) -> None:
    was, event = log[row["seq"] - 1], row["event"]
    assert (row["turn_id"], row["timestamp_ms"]) == (was.turn_id, was.timestamp_ms), row
    if event["type"] != "deltas_folded":
        assert event == orjson.loads(was.body), f"event {row['seq']} is not what it was"
        return
    run = log[event["from_seq"] - 1 : row["seq"]]
    deltas = [orjson.loads(folded.body) for folded in run]
    assert {DELTAS.get(delta["type"]) for delta in deltas} == {event["kind"]}, (
        f"event {row['seq']} folds something else"
    )
    assert {folded.turn_id for folded in run} == {was.turn_id}
    assert event["content"] in {None, "".join(delta["delta"] for delta in deltas)}


def check_all_read(rows: Sequence[Row], log: Sequence[LoggedEvent], cursor: int) -> None:
    """Raise unless ``rows`` are everything from ``cursor`` on, and tell the same as the log does unfolded."""
    check_events(rows, log, cursor)
    kept: list[Row] = []
    for row in rows:
        if row["event"]["type"] == "deltas_folded":
            while kept and kept[-1]["seq"] >= row["event"]["from_seq"]:
                kept.pop()  # read before it was folded: what comes now has the text of all
        kept.append(row)
    assert (rows[-1]["seq"] if rows else cursor) == len(log), "it isn't read to its end"
    first = kept[0]["event"].get("from_seq", kept[0]["seq"]) if kept else cursor + 1
    rest = log[first - 1 :]
    others = [event.seq for event in rest if orjson.loads(event.body)["type"] not in DELTAS]
    assert [row["seq"] for row in kept if row["event"]["type"] not in {*DELTAS, "deltas_folded"}] == others
    assert _told(kept) == _told([_row(event) for event in rest]), "the text differs"


def _told(rows: Sequence[Row]) -> list[Message]:
    """Return the messages that the events make."""
    messages: list[Message] = []
    transcript = TurnTranscript("")
    for row in rows:
        if row["turn_id"] != transcript.turn_id:
            messages += transcript.finish()
            transcript = TurnTranscript(row["turn_id"])
        event = decode_event(orjson.dumps(row["event"]))
        assert event is not None
        transcript.add(event)
    return [evolve(message, timestamp_ms=0) for message in [*messages, *transcript.finish()]]


def _row(event: LoggedEvent) -> Row:
    return {
        "seq": event.seq,
        "turn_id": event.turn_id,
        "timestamp_ms": event.timestamp_ms,
        "event": orjson.loads(event.body),
    }
