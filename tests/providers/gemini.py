"""Google's Gemini: ``POST /v1beta/models/MODEL:generateContent`` and ``:streamGenerateContent?alt=sse``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import orjson
from attrs import define, field

from tests.providers.gemini_check import check_request, in_camel_case
from tests.providers.http import Request
from tests.providers.script import Call, Reply, Tokens
from tests.providers.speaking import OUTPUT_TOOLS, Json, arguments, new_id, query, signature, sse

FINISH = {"end_turn": "STOP", "max_tokens": "MAX_TOKENS", "tool_use": "STOP", "refusal": "SAFETY"}
STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


class Gemini:
    """The protocol."""

    name = "google"

    def takes(self, request: Request) -> bool:
        return request.path.startswith("/v1beta/models/") and request.path.endswith("enerateContent")

    def streams(self, request: Request, body: Json) -> bool:
        return request.path.endswith(":streamGenerateContent")

    def speaker(self, request: Request, body: Json) -> GeminiSpeaker:
        thinking = (body.get("generationConfig") or {}).get("thinkingConfig") or {}
        return GeminiSpeaker(model_of(request), shows_thoughts=bool(thinking.get("includeThoughts")))

    def answers_by_tool(self, body: Json) -> str | None:
        declared = [function for tool in body.get("tools", ()) for function in tool.get("functionDeclarations", ())]
        names = [function.get("name", "") for function in declared]
        return next((name for name in names if name.startswith(OUTPUT_TOOLS)), None)

    def error(self, status: int, message: str, code: str | None = None) -> Json:
        error = {"code": status, "message": message, "status": STATUS.get(status, "UNKNOWN")}
        if code is not None:
            info = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": code, "domain": "googleapis.com"}
            error["details"] = [info]
        return {"error": error}

    def check(self, request: Request, body: Json, key: str) -> None:
        in_camel_case(body)
        streamed = request.path.endswith(":streamGenerateContent")
        check_request(request, body, key, model_of(request), sse=not streamed or query(request).get("alt") == ["sse"])


def model_of(request: Request) -> str:
    """Return the model that the address names."""
    return request.path.removeprefix("/v1beta/models/").partition(":")[0]


@define
class GeminiSpeaker:
    """Says a reply in pieces of a candidate. Function calls come whole, as Gemini sends them."""

    model: str
    shows_thoughts: bool
    id: str = field(factory=lambda: new_id(""))
    parts: list[Json] = field(factory=list)
    signed: bool = False

    def begin(self) -> bytes:
        return b""

    def text(self, parts: Sequence[str]) -> Iterator[bytes]:
        for part in parts:
            yield self._say({"text": part})

    def reasoning(self, parts: Sequence[str]) -> Iterator[bytes]:
        for part in parts if self.shows_thoughts else ():
            yield self._say({"text": part, "thought": True})

    def call(self, call: Call, parts: Sequence[str]) -> Iterator[bytes]:
        function: Json = {"name": call.tool, "args": _args(call)}
        if call.id is not None:
            function["id"] = call.id
        part: Json = {"functionCall": function}
        if not self.signed:
            part["thoughtSignature"] = signature(call.tool)
            self.signed = True
        yield self._say(part)

    def end(self, reply: Reply) -> bytes:
        last = {"content": {"parts": [{"text": ""}], "role": "model"}, "finishReason": FINISH[reply.stop_reason]}
        return sse({**self._head([{**last, "index": 0}]), "usageMetadata": usage(reply.tokens)})

    def trouble(self, status: int, message: str) -> bytes:
        return sse(Gemini().error(status, message))

    def whole(self, reply: Reply) -> Json:
        content = {"parts": self.parts, "role": "model"}
        candidate = {"content": content, "finishReason": FINISH[reply.stop_reason], "index": 0}
        return {**self._head([candidate]), "usageMetadata": usage(reply.tokens)}

    def _say(self, part: Json) -> bytes:
        self.parts.append(part)
        return sse(self._head([{"content": {"parts": [part], "role": "model"}, "index": 0}]))

    def _head(self, candidates: list[Json]) -> Json:
        return {"candidates": candidates, "modelVersion": self.model, "responseId": self.id}


def _args(call: Call) -> object:
    """Return the arguments; what is no JSON comes as a string, for this protocol can't carry broken JSON."""
    written = arguments(call)
    try:
        return orjson.loads(written or "{}")
    except orjson.JSONDecodeError:
        return {"": written}


def usage(tokens: Tokens) -> Json:
    """Return ``tokens`` as Gemini counts them: thoughts are not among the candidates' tokens."""
    counted = {
        "promptTokenCount": tokens.input,
        "candidatesTokenCount": tokens.output - tokens.reasoning,
        "totalTokenCount": tokens.input + tokens.output,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": tokens.input}],
    }
    if tokens.cache_read:
        counted["cachedContentTokenCount"] = tokens.cache_read
    if tokens.reasoning:
        counted["thoughtsTokenCount"] = tokens.reasoning
    return counted
