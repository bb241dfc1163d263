"""Requests as small as each protocol allows, for tests that look at the bytes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import orjson

from tests.providers.provider import KEY, Provider

PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360f8cf500f0003860182a1b7a8"
    "170000000049454e44ae426082"
)
"""The smallest PNG."""

SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"], "additionalProperties": False}

ADDRESSES = {
    "openai": "/v1/chat/completions",
    "openai-responses": "/v1/responses",
    "anthropic": "/v1/messages",
    "google": "/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse",
}
BODIES: Mapping[str, Mapping[str, Any]] = {
    "openai": {
        "model": "m",
        "stream": True,
        "stream_options": {"include_usage": True},
        "messages": [{"role": "user", "content": "go"}],
        "tools": [{"type": "function", "function": {"name": "add", "parameters": SCHEMA}}],
    },
    "openai-responses": {
        "model": "m",
        "stream": True,
        "input": [{"role": "user", "content": "go"}],
        "tools": [{"type": "function", "name": "add", "parameters": SCHEMA}],
    },
    "anthropic": {
        "model": "m",
        "stream": True,
        "max_tokens": 100,
        "messages": [{"role": "user", "content": "go"}],
        "tools": [{"name": "add", "input_schema": SCHEMA}],
    },
    "google": {
        "contents": [{"role": "user", "parts": [{"text": "go"}]}],
        "tools": [{"functionDeclarations": [{"name": "add", "parametersJsonSchema": SCHEMA}]}],
        "generationConfig": {"thinkingConfig": {"includeThoughts": True}},
    },
}


def headers(kind: str, key: str = KEY) -> dict[str, str]:
    """Return the headers that have the key."""
    if kind == "anthropic":
        return {"x-api-key": key, "anthropic-version": "2026-10-21"}
    return {"x-goog-api-key": key} if kind == "google" else {"authorization": f"Bearer {key}"}


def post(provider: Provider, kind: str, body: Mapping[str, Any] | None = None, key: str = KEY) -> httpx.Response:
    """Ask, and read the whole answer."""
    given = BODIES[kind] if body is None else body
    return httpx.post(provider.url + ADDRESSES[kind], json=given, headers=headers(kind, key), timeout=30)


def events(answer: httpx.Response) -> Iterator[Any]:
    """Yield what the stream's events carry."""
    for line in answer.text.splitlines():
        name, _, data = line.partition(": ")
        if name == "data" and data != "[DONE]":
            yield orjson.loads(data)
