"""From events to messages: the one fold that makes a turn's part of the history.

A live turn, an interrupted one and one recovered after a crash all go through here, so what was streamed is what is
kept, and an agent can't forget a message.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from meerkat_rpc.clock import now_ms
from meerkat_rpc.domain import (
    EVENT_TYPES,
    ApprovalResolved,
    Attachment,
    DeltasFolded,
    Event,
    Message,
    ReasoningComplete,
    ReasoningDelta,
    Steered,
    TextComplete,
    TextDelta,
    ToolCall,
    ToolCallRequested,
    ToolExecutionCompleted,
    ToolExecutionStarted,
    ToolExecutionTimedOut,
    ToolResult,
    ToolResultReceived,
    TurnCompleted,
    TurnStarted,
    Usage,
)
from meerkat_rpc.event_json import as_json, json_text

INTERRUPTED_TOOL = "interrupted"
"""The result given to a tool call that its turn's end left open: providers refuse a history with an unanswered call."""


_TEXTS: Mapping[type[Event], Sequence[str]] = {
    kind: [name for name, type_ in kind.__annotations__.items() if type_ == "str"] for kind in EVENT_TYPES.values()
}
"""Which fields of each event are text."""


class TurnTranscript:
    """Collects one turn's messages, usage and counts from its events, in order.

    Args:
        turn_id: the turn's id.
        attachments: those of each prompt that may be added to the turn, by its id: events don't carry them.
    """

    def __init__(self, turn_id: str, attachments: Mapping[str, Sequence[Attachment]] | None = None) -> None:
        self.turn_id = turn_id
        self.attachments = dict(attachments or {})
        self.usage = Usage()
        self.model_calls = 0
        self.tool_calls = 0
        self.steered: set[str] = set()
        self.begun_calls: set[str] = set()
        self.resolved_approvals: set[str] = set()
        self._messages: list[Message] = []
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._calls: list[ToolCall] = []
        self._results: dict[str, str] = {}

    def add(self, event: Event) -> None:
        """Take the next event of the turn."""
        kind = type(event)
        if kind is TextDelta:  # nine of ten events
            self._text.append(event.delta)  # type: ignore[attr-defined]
            return
        match event:
            case TextComplete(content=content):
                self._text = [content]
            case DeltasFolded(kind=folded, content=str(content)):
                (self._text if folded == "text" else self._reasoning).append(content)
            case ReasoningDelta(delta=delta):
                self._reasoning.append(delta)
            case ReasoningComplete(content=content):
                self._reasoning = [content]
            case TurnStarted():
                self.model_calls += 1
                self._close_assistant(partial=True)
            case TurnCompleted(usage=usage):
                self.usage += usage
                self._close_assistant(partial=False)
            case Steered(id=prompt_id, prompt=prompt):
                self.steered.add(prompt_id)
                self._close_assistant(partial=False)
                self._messages.append(self._steering_message(prompt_id, prompt))
            case ApprovalResolved(approval_id=approval_id):
                self.resolved_approvals.add(approval_id)
            case _:
                self._add_tool_event(event)

    def _add_tool_event(self, event: Event) -> None:
        match event:
            case ToolCallRequested(id=call_id, name=name, args=args):
                self.tool_calls += 1
                self._calls.append(ToolCall(call_id, name, as_json(args)))
            case ToolExecutionStarted(id=call_id):
                self.begun_calls.add(call_id)
            case ToolExecutionCompleted(id=call_id, result=result):
                self._results[call_id] = json_text(result)
            case ToolExecutionTimedOut(id=call_id, timeout_ms=timeout_ms):
                self._results[call_id] = f"timed out after {timeout_ms} ms"
            case ToolResultReceived(id=call_id, name=name, is_error=is_error):
                self._close_assistant(partial=False)
                self._messages.append(self._tool_message(call_id, name, is_error=is_error))
            case _:
                pass

    @property
    def text(self) -> str:
        """The turn's text so far: what its assistant messages say, joined."""
        said = [message.content for message in self._messages if message.role == "assistant"]
        return "".join([*said, *self._text])

    @property
    def messages(self) -> Sequence[Message]:
        """The messages that are complete, open tool calls among them."""
        return tuple(self._messages)

    def finish(self) -> list[Message]:
        """Return the turn's messages, closing what its end left open."""
        self._close_assistant(partial=True)
        return close_open_calls(self._messages)

    def _close_assistant(self, *, partial: bool) -> None:
        if not (self._text or self._reasoning or self._calls):
            return
        self._messages.append(
            Message(
                role="assistant",
                content="".join(self._text),
                turn_id=self.turn_id,
                timestamp_ms=now_ms(),
                reasoning="".join(self._reasoning) or None,
                tool_calls=tuple(self._calls),
                partial=partial,
            )
        )
        self._text, self._reasoning, self._calls = [], [], []

    def _steering_message(self, prompt_id: str, prompt: str) -> Message:
        return Message(
            role="user",
            content=prompt,
            turn_id=self.turn_id,
            timestamp_ms=now_ms(),
            kind="steer",
            attachments=tuple(self.attachments.get(prompt_id, ())),
        )

    def _tool_message(self, call_id: str, name: str, *, is_error: bool) -> Message:
        return Message(
            role="tool",
            content=self._results.pop(call_id, ""),
            turn_id=self.turn_id,
            timestamp_ms=now_ms(),
            tool_result=ToolResult(call_id, name, is_error),
        )


def check_texts(event: Event) -> None:
    """Raise ``TypeError`` when a text in ``event`` is something else, which could be neither joined nor kept."""
    kind = type(event)
    if kind is TextDelta and type(event.delta) is str:  # type: ignore[attr-defined]  # nine of ten events
        return
    for name in _TEXTS[kind]:
        if not isinstance(value := getattr(event, name), str):
            raise TypeError(f"{kind.__name__}.{name}: expected text, got {type(value).__name__}")


def text_of(messages: Iterable[Message]) -> str:
    """Return what the assistant says in ``messages``, joined."""
    return "".join(message.content for message in messages if message.role == "assistant")


def close_open_calls(messages: Sequence[Message]) -> list[Message]:
    """Return ``messages`` with an "interrupted" result added for each tool call that has none."""
    answered = {message.tool_result.id for message in messages if message.tool_result is not None}
    closed: list[Message] = []
    owed: list[Message] = []
    for message in messages:
        if owed and message.role != "tool":
            closed += owed
            owed = []
        closed.append(message)
        owed += [_interrupted(message, call) for call in message.tool_calls if call.id not in answered]
    return closed + owed


def _interrupted(message: Message, call: ToolCall) -> Message:
    return Message(
        role="tool",
        content=INTERRUPTED_TOOL,
        turn_id=message.turn_id,
        timestamp_ms=message.timestamp_ms,
        tool_result=ToolResult(call.id, call.name, is_error=True),
    )
