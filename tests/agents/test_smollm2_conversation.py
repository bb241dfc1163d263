"""The embedded model behind the agent of all language models: what was added, attached, summarised."""

from __future__ import annotations

import asyncio

from meerkat_rpc.agents.smollm2 import SmolLM2Builder
from meerkat_rpc.domain import AgentConfig, Attachment, Event, Message, QueuedPrompt, Steered, TurnCompleted
from meerkat_rpc.ids import new_id
from meerkat_rpc.tools.base import ToolOutcome
from tests.agents.turns import RecordedTurn

BRIEF = AgentConfig(max_tokens=24, provider_params={"temperature": 0})


def complete(builder: SmolLM2Builder, turn: RecordedTurn) -> None:
    asyncio.run(builder.build(turn.config).run(turn))


def test_what_is_added_at_the_end_is_answered_too(builder: SmolLM2Builder) -> None:
    def add(event: Event) -> None:
        if isinstance(event, TurnCompleted) and not turn.of(Steered):
            turn.waiting.append(QueuedPrompt(new_id(), "Now say goodbye.", steer=True))

    turn = RecordedTurn("Say hello.", BRIEF, watch=add)
    complete(builder, turn)
    assert turn.kinds.count("turn_completed") == 2


def test_a_text_file_is_read(builder: SmolLM2Builder) -> None:
    content = b"The code word is banana."
    attachment = Attachment("file", "code.txt", "text/plain", "digest", len(content))
    turn = RecordedTurn(
        "What is the code word?", BRIEF, attachments=(attachment,), contents={attachment.digest: content}
    )
    complete(builder, turn)
    assert "banana" in turn.text.lower()


def test_no_tool_is_offered_to_a_model_that_can_call_none(builder: SmolLM2Builder) -> None:
    async def look(_args: object) -> ToolOutcome:
        return ToolOutcome("seen")

    turn = RecordedTurn("Say hello.", BRIEF, functions={"look": look})
    complete(builder, turn)
    assert turn.kinds == ["turn_started", "text_delta", "text_complete", "turn_completed"]


def test_a_conversation_is_summarised(builder: SmolLM2Builder) -> None:
    history = [
        Message("user", "My dog is called Kiki and is seven years old.", new_id(), 0),
        Message("assistant", "What a lovely name for a dog.", new_id(), 0),
    ]
    summary = asyncio.run(builder.build(BRIEF).summarise(history))
    assert summary.text
    assert summary.usage.input_tokens > 50
    assert 0 < summary.usage.output_tokens <= 256


def test_a_model_that_forgets_is_not_asked_to_be_summarised(builder: SmolLM2Builder) -> None:
    turn = RecordedTurn("Say hello.", BRIEF)
    complete(builder, turn)
    assert {window for _, window in turn.asked_to_compact} == {None}
