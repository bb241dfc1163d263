"""What an agent says becomes the turn's events, and what the user says reaches it."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

import orjson
import pytest

from meerkat_rpc.domain import Attachment, Message, QueuedPrompt, ReasoningComplete, TextComplete, Usage
from meerkat_rpc.errors import CapabilityUnavailable, InvalidArgument, ProviderError
from tests.agents.acp.talking import Talk


def test_text_and_thoughts_are_streamed_and_completed(talk_with: Any) -> None:
    async def held(talk: Talk) -> None:
        turn = await talk.say({"think": "Hm. "}, {"think": "Well."}, {"say": "Grüß"}, {"say": " dich 🦦"})
        assert turn.kinds == [
            "turn_started", "reasoning_delta", "text_delta", "reasoning_complete", "text_complete", "turn_completed",
        ]  # fmt: skip
        assert turn.deltas == ["Grüß", " dich 🦦"]
        assert turn.of(TextComplete) == [TextComplete("Grüß dich 🦦")]
        assert turn.of(ReasoningComplete) == [ReasoningComplete("Hm. Well.")]

    talk_with(held)


def test_the_agent_remembers_between_turns_for_it_is_kept(talk_with: Any) -> None:
    async def held(talk: Talk) -> None:
        first, second = await talk.facts("pid"), await talk.facts("pid")
        assert first == second
        assert len(await talk.facts("prompts")) == 3

    talk_with(held)


def test_an_empty_prompt_and_an_empty_answer_are_a_turn(talk_with: Any) -> None:
    async def held(talk: Talk) -> None:
        assert (await talk.say("")).text == "You said: "
        silent = await talk.say({"stop": "refusal"})
        assert silent.kinds == ["turn_started", "turn_completed"]

    talk_with(held)


def test_the_stop_reason_is_the_agents_own(talk_with: Any) -> None:
    async def held(talk: Talk) -> None:
        turn = talk.turn({"say": "no"}, {"stop": "max_turn_requests"})
        assert (await talk.run(turn)).stop_reason == "max_turn_requests"

    talk_with(held)


@pytest.mark.parametrize(
    ("counts", "usage"),
    [
        ({"inputTokens": 10, "outputTokens": 3, "totalTokens": 13}, Usage(10, 3)),
        ({"inputTokens": 10, "outputTokens": 3, "cachedReadTokens": 90, "totalTokens": 103}, Usage(100, 3, 90)),
        ({"inputTokens": 100, "outputTokens": 3, "cachedReadTokens": 90, "totalTokens": 103}, Usage(100, 3, 90)),
        (
            {"inputTokens": 1, "outputTokens": 3, "thoughtTokens": 5, "cachedWriteTokens": 2, "totalTokens": 11},
            Usage(3, 8, None, 2),
        ),
    ],
)
def test_tokens_are_counted_as_the_agent_says(talk_with: Any, counts: dict[str, int], usage: Usage) -> None:
    async def held(talk: Talk) -> None:
        assert (await talk.say({"say": "x"}, {"count": counts})).usage == usage

    talk_with(held)


def test_where_the_agent_counts_nothing_nothing_is_invented(talk_with: Any) -> None:
    async def held(talk: Talk) -> None:
        assert (await talk.say({"say": "many words here"})).usage == Usage()

    talk_with(held)


def test_another_message_of_the_agents_is_another_message_of_the_history(talk_with: Any) -> None:
    def chunk(message_id: str, text: str) -> dict[str, Any]:
        content = {"type": "text", "text": text}
        return {"update": {"sessionUpdate": "agent_message_chunk", "messageId": message_id, "content": content}}

    async def held(talk: Talk) -> None:
        turn = await talk.say(chunk("a", "One"), chunk("a", " word."), chunk("b", "Another."))
        assert [message.content for message in turn.messages[1:]] == ["One word.", "Another."]

    talk_with(held)


def test_lines_that_are_no_messages_are_passed_over(talk_with: Any) -> None:
    async def held(talk: Talk) -> None:
        stray = ["Loading…", "", "{not json", "[1,2]", '"text"', "17", '{"id": {"a": 1}, "result": 1}', '{"method": 7}']
        turn = await talk.say(*({"print": line} for line in stray), {"say": "still here"})
        assert turn.text == "still here"

    talk_with(held, "--greeting", "Welcome to the agent!")


def test_half_an_emoji_becomes_a_replacement_character(talk_with: Any) -> None:
    async def held(talk: Talk) -> None:
        turn = await talk.say({"print": _chunk(r"\ud83e\udda6 \ud83e.")}, {"say": "!"})
        assert turn.text == "🦦 �.!"

    def _chunk(text: str) -> str:
        return (
            '{"jsonrpc":"2.0","method":"session/update","params":{"sessionId":"SESSION","update":{"sessionUpdate":'
            '"agent_message_chunk","content":{"type":"text","text":"' + text + '"}}}}'
        )

    talk_with(held)


def test_updates_of_unknown_kinds_and_odd_forms_are_passed_over(talk_with: Any) -> None:
    async def held(talk: Talk) -> None:
        odd: list[dict[str, Any]] = [
            {"sessionUpdate": "from_the_future", "x": 1},
            {"sessionUpdate": "agent_message_chunk"},
            {"sessionUpdate": "agent_message_chunk", "content": {"type": "hologram"}},
            {"sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": 7}},
            {"sessionUpdate": "tool_call"},
            {"sessionUpdate": "tool_call_update", "toolCallId": 5},
            {"sessionUpdate": "plan", "entries": []},
            {"sessionUpdate": "current_mode_update", "currentModeId": "x"},
        ]
        turn = await talk.say(*({"update": update} for update in odd), {"say": "done"})
        assert turn.kinds == ["turn_started", "text_delta", "text_complete", "turn_completed"]

    talk_with(held)


def test_a_line_of_megabytes_arrives_whole(talk_with: Any) -> None:
    async def held(talk: Talk) -> None:
        assert len((await talk.say({"say_large": 3_000_000})).text) == 3_000_000

    talk_with(held)


def test_a_prompt_of_megabytes_arrives_whole(talk_with: Any) -> None:
    async def held(talk: Talk) -> None:
        turn = await talk.say("ü" * 2_000_000)
        assert len(turn.text) == len("You said: ") + 2_000_000

    talk_with(held)


def test_a_flood_of_updates_keeps_its_order(talk_with: Any) -> None:
    async def held(talk: Talk) -> None:
        turn = await talk.say({"repeat": {"times": 3000, "text": "a"}}, {"say": "b"})
        assert turn.text == "a" * 3000 + "b"

    talk_with(held)


def test_pictures_and_links_in_an_answer_are_named(talk_with: Any) -> None:
    async def held(talk: Talk) -> None:
        blocks: list[dict[str, Any]] = [
            {"type": "image", "mimeType": "image/png", "data": "AAAA"},
            {"type": "resource_link", "uri": "file:///a.txt", "name": "a.txt"},
            {"type": "resource", "resource": {"uri": "file:///b.txt", "text": "inside"}},
        ]
        turn = await talk.say(
            *({"update": {"sessionUpdate": "agent_message_chunk", "content": block}} for block in blocks)
        )
        assert turn.text == "[image: image/png][a.txt](file:///a.txt)inside"

    talk_with(held)


PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
TEXT = "Überschrift\n".encode()


def _attachments() -> dict[str, Any]:
    items = [("image", "p.png", "image/png", PICTURE), ("file", "n.md", "text/markdown", TEXT), ("file", "d.bin", "x/y", PICTURE)]  # fmt: skip  # noqa: E501
    digests = {name: hashlib.sha256(content).hexdigest() for _, name, _, content in items}
    return {
        "attachments": [
            Attachment(kind, name, media, digests[name], len(content))  # type: ignore[arg-type]
            for kind, name, media, content in items
        ],
        "contents": {digests[name]: content for _, name, _, content in items},
    }


def test_attachments_reach_the_agent(talk_with: Any) -> None:
    async def held(talk: Talk) -> None:
        seen = orjson.loads((await talk.say({"blocks_seen": None}, **_attachments())).text)
        assert [block["type"] for block in seen] == ["text", "image", "resource", "resource"]
        assert base64.b64decode(seen[1]["data"]) == PICTURE

    talk_with(held, "--images", "--embedded")


def test_what_the_agent_can_only_open_is_there_as_long_as_it_runs(talk_with: Any) -> None:
    async def held(talk: Talk) -> Path:
        seen = orjson.loads((await talk.say({"blocks_seen": None}, **_attachments())).text)
        path = Path(seen[1]["uri"].removeprefix("file://"))
        assert path.read_bytes() == PICTURE
        return path

    assert not talk_with(held).exists()


def test_the_blocks_of_attachments_are_what_the_protocol_says(tmp_path: Path) -> None:
    import asyncio

    from acp.schema import PromptCapabilities

    from meerkat_rpc.agents.acp.blocks import PromptBlocks

    given = _attachments()

    async def content(digest: str) -> bytes:
        found: bytes = given["contents"][digest]
        return found

    def made(**takes: Any) -> list[dict[str, Any]]:
        blocks = PromptBlocks(PromptCapabilities(**takes), content, lambda: tmp_path)
        return asyncio.run(blocks.of("", given["attachments"]))

    picture, note, data = made(image=True, embedded_context=True)
    encoded = base64.b64encode(PICTURE).decode()
    assert picture == {"type": "image", "mimeType": "image/png", "data": encoded}
    assert note["resource"] == {"uri": "attachment:///n.md", "mimeType": "text/markdown", "text": TEXT.decode()}
    assert data["resource"]["blob"] == encoded

    picture, note, data = made()
    assert Path(picture["uri"].removeprefix("file://")).read_bytes() == PICTURE
    assert note == {"type": "text", "text": f"The user attached the file n.md:\n\n{TEXT.decode()}"}
    assert (data["type"], data["name"], data["size"]) == ("resource_link", "d.bin", len(PICTURE))


def test_what_was_added_to_the_turn_is_the_agents_next_prompt(talk_with: Any) -> None:
    async def held(talk: Talk) -> None:
        turn = talk.turn({"say": "first"}, waiting=[QueuedPrompt("t2", "and then?", steer=True)])
        await talk.run(turn)
        assert turn.text == "firstYou said: and then?"
        assert [message.role for message in turn.messages] == ["user", "assistant", "user", "assistant"]

    talk_with(held)


def test_an_agent_that_is_new_to_a_conversation_is_told_of_it(talk_with: Any) -> None:
    async def held(talk: Talk) -> None:
        talk.past = [
            Message("user", "My name is Ada.", "t0", 0),
            Message("assistant", "Hello Ada.", "t0", 0),
            Message("user", "The build is red.", "t1", 0, kind="context"),
        ]
        (prompt,) = await talk.facts("prompts")
        assert "User: My name is Ada.\n\nAssistant: Hello Ada.\n\nContext: The build is red." in prompt

    talk_with(held)


def test_an_agent_is_told_only_of_what_happened_without_it(talk_with: Any) -> None:
    async def held(talk: Talk) -> None:
        await talk.say("with you")
        talk.past = [*talk.past, Message("user", "without you", "other", 0), Message("assistant", "indeed", "other", 0)]
        _, second = await talk.facts("prompts")
        assert "User: without you\n\nAssistant: indeed" in second
        assert "with you\n\n" not in second.replace("without you", "")

    talk_with(held)


def test_instructions_are_given_once(talk_with: Any) -> None:
    async def held(talk: Talk) -> None:
        talk.config = talk.config.overlaid(type(talk.config)(system_prompt="Be brief."))
        await talk.say("one")
        first, second = await talk.facts("prompts")
        assert first == "<instructions>\nBe brief.\n</instructions>\none"
        assert "Be brief." not in second

    talk_with(held)


def test_variables_and_arguments_of_the_session_reach_the_agent(talk_with: Any) -> None:
    async def held(talk: Talk) -> None:
        assert await talk.facts("variable") == "läuft"
        assert await talk.facts("cwd") == str(talk.cwd)

    talk_with(held, env={"ACTING_VARIABLE": "läuft"}, args=["--greeting", "hello"])


@pytest.mark.parametrize(
    "params", [{"env": ["A=1"]}, {"env": {"A": 1}}, {"args": "x"}, {"mode": 1}, {"options": {"a": 1}}]
)
def test_a_parameter_of_the_wrong_type_is_named(talk_with: Any, params: dict[str, Any]) -> None:
    async def held(talk: Talk) -> None:
        with pytest.raises(InvalidArgument, match=f"provider_params.{next(iter(params))}"):
            await talk.say("x")

    talk_with(held, **params)


def test_an_output_schema_is_refused(talk_with: Any) -> None:
    async def held(talk: Talk) -> None:
        talk.config = talk.config.overlaid(type(talk.config)(output_schema={"type": "object"}))
        with pytest.raises(CapabilityUnavailable, match="output_schema"):
            await talk.say("x")

    talk_with(held)


def test_model_and_options_are_chosen_and_set_back(talk_with: Any) -> None:
    async def held(talk: Talk) -> None:
        own = talk.config
        talk.config = own.overlaid(type(own)(provider_params={"model": "large", "options": {"loud": True}}))
        await talk.say("x")
        await talk.say("y")
        talk.config = own
        assert await talk.facts("chosen") == [["m", "large"], ["loud", True], ["m", "small"], ["loud", False]]

    talk_with(held, "--settings", "options")


def test_a_mode_is_chosen(talk_with: Any) -> None:
    async def held(talk: Talk) -> None:
        assert await talk.facts("chosen") == [["mode", "code"]]

    talk_with(held, "--settings", "modes", mode="code")


@pytest.mark.parametrize(
    ("options", "params", "message"),
    [
        ((), {"model": "large"}, "no model to choose; what can be chosen: nothing"),
        (("--settings", "options"), {"model": "huge"}, "no model 'huge'; it has: small, large"),
        (("--settings", "options"), {"options": {"loud": "yes"}}, "loud takes true or false"),
        (("--settings", "modes"), {"mode": "yolo"}, "no mode 'yolo'; it has: ask, code"),
    ],
)
def test_a_choice_that_the_agent_has_not_is_refused_with_those_it_has(
    talk_with: Any, options: tuple[str, ...], params: dict[str, Any], message: str
) -> None:
    async def held(talk: Talk) -> None:
        with pytest.raises(ProviderError, match=message):
            await talk.say("x")

    talk_with(held, *options, **params)


def test_an_error_of_the_agents_fails_the_turn_and_not_the_session(talk_with: Any) -> None:
    async def held(talk: Talk) -> None:
        before = await talk.facts("pid")
        with pytest.raises(ProviderError, match="refused session/prompt: Overloaded: try later"):
            await talk.say({"say": "so far"}, {"refuse": {"message": "Overloaded", "data": {"details": "try later"}}})
        assert orjson.loads((await talk.say({"about": "pid"})).text) == before

    talk_with(held)
