"""How a turn ends: the one place where an outcome becomes a head, messages, a record and a terminal event.

Used by the turn itself and, for a turn whose process is gone, by whoever recovers it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from attrs import evolve, frozen

from meerkat_rpc.agents.base import AgentResult
from meerkat_rpc.clock import now_ms
from meerkat_rpc.domain import (
    AgentConfig,
    Attachment,
    ContextInjected,
    ErrorInfo,
    Event,
    LastTurn,
    LoggedEvent,
    Message,
    QueuedPrompt,
    RunCompleted,
    RunFailed,
    RunResult,
    SessionChange,
    SessionHead,
    Spent,
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


def prompt_digest(prompt: str, attachments: Iterable[Attachment] = ()) -> str:
    """Return what tells two prompts apart without keeping either twice."""
    digest = hashlib.blake2b(prompt.encode("utf-8", "surrogatepass"), digest_size=12)
    for attachment in attachments:
        digest.update(f"\0{attachment.digest} {attachment.name}".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def ending_change(
    head: SessionHead,
    record: TurnRecord,
    transcript: TurnTranscript,
    ending: Ending,
    unlogged: Sequence[LoggedEvent],
    last_seq: int,
    *,
    duration_ms: int | None = None,
) -> SessionChange:
    """Return the commit that ends the turn ``record``.

    Args:
        head: the session's head, as last committed; its ``running`` is the turn's.
        record: the turn's record as it was when the turn was admitted.
        transcript: what the turn said.
        ending: how it ended.
        unlogged: the turn's events that are not in the log yet.
        last_seq: the sequence number of the last of them, or of the log's last.
        duration_ms: how long the turn ran, in milliseconds, where a budget of the session counts what is spent.
    """
    at = max(now_ms(), head.updated_ms)
    messages = transcript.finish()
    injected = [
        LoggedEvent(seq, at, record.turn_id, encode_event(ContextInjected(message.content)))
        for seq, message in enumerate(head.context, last_seq + 1)
    ]
    last_seq += len(injected)
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
            message_count=head.message_count + len(messages) + len(head.context),
            usage=usage,
            spent=head.spent if duration_ms is None else _spent(head.spent, transcript, duration_ms),
            last_turn=LastTurn(record.turn_id, ending.outcome, error),
            running=None,
            turn_config=AgentConfig(),
            approvals=(),
            context=(),
            queue=left_in_queue(head, transcript),
        ),
        messages=[*messages, *head.context],
        events=[*unlogged, *injected, LoggedEvent(last_seq + 1, at, record.turn_id, terminal)],
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


def left_in_queue(head: SessionHead, transcript: TurnTranscript) -> tuple[QueuedPrompt, ...]:
    """Return what waits after the turn: what was to be added to it, and came too late, becomes a turn of its own."""
    return tuple(evolve(item, steer=False) for item in head.queue if item.turn_id not in transcript.steered)


def _spent(before: Spent, transcript: TurnTranscript, duration_ms: int) -> Spent:
    return Spent(
        before.model_calls + transcript.model_calls,
        before.tool_calls + transcript.tool_calls,
        before.duration_ms + duration_ms,
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


def user_message(wanted: QueuedPrompt, at_ms: int) -> Message:
    """Return the message that opens a turn."""
    return Message("user", wanted.prompt, wanted.turn_id, at_ms, attachments=wanted.attachments)
