"""Which deltas of a log can be folded, and into what. Pure: events in, foldings out."""

from __future__ import annotations

from typing import Literal

from attrs import define, field

from meerkat_rpc.domain import (
    DeltasFolded,
    Event,
    Folding,
    LoggedEvent,
    ReasoningComplete,
    ReasoningDelta,
    RunCompleted,
    RunFailed,
    TextComplete,
    TextDelta,
    ToolResultReceived,
    TurnCompleted,
    TurnStarted,
)
from meerkat_rpc.event_json import decode_event, encode_event
from meerkat_rpc.store.rules import FOLD_BLOCK, run_checksum

Kind = Literal["text", "reasoning"]

KINDS: tuple[Kind, Kind] = ("text", "reasoning")


@define
class _Run:
    """Consecutive deltas of one kind, within one block."""

    first_seq: int
    last: LoggedEvent
    size: int = 0
    checksum: int = 0
    text: list[str] = field(factory=list)

    def add(self, logged: LoggedEvent, text: str) -> None:
        self.last = logged
        self.size += len(logged.body)
        self.checksum = run_checksum([logged], self.checksum)
        self.text.append(text)

    def goes_on_with(self, seq: int) -> bool:
        return seq == self.last.seq + 1 and (seq - 1) % FOLD_BLOCK != 0

    def folded(self, kind: Kind, *, with_text: bool) -> Folding | None:
        """Return what becomes of the run; None when that would be no smaller."""
        content = "".join(self.text) if with_text else None
        body = encode_event(DeltasFolded(kind, self.first_seq, content))
        if len(body) >= self.size:
            return None
        return Folding(self.first_seq, self.checksum, self.last._replace(body=body))


@define
class _Call:
    """What a model call has said of one kind, since its last complete event.

    ``text_follows`` is known beforehand where a part of it was folded already: the others go the same way.
    """

    runs: list[_Run] = field(factory=list)
    text_follows: bool | None = None


class Plan:
    """Takes a log's events in order, from the beginning of a turn on, and finds the runs to fold in each turn."""

    def __init__(self) -> None:
        self._calls: dict[Kind, _Call] = {kind: _Call() for kind in KINDS}
        self._found: list[Folding] = []

    def add(self, logged: LoggedEvent) -> bool:
        """Take the next event; return whether a turn ended with it."""
        match event := decode_event(logged.body):
            case TextDelta(delta=delta):
                self._add_delta("text", logged, delta)
            case ReasoningDelta(delta=delta):
                self._add_delta("reasoning", logged, delta)
            case DeltasFolded(kind=kind, content=content):
                self._calls[kind].text_follows = content is None
            case TextComplete(content=content):
                self._settle("text", content)
            case ReasoningComplete(content=content):
                self._settle("reasoning", content)
            case TurnStarted() | TurnCompleted() | ToolResultReceived() | RunCompleted() | RunFailed():
                self._settle("text", None)
                self._settle("reasoning", None)
        return _ends_turn(event)

    def take(self) -> list[Folding]:
        """Return what was found since the last time, in order."""
        found, self._found = self._found, []
        return sorted(found)

    def _add_delta(self, kind: Kind, logged: LoggedEvent, text: str) -> None:
        runs = self._calls[kind].runs
        if not (runs and runs[-1].goes_on_with(logged.seq)):
            runs.append(_Run(logged.seq, logged))
        runs[-1].add(logged, text)

    def _settle(self, kind: Kind, content: str | None) -> None:
        """Decide on what was said of ``kind``: only a complete event that has all of it spares a reader the text."""
        call, self._calls[kind] = self._calls[kind], _Call()
        follows = call.text_follows
        if follows is None:
            follows = content == "".join(text for run in call.runs for text in run.text)
        folded = (run.folded(kind, with_text=not follows) for run in call.runs)
        self._found += [folding for folding in folded if folding is not None]


def _ends_turn(event: Event | None) -> bool:
    return isinstance(event, (RunCompleted, RunFailed))
