"""What is shown of a question, and the keys that answer it."""

from __future__ import annotations

from typing import Any, cast

import pytest

from meerkat_rpc.chat.choices import keys_for
from meerkat_rpc.chat.details import MAX_LINE_CHARS, MAX_LINES, changed, described, shortened
from meerkat_rpc.chat.text import revealed
from meerkat_rpc.client.results import PendingApproval


def question(**given: Any) -> PendingApproval:
    asked = {"kind": "tool_call", "summary": "", "details": None, "choices": ["allow", "deny"], "rule": None}
    return cast("PendingApproval", asked | given)


def call(details: Any, source: str = "builtin", args: Any = None) -> dict[str, Any]:
    return {"tool": "tool", "source": source, "call_id": "1", "args": args, "rule": "tool", "details": details}


def shown(details: Any) -> list[str]:
    return [line.plain for line in described(details)]


def test_only_what_can_be_remembered_is_offered_to_be() -> None:
    assert {"y", "n", "1", "4", "\x1b"} == set(keys_for(question()).answers)
    keys = keys_for(question(rule="run_command:make"))
    assert [(keys.answers[key].choice, keys.answers[key].remember) for key in "ysan"] == [
        ("allow", "once"),
        ("allow", "session"),
        ("allow", "always"),
        ("deny", "once"),
    ]
    assert "run_command:make becomes a rule" in keys.line
    assert [keys.answers[digit] for digit in "1234"] == [keys.answers[letter] for letter in "ysan"]


def test_an_agents_own_choices_are_numbered_and_escape_refuses_where_that_is_known() -> None:
    options = [
        {"choice": "Yes, always", "kind": "allow_always"},
        {"choice": "Yes", "kind": "allow_once"},
        {"choice": "No", "kind": "reject_once"},
    ]
    asked = question(kind="acp_permission", choices=["Yes, always", "Yes", "No"], details={"options": options})
    keys = keys_for(asked)
    assert keys.line == "1 Yes, always · 2 Yes · 3 No · Esc refuses"
    assert keys.answers["\x1b"].choice == keys.answers["n"].choice == "No"
    assert "\x1b" not in keys_for(question(choices=["red", "green"])).answers


def test_more_choices_than_digits_have_letters() -> None:
    names = [f"choice {number}" for number in range(12)]
    answers = keys_for(question(choices=names)).answers
    assert [answers[key].choice for key in "19abc"] == ["choice 0", "choice 8", "choice 9", "choice 10", "choice 11"]


@pytest.mark.parametrize(
    ("details", "lines"),
    [
        (None, []),
        (
            call({"path": "a", "diff": "--- a\n+++ a\n@@ -1 +1 @@\n-x\n+y"}),
            ["--- a", "+++ a", "@@ -1 +1 @@", "-x", "+y"],
        ),
        (call({"command": "make test\nmake lint", "cwd": "/x"}), ["$ make test", "  make lint", "in /x"]),
        (call({"command": ["rm", "a b"], "cwd": None}), ["$ rm 'a b'"]),
        (call(None, "mcp:files", {"n": 1}), ["tool, a tool of mcp:files", "{", '  "n": 1', "}"]),
        ({"path": "/a", "diff": "+x"}, ["+x"]),
        ({"content": "as text", "options": []}, ["as text"]),
        ({"content": [{"type": "text", "text": "why"}, {"type": "diff", "diff": "-x"}], "options": []}, ["why", "-x"]),
        ({"input": {"command": "ls"}, "options": []}, ["$ ls"]),
        ({"options": []}, []),
        ("a\nb", ["a", "b"]),
        ([1, "漢字"], ["[", "  1,", '  "漢字"', "]"]),
    ],
)
def test_details_are_shown_as_what_they_are(details: Any, lines: list[str]) -> None:
    assert shown(details) == lines


def test_what_is_long_is_shortened_and_says_so() -> None:
    lines = described("\n".join(["x" * 1000] * (MAX_LINES + 5)))
    short = shortened(lines)
    assert not short.whole
    assert short.lines[-1].plain == "… 5 more lines"
    assert short.lines[0].plain == "x" * MAX_LINE_CHARS + f" … {1000 - MAX_LINE_CHARS} more characters"
    assert shortened(lines[:1]).whole is False
    assert shortened(described("short")).whole


def test_a_result_without_a_change_shows_none() -> None:
    assert list(changed("text")) == list(changed({"diff": 1})) == list(changed(None)) == []


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("a\x1b[31mb", "a\\x1b[31mb"),
        ("a\rb", "a\\rb"),
        ("a\r\nb\tc", "a\nb\tc"),
        ("\u202eabc\u2066", "\\u202eabc\\u2066"),
        ("zero\u200bwidth", "zero\\u200bwidth"),
        ("naïve 漢字 👍", "naïve 漢字 👍"),
        ("\x9b", "\\x9b"),
    ],
)
def test_what_would_hide_or_mislead_is_spelled_out(text: str, seen: str) -> None:
    assert revealed(text) == seen
