"""Between two model calls: what was added is read, what is too long is cut."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import pytest

from meerkat_rpc.domain import JSON, Attachment, Event, Message, QueuedPrompt, ToolResult, TurnCompleted
from meerkat_rpc.ids import new_id
from meerkat_rpc.tools.base import ToolOutcome
from tests.agents.llm.configured import Configured
from tests.providers.provider import Provider
from tests.providers.script import Call, Fail, Reasoning, Text, Tokens, reply


def past(*texts: str) -> list[Message]:
    roles = ("user", "assistant")
    return [Message(roles[at % 2], text, new_id(), 0) for at, text in enumerate(texts)]  # type: ignore[arg-type]


def steering(prompt: str) -> QueuedPrompt:
    return QueuedPrompt(new_id(), prompt, steer=True)


def test_what_is_added_while_a_tool_runs_is_read_by_the_next_call(agents: Configured, provider: Provider) -> None:
    async def look(_args: JSON) -> ToolOutcome:
        turn.waiting.append(steering("And be brief."))
        return ToolOutcome("nothing")

    provider.say(Call("look", {}))
    provider.say(Text("Nothing."))
    turn = agents.turn(functions={"look": look})
    agents.complete(turn)
    assert "And be brief." in str(provider.bodies[1])
    assert [event.TYPE for event in turn.events].count("steered") == 1
    assert provider.refusals == []


def test_what_is_added_at_the_end_makes_another_call(agents: Configured, provider: Provider) -> None:
    def add(event: Event) -> None:
        if isinstance(event, TurnCompleted) and len(provider.requests) == 1:
            turn.waiting.append(steering("Plus one?"))

    provider.say(Text("Five."))
    provider.say(Text("Six."))
    turn = agents.turn(watch=add)
    agents.complete(turn)
    assert turn.text == "Five.Six."
    assert "Plus one?" in str(provider.bodies[1])
    assert "Five." in str(provider.bodies[1])
    assert provider.refusals == []


def test_what_waits_already_is_read_by_the_first_call(chat: Configured, provider: Provider) -> None:
    provider.say(Text("Briefly: five."))
    chat.complete(chat.turn(waiting=[steering("Be brief.")]))
    contents = [message["content"] for message in provider.bodies[0]["messages"]]
    assert "Be brief." in str(contents[-1])
    assert "What is 2 + 3?" in str(contents)


def test_the_size_of_the_conversation_is_told_before_each_call(chat: Configured, provider: Provider) -> None:
    async def look(_args: JSON) -> ToolOutcome:
        return ToolOutcome("x" * 3500)

    provider.answer(reply(Call("look", {}), tokens=Tokens(5000, 100)))
    provider.say(Text("Done."))
    turn = chat.turn("y" * 7000, functions={"look": look})
    chat.complete(turn)
    (first, window), (second, _) = turn.asked_to_compact
    assert 1900 < first < 2200
    assert 6000 < second < 6300
    assert window is None or window > 10_000


def test_a_history_that_was_cut_is_read_anew(agents: Configured, provider: Provider) -> None:
    def cut(tokens: int, _window: int | None) -> Sequence[Message] | None:
        return [Message("user", "They met at noon.", new_id(), 0, kind="summary")] if tokens > 500 else None

    provider.say(Text("At noon."))
    turn = agents.turn("When?", past=past("long " * 1000, "tale " * 1000), compacts=cut)
    agents.complete(turn)
    said = str(provider.bodies[0])
    assert "They met at noon." in said
    assert "tale tale" not in said
    assert turn.kinds.count("turn_started") == 1
    assert provider.refusals == []


def test_a_turn_that_is_cut_between_its_calls_goes_on_with_its_own_tool_calls(
    agents: Configured, provider: Provider
) -> None:
    async def look(_args: JSON) -> ToolOutcome:
        return ToolOutcome("found")

    def cut(_tokens: int, _window: int | None) -> Sequence[Message] | None:
        return [Message("user", "The beginning.", new_id(), 0, kind="summary")] if len(provider.requests) == 1 else None

    provider.say(Reasoning("I should look."), Call("look", {}), Call("look", {"twice": True}))
    provider.say(Text("Found."))
    turn = agents.turn(past=past("a", "b"), functions={"look": look}, compacts=cut)
    agents.complete(turn)
    assert turn.text == "Found."
    assert provider.refusals == []
    assert str(provider.bodies[1]).count("found") == 2
    assert "The beginning." in str(provider.bodies[1])


def test_a_history_that_the_provider_finds_too_long_is_cut_and_tried_again(
    chat: Configured, provider: Provider
) -> None:
    def cut(tokens: int, window: int | None) -> Sequence[Message] | None:
        return past("short", "tale") if window is not None and tokens >= window else None

    said = b'{"error": {"message": "maximum context length is 8192", "code": "context_length_exceeded"}}'
    provider.say(Fail(400, body=said))
    provider.say(Text("At noon."))
    turn = chat.turn("When?", past=past("long", "tale"), compacts=cut)
    chat.complete(turn)
    assert "short" in str(provider.bodies[1])
    assert turn.kinds == ["turn_started", "text_delta", "text_complete", "turn_completed"]


HISTORIES: dict[str, list[Message]] = {
    "beginning with an answer": past("", "Hello, I am here."),
    "two prompts in a row": [*past("one"), *past("two")],
    "two answers in a row": [*past("one", "a"), Message("assistant", "b", "t", 0)],
    "empty answers": past("one", "", "two", " \n"),
    "an interrupted answer": [*past("one"), Message("assistant", "Once up", "t", 0, partial=True)],
    "a result of nothing": [
        *past("one", "a"),
        Message("tool", "lost", "t", 0, tool_result=ToolResult("9", "look")),
    ],
    "context and a summary": [
        Message("user", "Before.", "t", 0, kind="summary"),
        Message("user", "The file has changed.", "t", 0, kind="context"),
    ],
}


@pytest.mark.parametrize("name", HISTORIES)
def test_every_history_is_one_that_the_provider_takes(agents: Configured, provider: Provider, name: str) -> None:
    provider.say(Text("Fine."))
    turn = agents.turn(past=HISTORIES[name])
    agents.complete(turn)
    assert provider.refusals == []
    assert turn.text == "Fine."


@pytest.mark.parametrize("is_answered", [True, False])
def test_tool_calls_of_earlier_turns_are_told_with_their_results(
    agents: Configured, provider: Provider, *, is_answered: bool
) -> None:
    async def look(_args: JSON) -> ToolOutcome:
        return ToolOutcome("seen")

    provider.say(Call("look", {}), Call("look", {"more": 1}))
    provider.say(Text("Seen."))
    first = agents.turn(functions={"look": look})
    agents.complete(first)
    messages = [message for message in first.messages if is_answered or message.role != "tool"]
    provider.say(Text("Again."))
    second = agents.turn("Again?", past=messages, functions={"look": look})
    agents.complete(second)
    assert provider.refusals == []
    assert ("seen" in str(provider.bodies[2]).lower()) is True
    assert ("interrupted" in str(provider.bodies[2])) is not is_answered


def test_an_empty_prompt_is_still_a_prompt(agents: Configured, provider: Provider) -> None:
    provider.say(Text("Yes?"))
    agents.complete(agents.turn(""))
    assert provider.refusals == []


PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d4944415478da63fcffff3f0300050001"
    "5dcc2db40000000049454e44ae426082"
)


def attached(name: str, media_type: str, content: bytes) -> dict[str, Any]:
    kind = "image" if media_type.startswith("image/") else "file"
    one = Attachment(kind, name, media_type, name, len(content))  # type: ignore[arg-type]
    return {"attachments": (one,), "contents": {name: content}}


def test_an_image_is_seen(agents: Configured, provider: Provider) -> None:
    provider.say(Text("A pixel."))
    agents.complete(agents.turn("What is this?", **attached("p.png", "image/png", PIXEL)))
    said = str(provider.bodies[0]).translate(str.maketrans("-_", "+/"))
    assert base64.b64encode(PIXEL).decode().rstrip("=") in said
    assert provider.refusals == []


def test_a_text_file_is_read_in_a_block_that_its_text_can_not_end(chat: Configured, provider: Provider) -> None:
    provider.say(Text("Code."))
    chat.complete(chat.turn("What is this?", **attached("a.md", "text/markdown", "```\nlö\n```".encode())))
    assert "a.md:\n````\n```\nlö\n```\n````" in provider.bodies[0]["messages"][-1]["content"]


@pytest.mark.parametrize("content", [b"\0\1\2", b"\xff\xfe" * 50])
def test_a_file_that_can_not_be_read_is_mentioned(agents: Configured, provider: Provider, content: bytes) -> None:
    provider.say(Text("I can't read it."))
    agents.complete(agents.turn("What is this?", **attached("a.bin", "application/octet-stream", content)))
    assert "a.bin, application/octet-stream" in str(provider.bodies[0])
    assert provider.refusals == []


def test_a_huge_text_file_is_cut_between_characters(chat: Configured, provider: Provider) -> None:
    provider.say(Text("Long."))
    content = ("é" * 400_000).encode()
    chat.complete(chat.turn("What is this?", **attached("long.txt", "text/plain", content)))
    assert "more bytes are not shown" in provider.bodies[0]["messages"][-1]["content"]
