"""What an agent is told of a conversation that it was no part of."""

from __future__ import annotations

from typing import Any

from meerkat_rpc.agents.acp.replay import MAX_TOOL_CHARS, MAX_TRANSCRIPT_CHARS, preamble, unseen
from meerkat_rpc.domain import Attachment, Message, ToolCall, ToolResult


def _message(role: Any, content: str, turn_id: str = "t", **more: Any) -> Message:
    return Message(role, content, turn_id, 0, **more)


def test_nothing_is_told_where_there_is_nothing_to_tell() -> None:
    assert preamble(None, [], first=True) is None
    assert preamble("Be brief.", [], first=False) is None
    assert preamble(None, [_message("user", "")], first=True) is None


def test_every_kind_of_message_is_told() -> None:
    told = preamble(
        None,
        [
            _message("user", "We built a bridge.", kind="summary"),
            _message("user", "Fix it", attachments=(Attachment("file", "plan.txt", "text/plain", "0" * 64, 3),)),
            _message("assistant", "I look.", tool_calls=(ToolCall("c", "read", {"path": "a"}),)),
            _message("tool", "contents", tool_result=ToolResult("c", "read")),
            _message("tool", "no such file", tool_result=ToolResult("d", "read", is_error=True)),
            _message("assistant", "It is", partial=True),
            _message("user", "The build is red.", kind="context"),
        ],
        first=True,
    )
    assert told is not None
    assert told.partition("<conversation>\n")[2] == (
        "Summary of what came before: We built a bridge.\n\n"
        "User: Fix it\n[attached: plan.txt]\n\n"
        'Assistant: I look.\n[called read with {"path":"a"}]\n\n'
        "Tool read: contents\n\n"
        "Tool read (failed): no such file\n\n"
        "Assistant: It is\n[interrupted]\n\n"
        "Context: The build is red.\n</conversation>"
    )


def test_the_oldest_is_left_out_where_there_is_too_much() -> None:
    told = preamble(None, [_message("user", f"{n} " + "x" * 1000) for n in range(1000)], first=True)
    assert told is not None
    assert "User: 999 x" in told
    assert "User: 1 x" not in told
    assert "[the beginning is left out]" in told
    assert len(told) < MAX_TRANSCRIPT_CHARS + 2_000


def test_of_one_huge_message_the_end_is_told() -> None:
    told = preamble(None, [_message("user", "a" * 1_000_000 + "the end")], first=True)
    assert told is not None
    assert "the end\n</conversation>" in told
    assert len(told) < MAX_TRANSCRIPT_CHARS + 2_000


def test_tools_are_told_in_short() -> None:
    result = _message("tool", "y" * 100_000, tool_result=ToolResult("c", "read"))
    told = preamble(None, [result], first=False)
    assert told is not None
    assert len(told) < MAX_TOOL_CHARS + 1_000


def test_what_came_after_the_last_turn_is_unseen() -> None:
    history = [
        _message("user", "1", "a"),
        _message("assistant", "2", "a"),
        _message("user", "injected", "a", kind="context"),
        _message("user", "3", "b"),
    ]
    assert [message.content for message in unseen(history, "a")] == ["injected", "3"]
    assert unseen(history, "b") == []
    assert unseen(history, None) == history
    assert unseen(history, "compacted away") == history
