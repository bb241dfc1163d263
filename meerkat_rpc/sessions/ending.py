"""How a turn ends: the one place where an outcome becomes a head, messages, a record and a terminal event.

Used by the turn itself and, for a turn whose process is gone, by whoever recovers it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from attrs import evolve, frozen

from meerkat_rpc.agents.base import AgentResult
from meerkat_rpc.clock import now_ms
from meerkat_rpc.domain import (
    ErrorInfo,
    Event,
    LastTurn,
    LoggedEvent,
    Message,
    RunCompleted,
    RunFailed,
    RunResult,
    SessionChange,
    SessionHead,
    Step,
    TurnOutcome,
    TurnRecord,
)
from meerkat_rpc.errors import BY_CODE, AgentError, BudgetExhausted, MeerkatError, TurnInterrupted
from meerkat_rpc.event_json import as_json, encode_event, usage_json
from meerkat_rpc.sessions.transcript import TurnTranscript


@frozen
class Ending:
    """How a turn ended: well (``result``), badly (``error``), or interrupted (for ``reason``)."""

    result: AgentResult | None = None
    error: MeerkatError | None = None
    reason: str = "cancelled"

    @property
    def outcome(self) -> TurnOutcome:
        """The outcome, as it is kept."""
        if self.result is not None:
            return TurnOutcome.COMPLETED
        return TurnOutcome.INTERRUPTED if self.error is None else TurnOutcome.FAILED


HOST_EXIT = Ending(reason="host_exit")
"""The process that ran the turn ended, or is about to."""


def kept_result(result: object) -> AgentResult:
    """Return ``result``, which an agent returned, as what is read back after it was stored.

    Raises:
        AgentError: it is no result.
        Exception: something in it has no text.
    """
    if not isinstance(result, AgentResult):
        raise AgentError(f"the agent returned {type(result).__name__} in place of an AgentResult")
    warnings = None if result.schema_warnings is None else [str(warning) for warning in result.schema_warnings]
    return AgentResult(as_json(str(result.stop_reason)), as_json(result.structured_output), as_json(warnings))


def prompt_digest(prompt: str) -> str:
    """Return what tells two prompts apart without keeping either twice."""
    return hashlib.blake2b(prompt.encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()


def ending_change(
    head: SessionHead,
    record: TurnRecord,
    transcript: TurnTranscript,
    ending: Ending,
    unlogged: Sequence[LoggedEvent],
    last_seq: int,
) -> SessionChange:
    """Return the commit that ends the turn ``record``.

    Args:
        head: the session's head, as last committed; its ``running`` is the turn's.
        record: the turn's record as it was when the turn was admitted.
        transcript: what the turn said.
        ending: how it ended.
        unlogged: the turn's events that are not in the log yet.
        last_seq: the sequence number of the last of them, or of the log's last.
    """
    at = max(now_ms(), head.updated_ms)
    messages = transcript.finish()
    text = transcript.text
    usage = head.usage + transcript.usage
    error = error_info(ending)
    head.after(Step.FINISH)
    terminal = encode_event(_terminal_event(head, ending, error, text, transcript))
    return SessionChange(
        head=evolve(
            head,
            revision=head.revision + 1,
            updated_ms=at,
            message_count=head.message_count + len(messages),
            usage=usage,
            last_turn=LastTurn(record.turn_id, ending.outcome, error),
            running=None,
        ),
        messages=messages,
        events=[*unlogged, LoggedEvent(last_seq + 1, at, record.turn_id, terminal)],
        turn=evolve(
            record,
            outcome=ending.outcome,
            message_count=1 + len(messages),
            turns=transcript.model_calls,
            tool_calls=transcript.tool_calls,
            usage=usage,
            turn_usage=transcript.usage,
            stop_reason=ending.result.stop_reason if ending.result else None,
            structured_output=ending.result.structured_output if ending.result else None,
            schema_warnings=ending.result.schema_warnings if ending.result else None,
            error=error,
        ),
    )


def answer(session_id: str, record: TurnRecord, text: str) -> RunResult:
    """Return the result that an ended turn's record stands for, or raise what it failed with."""
    where = {"session_id": session_id, "turn_id": record.turn_id}
    if record.outcome is TurnOutcome.INTERRUPTED:
        reached = {"text": text, "usage": usage_json(record.turn_usage)}
        raise TurnInterrupted("the turn was interrupted", **where, **reached)
    if record.error is not None:
        error = BY_CODE.get(record.error.code, AgentError)(record.error.message)
        error.data = {**record.error.data, **where}
        raise error
    return RunResult(
        session_id=session_id,
        turn_id=record.turn_id,
        text=text,
        turns=record.turns,
        tool_calls=record.tool_calls,
        usage=record.usage,
        turn_usage=record.turn_usage,
        stop_reason=record.stop_reason or "end_turn",
        structured_output=record.structured_output,
        schema_warnings=record.schema_warnings,
    )


def error_info(ending: Ending) -> ErrorInfo | None:
    """Return the failure as it is kept; None unless the turn failed."""
    if ending.error is None:
        return None
    return ErrorInfo(ending.error.code, ending.error.message, ending.error.data)


def _terminal_event(
    head: SessionHead, ending: Ending, error: ErrorInfo | None, text: str, transcript: TurnTranscript
) -> Event:
    if ending.result is not None:
        return RunCompleted(head.session_id, text, transcript.usage)
    if error is None:
        why = "the turn was interrupted" if ending.reason == "cancelled" else "the server ended while the turn ran"
        return RunFailed(head.session_id, why, "cancelled" if ending.reason == "cancelled" else "host_exit")
    budget = isinstance(ending.error, BudgetExhausted)
    return RunFailed(head.session_id, error.message, "budget" if budget else "error")


def user_message(turn_id: str, prompt: str, at_ms: int) -> Message:
    """Return the message that opens a turn."""
    return Message(role="user", content=prompt, turn_id=turn_id, timestamp_ms=at_ms)
