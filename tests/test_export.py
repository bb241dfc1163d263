import itertools
import json
from collections.abc import Sequence
from typing import Any

import pytest
from markdown_it import MarkdownIt

from meerkat_rpc.domain import (
    AgentConfig,
    Attachment,
    LastTurn,
    Message,
    SessionHead,
    ToolCall,
    ToolResult,
    TurnOutcome,
    Usage,
)
from meerkat_rpc.errors import InvalidArgument
from meerkat_rpc.export import closed, render
from meerkat_rpc.sessions.service import SessionSummary, SessionView

SESSION = "01900000-0000-7000-8000-000000000001"
TURN = "01900000-0000-7000-8000-000000000002"


def view(title: str = "A talk", outcome: TurnOutcome = TurnOutcome.COMPLETED) -> SessionView:
    head = SessionHead(
        session_id=SESSION,
        revision=3,
        created_ms=0,
        updated_ms=61_000,
        config=AgentConfig(model="echo"),
        labels={"team": "a`b"},
        usage=Usage(2, 3),
        last_turn=LastTurn(TURN, outcome),
    )
    summary = SessionSummary(SESSION, "idle", False, False, title, head.labels, "/src", 0, 61_000, 2, 5)
    return SessionView(summary, head, None)


def said(role: str, content: str, **more: object) -> Message:
    return Message(role, content, TURN, 1000, **more)  # type: ignore[arg-type]


def headings(text: str) -> list[str]:
    tokens = MarkdownIt().parse(text)
    return [after.content for token, after in itertools.pairwise(tokens) if token.type == "heading_open"]


def code_blocks(text: str) -> list[str]:
    return [token.content for token in MarkdownIt().parse(text) if token.type == "fence"]


def conversation() -> Sequence[Message]:
    return (
        said("user", "Read it"),
        said("assistant", "Here.", reasoning="a file?", tool_calls=(ToolCall("c1", "read", {"path": "x"}),)),
        said("tool", "the ```text```", tool_result=ToolResult("c1", "read", is_error=True)),
        said("assistant", "It is so", partial=True),
    )


def test_markdown_shows_who_said_what_in_order() -> None:
    assert headings(render(view(), conversation(), "markdown")) == [
        "A talk",
        "User",
        "Assistant",
        "Call of `read`",
        "Result of `read` (failed)",
        "Assistant (cut short)",
    ]


def test_markdown_begins_with_the_facts_of_the_session() -> None:
    text = render(view(outcome=TurnOutcome.INTERRUPTED), (), "markdown")
    assert text.splitlines()[2:] == [
        f"- Session: `{SESSION}`",
        "- Created: 1970-01-01 00:00:00 UTC",
        "- Updated: 1970-01-01 00:01:01 UTC",
        "- Model: `echo`",
        "- Folder: `/src`",
        "- Labels: `` team=a`b ``",
        "- Tokens: 2 in, 3 out",
        "- Last turn: interrupted",
    ]


def test_a_title_of_several_lines_stays_one_heading() -> None:
    assert headings(render(view(title="one\n# two"), (), "markdown")) == ["one # two"]


@pytest.mark.parametrize(
    "text",
    [
        "```python\nprint()",
        "~~~\nx\n```",
        "````\n```\ninside\n```",
        "```\na\n```\n```js",
        "```\r\ncut",
        "```\n~~~\n~~~",
    ],
)
def test_a_fence_that_was_left_open_does_not_swallow_what_follows(text: str) -> None:
    shown = render(view(), [said("assistant", text), said("user", "next")], "markdown")
    assert headings(shown)[-1] == "User"


@pytest.mark.parametrize("text", ["plain", "```\nx\n```", "``` a`b", "    ```", "a ``` b", "x\u2028```", "~~~\n~~~~"])
def test_text_without_an_open_fence_is_left_as_it_is(text: str) -> None:
    assert closed(text) == text


@pytest.mark.parametrize("content", ["```", "````\n```", "`", "no ticks", "~~~"])
def test_a_tools_result_stays_whole_whatever_fences_it_holds(content: str) -> None:
    shown = render(view(), [said("tool", content, tool_result=ToolResult("c", "t"))], "markdown")
    assert code_blocks(shown) == [content + "\n"]


ODD = "a [1]](b) `c`\n*.png"
IMAGE = Attachment("image", ODD, "image/png", "a" * 64, 1234)
FILE = Attachment("file", "notes.txt", "text/plain", "b" * 64, 0)


def test_markdown_shows_an_image_in_its_place_and_links_a_file() -> None:
    text = render(view(), [said("user", "look", attachments=(IMAGE, FILE)), said("assistant", "seen")], "markdown")
    images, links = attached(text)
    assert images == [(" ".join(ODD.split()), f"blob:{'a' * 64}")]
    assert links == [f"blob:{'b' * 64}"]
    assert "(`text/plain`, 0 bytes)" in text
    assert "(`image/png`, 1,234 bytes)" in text


def attached(text: str) -> tuple[list[tuple[str, Any]], list[Any]]:
    """Return the images in Markdown, with what stands for them, and the targets of links."""
    inner = [token for block in MarkdownIt().parse(text) for token in block.children or ()]
    images = [
        ("".join(shown.content for shown in token.children or ()), token.attrs["src"])
        for token in inner
        if token.type == "image"
    ]
    return images, [token.attrs["href"] for token in inner if token.type == "link_open"]


@pytest.mark.parametrize(
    ("kind", "heading"),
    [("context", "Context"), ("steer", "User (while the turn ran)"), ("summary", "Summary of what came before")],
)
def test_messages_that_are_no_ordinary_ones_are_marked(kind: str, heading: str) -> None:
    message = said("user", "x", kind=kind)
    assert headings(render(view(), [message], "markdown"))[-1] == heading
    assert json.loads(render(view(), [message], "jsonl"))["kind"] == kind


def test_json_names_attachments_as_the_history_does() -> None:
    shown = json.loads(render(view(), [said("user", "", attachments=(IMAGE,))], "jsonl"))
    assert shown["attachments"] == [
        {"kind": "image", "name": ODD, "media_type": "image/png", "digest": "a" * 64, "size": 1234}
    ]


def test_json_is_one_document_with_session_and_messages() -> None:
    document = json.loads(render(view(), conversation(), "json"))
    assert document["session"]["session_id"] == SESSION
    assert document["session"]["usage"] == {"input_tokens": 2, "output_tokens": 3, "total_tokens": 5}
    assert document["session"]["last_turn"] == {"turn_id": TURN, "outcome": "completed"}
    assert document["messages"][0] == {"role": "user", "content": "Read it", "turn_id": TURN, "timestamp_ms": 1000}
    assert document["messages"][1]["tool_calls"] == [{"id": "c1", "name": "read", "args": {"path": "x"}}]
    assert document["messages"][1]["reasoning"] == "a file?"
    assert document["messages"][2]["tool_result"] == {"id": "c1", "name": "read", "is_error": True}
    assert document["messages"][3]["partial"] is True


def test_json_lines_are_one_a_message_even_for_readers_that_split_at_unicode_line_ends() -> None:
    odd = "a\nb\rc\u0085d\u2028e\u2029f\x0bg\x0ch\x1ci"
    text = render(view(), [said("user", odd), said("assistant", "🦦 é")], "jsonl")
    assert [json.loads(line)["content"] for line in text.splitlines()] == [odd, "🦦 é"]
    assert "🦦 é" in text


def test_a_session_without_messages_is_an_empty_list_of_lines() -> None:
    assert render(view(), (), "jsonl") == ""


def test_another_format_is_refused() -> None:
    with pytest.raises(InvalidArgument, match=r"params\.format"):
        render(view(), (), "xml")
