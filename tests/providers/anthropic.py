"""Anthropic's Messages: ``POST /v1/messages``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import orjson
from attrs import define, field

from tests.providers.anthropic_check import check_request
from tests.providers.http import Request
from tests.providers.script import Call, Reply, Tokens
from tests.providers.speaking import OUTPUT_TOOLS, Json, arguments, new_id, signature, sse

KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    529: "overloaded_error",
}


class Messages:
    """The protocol."""

    name = "anthropic"

    def takes(self, request: Request) -> bool:
        return request.path == "/v1/messages"

    def streams(self, request: Request, body: Json) -> bool:
        return bool(body.get("stream"))

    def speaker(self, request: Request, body: Json) -> MessagesSpeaker:
        return MessagesSpeaker(body["model"])

    def answers_by_tool(self, body: Json) -> str | None:
        names = [tool.get("name", "") for tool in body.get("tools", ())]
        return next((name for name in names if name.startswith(OUTPUT_TOOLS)), None)

    def error(self, status: int, message: str, code: str | None = None) -> Json:
        kind = code or KINDS.get(status, "api_error")
        return {"type": "error", "error": {"type": kind, "message": message}, "request_id": new_id("req_")}

    def check(self, request: Request, body: Json, key: str) -> None:
        check_request(request, body, key)


@define
class MessagesSpeaker:
    """Says a reply in content blocks."""

    model: str
    id: str = field(factory=lambda: new_id("msg_"))
    content: list[Json] = field(factory=list)

    def begin(self) -> bytes:
        message = self._message(None, {**usage(Tokens()), "output_tokens": 1})
        return _event("message_start", message={**message, "content": []}) + _event("ping")

    def text(self, parts: Sequence[str]) -> Iterator[bytes]:
        opening = self._start({"type": "text", "text": ""})
        for part in parts:
            yield opening + self._delta({"type": "text_delta", "text": part})
            opening = b""
        yield opening + self._stop({"type": "text", "text": "".join(parts), "citations": None})

    def reasoning(self, parts: Sequence[str]) -> Iterator[bytes]:
        opening = self._start({"type": "thinking", "thinking": "", "signature": ""})
        for part in parts:
            yield opening + self._delta({"type": "thinking_delta", "thinking": part})
            opening = b""
        whole = "".join(parts)
        signed = self._delta({"type": "signature_delta", "signature": signature(whole)})
        yield opening + signed + self._stop({"type": "thinking", "thinking": whole, "signature": signature(whole)})

    def call(self, call: Call, parts: Sequence[str]) -> Iterator[bytes]:
        block: Json = {"type": "tool_use", "id": new_id("toolu_") if call.id is None else call.id, "name": call.tool}
        yield self._start({**block, "input": {}})
        for part in ["", *parts]:
            yield self._delta({"type": "input_json_delta", "partial_json": part})
        yield self._stop({**block, "input": _object(arguments(call))})

    def end(self, reply: Reply) -> bytes:
        delta = {"stop_reason": reply.stop_reason, "stop_sequence": None}
        return _event("message_delta", delta=delta, usage=usage(reply.tokens)) + _event("message_stop")

    def trouble(self, status: int, message: str) -> bytes:
        return _event("error", error={"type": KINDS.get(status, "api_error"), "message": message})

    def whole(self, reply: Reply) -> Json:
        return self._message(reply.stop_reason, usage(reply.tokens))

    def _message(self, stop: str | None, counted: Json) -> Json:
        head = {"id": self.id, "type": "message", "role": "assistant", "model": self.model, "content": self.content}
        return {**head, "stop_reason": stop, "stop_sequence": None, "usage": counted}

    def _start(self, block: Json) -> bytes:
        return _event("content_block_start", index=len(self.content), content_block=block)

    def _delta(self, delta: Json) -> bytes:
        return _event("content_block_delta", index=len(self.content), delta=delta)

    def _stop(self, block: Json) -> bytes:
        self.content.append(block)
        return _event("content_block_stop", index=len(self.content) - 1)


def _event(kind: str, **fields: object) -> bytes:
    return sse({"type": kind, **fields}, kind)


def _object(written: str) -> Json:
    """Return the arguments as an object. A model that writes bad JSON can't have it shown in a whole answer."""
    try:
        value = orjson.loads(written or "{}")
    except orjson.JSONDecodeError:
        return {}
    return value if isinstance(value, dict) else {}


def usage(tokens: Tokens) -> Json:
    """Return ``tokens`` as Messages counts them: what was cached isn't part of the input."""
    return {
        "input_tokens": tokens.input - tokens.cache_read - tokens.cache_write,
        "cache_creation_input_tokens": tokens.cache_write,
        "cache_read_input_tokens": tokens.cache_read,
        "output_tokens": tokens.output,
    }
