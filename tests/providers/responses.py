"""OpenAI's Responses: ``POST /v1/responses``, without state on the server's side."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from attrs import define, field

from tests.providers.http import Request
from tests.providers.openai_errors import error_body
from tests.providers.responses_check import check_request
from tests.providers.script import Call, Reply, Tokens
from tests.providers.speaking import OUTPUT_TOOLS, Json, arguments, new_id, signature, sse

ENDS = {"max_tokens": "max_output_tokens", "refusal": "content_filter"}
"""The stop reasons that leave a response incomplete."""


class Responses:
    """The protocol."""

    name = "openai-responses"

    def takes(self, request: Request) -> bool:
        return request.path == "/v1/responses"

    def streams(self, request: Request, body: Json) -> bool:
        return bool(body.get("stream"))

    def speaker(self, request: Request, body: Json) -> ResponsesSpeaker:
        return ResponsesSpeaker(body)

    def answers_by_tool(self, body: Json) -> str | None:
        names = [tool.get("name", "") for tool in body.get("tools", ())]
        return next((name for name in names if name.startswith(OUTPUT_TOOLS)), None)

    def error(self, status: int, message: str, code: str | None = None) -> Json:
        return error_body(status, message, code)

    def check(self, request: Request, body: Json, key: str) -> None:
        check_request(request, body, key)


@define
class ResponsesSpeaker:
    """Says a reply as the events of a response, each with its number."""

    asked: Json
    id: str = field(factory=lambda: new_id("resp_"))
    created: float = field(factory=lambda: float(int(time.time())))
    output: list[Json] = field(factory=list)
    sequence: int = -1

    def begin(self) -> bytes:
        started = self._response("in_progress")
        return self._event("response.created", response=started) + self._event("response.in_progress", response=started)

    def text(self, parts: Sequence[str]) -> Iterator[bytes]:
        item = {"id": new_id("msg_"), "type": "message", "role": "assistant", "status": "in_progress", "content": []}
        at: Json = {"item_id": item["id"], "output_index": len(self.output), "content_index": 0}
        part = {"type": "output_text", "annotations": [], "logprobs": [], "text": ""}
        opening = self._added(item) + self._event("response.content_part.added", **at, part=part)
        for piece in parts:
            yield opening + self._event("response.output_text.delta", **at, delta=piece, logprobs=[])
            opening = b""
        whole = {**part, "text": "".join(parts)}
        closing = self._event("response.output_text.done", **at, text=whole["text"], logprobs=[])
        closing += self._event("response.content_part.done", **at, part=whole)
        yield opening + closing + self._done({**item, "status": "completed", "content": [whole]})

    def reasoning(self, parts: Sequence[str]) -> Iterator[bytes]:
        item: Json = {"id": new_id("rs_"), "type": "reasoning", "summary": []}
        at: Json = {"item_id": item["id"], "output_index": len(self.output), "summary_index": 0}
        part = {"type": "summary_text", "text": ""}
        opening = self._added(item) + self._event("response.reasoning_summary_part.added", **at, part=part)
        for piece in parts:
            yield opening + self._event("response.reasoning_summary_text.delta", **at, delta=piece)
            opening = b""
        whole = {**part, "text": "".join(parts)}
        closing = self._event("response.reasoning_summary_text.done", **at, text=whole["text"])
        closing += self._event("response.reasoning_summary_part.done", **at, part=whole)
        if "reasoning.encrypted_content" in (self.asked.get("include") or ()):
            item["encrypted_content"] = signature(item["id"])
        yield opening + closing + self._done({**item, "summary": [whole]})

    def call(self, call: Call, parts: Sequence[str]) -> Iterator[bytes]:
        call_id = new_id("call_") if call.id is None else call.id
        item: Json = {"id": new_id("fc_"), "type": "function_call", "status": "in_progress", "arguments": ""}
        item |= {"call_id": call_id, "name": call.tool}
        at: Json = {"item_id": item["id"], "output_index": len(self.output)}
        yield self._added(item)
        for piece in parts:
            yield self._event("response.function_call_arguments.delta", **at, delta=piece)
        written = arguments(call)
        closing = self._event("response.function_call_arguments.done", **at, arguments=written, name=call.tool)
        yield closing + self._done({**item, "status": "completed", "arguments": written})

    def end(self, reply: Reply) -> bytes:
        response = self.whole(reply)
        return self._event(f"response.{response['status']}", response=response)

    def trouble(self, status: int, message: str) -> bytes:
        error = {"code": "rate_limit_exceeded" if status == 429 else "server_error", "message": message}
        return self._event("response.failed", response={**self._response("failed"), "error": error})

    def whole(self, reply: Reply) -> Json:
        why = ENDS.get(reply.stop_reason)
        response = self._response("incomplete" if why else "completed")
        return {**response, "incomplete_details": {"reason": why} if why else None, "usage": usage(reply.tokens)}

    def _added(self, item: Json) -> bytes:
        return self._event("response.output_item.added", output_index=len(self.output), item=item)

    def _done(self, item: Json) -> bytes:
        self.output.append(item)
        return self._event("response.output_item.done", output_index=len(self.output) - 1, item=item)

    def _event(self, kind: str, **fields: object) -> bytes:
        self.sequence += 1
        return sse({"type": kind, "sequence_number": self.sequence, **fields}, kind)

    def _response(self, status: str) -> Json:
        asked = self.asked
        return {
            "id": self.id,
            "object": "response",
            "created_at": self.created,
            "status": status,
            "error": None,
            "incomplete_details": None,
            "instructions": asked.get("instructions"),
            "max_output_tokens": asked.get("max_output_tokens"),
            "model": asked["model"],
            "output": list(self.output),
            "parallel_tool_calls": asked.get("parallel_tool_calls", True),
            "previous_response_id": None,
            "reasoning": asked.get("reasoning") or {"effort": None, "summary": None},
            "store": asked.get("store", True),
            "temperature": asked.get("temperature", 1.0),
            "text": asked.get("text") or {"format": {"type": "text"}},
            "tool_choice": asked.get("tool_choice", "auto"),
            "tools": asked.get("tools") or [],
            "top_p": asked.get("top_p", 1.0),
            "truncation": "disabled",
            "usage": None,
            "metadata": {},
        }


def usage(tokens: Tokens) -> Json:
    """Return ``tokens`` as Responses counts them."""
    return {
        "input_tokens": tokens.input,
        "input_tokens_details": {"cached_tokens": tokens.cache_read, "cache_write_tokens": tokens.cache_write},
        "output_tokens": tokens.output,
        "output_tokens_details": {"reasoning_tokens": tokens.reasoning},
        "total_tokens": tokens.input + tokens.output,
    }
