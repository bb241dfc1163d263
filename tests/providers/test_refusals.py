"""What each provider refuses, as the real one does."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import pytest

from tests.providers.asking import BODIES, SCHEMA, post
from tests.providers.provider import Provider
from tests.providers.script import Text
from tests.providers.speaking import signature

Change = Mapping[str, Any]


def refused(provider: Provider, kind: str, change: Change) -> str:
    """Ask with ``change`` laid over a good request; return why that was refused."""
    provider.say(Text("taken"))
    answer = post(provider, kind, {**copy.deepcopy(dict(BODIES[kind])), **change})
    assert answer.status_code == 400, answer.text
    return str(answer.json()["error"]["message"])


def calling(*ids: str) -> dict[str, Any]:
    """Return Chat Completions' message that calls tools."""
    function = {"name": "add", "arguments": "{}"}
    return {"role": "assistant", "tool_calls": [{"id": id_, "type": "function", "function": function} for id_ in ids]}


def used(*ids: str) -> dict[str, Any]:
    """Return Messages' message that calls tools."""
    return {
        "role": "assistant",
        "content": [{"type": "tool_use", "id": id_, "name": "add", "input": {}} for id_ in ids],
    }


def results(*ids: str) -> dict[str, Any]:
    """Return Messages' message that has results."""
    return {"role": "user", "content": [{"type": "tool_result", "tool_use_id": id_, "content": "1"} for id_ in ids]}


USER = {"role": "user", "content": "go"}
ANSWERED = {"role": "tool", "tool_call_id": "c1", "content": "1"}
CALL_ITEM = {"type": "function_call", "call_id": "c1", "name": "add", "arguments": "{}"}
CALL_PART = {"functionCall": {"name": "add", "args": {}}}
RESULT_PART = {"functionResponse": {"name": "add", "response": {"result": 1}}}
SAID = {"role": "user", "parts": [{"text": "go"}]}

CASES: list[tuple[str, Change, str]] = [
    ("openai", {"messages": []}, "empty array"),
    ("openai", {"unheard_of": 1}, "Unrecognized request argument"),
    ("openai", {"messages": [USER, calling("c1")]}, "did not have response messages: c1"),
    ("openai", {"messages": [USER, calling("c1", "c2"), ANSWERED, USER]}, "did not have response messages: c2"),
    ("openai", {"messages": [USER, ANSWERED]}, "must be a response to a preceeding message"),
    ("openai", {"messages": [USER, calling("c1"), ANSWERED, ANSWERED]}, "must be a response to a preceeding message"),
    ("openai", {"messages": [{"role": "assistant", "content": None}]}, "got null"),
    ("openai", {"messages": [{"role": "model", "content": "x"}]}, "Supported values"),
    ("openai", {"tools": [{"type": "function", "function": {"name": "no spaces"}}]}, "pattern"),
    ("openai", {"tools": []}, "empty array"),
    ("openai", {"temperature": 3}, "temperature"),
    ("openai", {"stream": False}, "stream_options"),
    (
        "openai",
        {"tools": [{"type": "function", "function": {"name": "a", "strict": True, "parameters": {"type": "object"}}}]},
        "additionalProperties",
    ),
    ("openai-responses", {"input": []}, "must be provided"),
    ("openai-responses", {"messages": []}, "Unknown parameter: 'messages'"),
    ("openai-responses", {"input": [USER, CALL_ITEM]}, "No tool output found for function call c1"),
    (
        "openai-responses",
        {"input": [USER, {"type": "function_call_output", "call_id": "c9", "output": "1"}]},
        "No tool call found",
    ),
    ("openai-responses", {"input": [{"role": "tool", "content": "x"}]}, "Invalid value: 'tool'"),
    (
        "openai-responses",
        {"input": [USER, {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "forged"}]},
        "could not be verified",
    ),
    (
        "openai-responses",
        {"input": [{"type": "reasoning", "id": "r", "summary": [], "encrypted_content": signature("r")}, USER]},
        "without its required following item",
    ),
    ("openai-responses", {"max_output_tokens": 1}, "max_output_tokens"),
    ("anthropic", {"max_tokens": None}, "max_tokens: Field required"),
    ("anthropic", {"max_tokens": 0}, "max_tokens"),
    ("anthropic", {"temperature": 1}, "Extra inputs"),
    ("anthropic", {"stop": ["x"]}, "Extra inputs are not permitted"),
    ("anthropic", {"messages": [{"role": "assistant", "content": "hi"}]}, "first message must use"),
    ("anthropic", {"messages": [USER, {"role": "assistant", "content": "hi"}]}, "must end with a user message"),
    ("anthropic", {"messages": [{"role": "user", "content": " "}]}, "non-whitespace"),
    ("anthropic", {"messages": [{"role": "user", "content": []}]}, "non-empty content"),
    ("anthropic", {"messages": [USER, used("t1"), USER]}, "without `tool_result` blocks immediately after: t1"),
    ("anthropic", {"messages": [USER, used("t1", "t2"), results("t1")]}, "immediately after: t2"),
    ("anthropic", {"messages": [USER, used("t1"), results("t1", "t9")]}, "unexpected `tool_use_id`"),
    ("anthropic", {"messages": [USER, used("t1", "t1"), results("t1")]}, "must be unique"),
    (
        "anthropic",
        {"messages": [USER, {"role": "assistant", "content": [{"type": "thinking", "thinking": "x"}]}, USER]},
        "Invalid `signature`",
    ),
    (
        "anthropic",
        {
            "thinking": {"type": "enabled", "budget_tokens": 1024},
            "max_tokens": 9000,
            "messages": [USER, used("t"), results("t")],
        },
        "must start with a thinking block",
    ),
    ("anthropic", {"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 1024}, "must be greater"),
    ("anthropic", {"tools": [{"name": "a", "input_schema": {"type": "string"}}]}, "schema"),
    ("anthropic", {"tool_choice": {"type": "tool", "name": "b"}}, "not found in provided tools"),
    ("google", {"contents": []}, "contents is not specified"),
    ("google", {"messages": []}, "Unknown name"),
    ("google", {"contents": [{"role": "assistant", "parts": [{"text": "x"}]}]}, "valid role"),
    ("google", {"contents": [SAID, {"role": "model", "parts": [{"text": "x"}]}]}, "end with a user role"),
    ("google", {"contents": [{"role": "user", "parts": []}]}, "parts must not be empty"),
    ("google", {"contents": [{"role": "user", "parts": [{}]}]}, "required oneof field"),
    ("google", {"contents": [SAID, {"role": "model", "parts": [CALL_PART]}, SAID]}, "equal to the number"),
    ("google", {"contents": [SAID, {"role": "user", "parts": [RESULT_PART]}]}, "equal to the number"),
    ("google", {"generationConfig": {"responseJsonSchema": SCHEMA}}, "application/json"),
    ("google", {"generationConfig": {"nonsense": 1}}, "generation_config"),
]


@pytest.mark.parametrize(("kind", "change", "why"), CASES)
def test_what_the_real_one_refuses_is_refused(provider: Provider, kind: str, change: Change, why: str) -> None:
    assert why in refused(provider, kind, change)
    assert provider.waiting == 1


def test_an_image_has_to_be_one(kind: str, provider: Provider) -> None:
    data, kind_of = "not base64!", "image/png"
    url = {"type": "image_url", "image_url": {"url": f"data:{kind_of};base64,{data}"}}
    source = {"type": "base64", "media_type": kind_of, "data": data}
    changes: Mapping[str, Change] = {
        "openai": {"messages": [{"role": "user", "content": [url]}]},
        "openai-responses": {
            "input": [{"role": "user", "content": [{"type": "input_image", "image_url": url["image_url"]["url"]}]}]  # type: ignore[index]
        },
        "anthropic": {"messages": [{"role": "user", "content": [{"type": "image", "source": source}]}]},
        "google": {"contents": [{"parts": [{"inlineData": {"mimeType": kind_of, "data": data}}]}]},
    }
    assert "base64" in refused(provider, kind, changes[kind])
