"""OpenAI's Chat Completions, which most servers of open models speak too: ``POST /v1/chat/completions``."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from attrs import define, field

from tests.providers.checking import DATA_URL, image, named, number, only, require, schema, unique, words
from tests.providers.http import Request
from tests.providers.openai_errors import authorise, error_body, known_tools
from tests.providers.script import Call, Reply, Tokens
from tests.providers.speaking import OUTPUT_TOOLS, Json, arguments, new_id, signature, sse

FINISH = {"end_turn": "stop", "max_tokens": "length", "tool_use": "tool_calls", "refusal": "content_filter"}

PARAMETERS = words(
    "audio frequency_penalty logit_bias logprobs max_completion_tokens max_tokens messages metadata modalities model n "
    "parallel_tool_calls prediction presence_penalty prompt_cache_key prompt_cache_retention reasoning_effort "
    "response_format safety_identifier seed service_tier stop store stream stream_options temperature tool_choice "
    "tools top_logprobs top_p user verbosity web_search_options"
)
ROLES = frozenset({"system", "developer", "user", "assistant", "tool"})


class ChatCompletions:
    """The protocol."""

    name = "openai"

    def takes(self, request: Request) -> bool:
        return request.path == "/v1/chat/completions"

    def streams(self, request: Request, body: Json) -> bool:
        return bool(body.get("stream"))

    def speaker(self, request: Request, body: Json) -> ChatSpeaker:
        options = body.get("stream_options") or {}
        return ChatSpeaker(body["model"], counts=bool(options.get("include_usage")))

    def answers_by_tool(self, body: Json) -> str | None:
        names = [tool["function"]["name"] for tool in body.get("tools", ())]
        return next((name for name in names if name.startswith(OUTPUT_TOOLS)), None)

    def error(self, status: int, message: str, code: str | None = None) -> Json:
        return error_body(status, message, code)

    def check(self, request: Request, body: Json, key: str) -> None:
        authorise(request, key)
        only(body, PARAMETERS, "Unrecognized request argument supplied: {}")
        require(isinstance(body.get("model"), str) and body["model"], "you must provide a model parameter")
        number(body, "temperature", 0, 2)
        number(body, "top_p", 0, 1)
        for limit in ("max_tokens", "max_completion_tokens"):
            number(body, limit, 1, 2**31, whole=True)
        both = body.get("max_tokens") is not None and body.get("max_completion_tokens") is not None
        require(not both, "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.")
        options = body.get("stream_options") is None or body.get("stream")
        require(options, "The 'stream_options' parameter is only allowed when 'stream' is enabled.")
        _check_tools(body)
        _check_format(body.get("response_format"))
        _check_messages(body.get("messages"))


def _check_tools(body: Json) -> None:
    tools = body.get("tools")
    if tools is None:
        chosen = body.get("tool_choice") is None and body.get("parallel_tool_calls") is None
        require(chosen, "Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are specified.")
        return
    require(tools, "Invalid 'tools': empty array. Expected an array with minimum length 1, but got an empty array.")
    for index, tool in enumerate(tools):
        require(tool.get("type") == "function", f"Missing required parameter: 'tools[{index}].type'.")
        function = tool.get("function") or {}
        named(function.get("name"), r"[a-zA-Z0-9_-]{1,64}", f"tools[{index}].function.name")
        if "parameters" in function:
            where = f"Invalid schema for function '{function['name']}'"
            schema(function["parameters"], where, strict=bool(function.get("strict")))
    unique([tool["function"]["name"] for tool in tools], "Invalid 'tools': duplicate function name '{}'.")
    known_tools(body.get("tool_choice"), {tool["function"]["name"] for tool in tools})


def _check_format(wanted: Json | None) -> None:
    if wanted is None:
        return
    require(wanted.get("type") in {"text", "json_object", "json_schema"}, "Invalid value: 'response_format.type'.")
    if wanted["type"] == "json_schema":
        inner = wanted.get("json_schema") or {}
        named(inner.get("name"), r"[a-zA-Z0-9_-]{1,64}", "response_format.json_schema.name")
        schema(inner.get("schema"), "Invalid schema for response_format", strict=bool(inner.get("strict")))


def _check_messages(messages: object) -> None:
    require(isinstance(messages, list) and messages, "Invalid 'messages': empty array.")
    assert isinstance(messages, list)
    waiting: list[str] = []
    for index, message in enumerate(messages):
        role = message.get("role")
        require(role in ROLES, f"Invalid value: {role!r}. Supported values are: {sorted(ROLES)}.")
        if role == "tool":
            _take_result(message, index, waiting)
            continue
        require(not waiting, _unanswered(waiting))
        waiting = _check_message(message, index)
    require(not waiting, _unanswered(waiting))


def _take_result(message: Json, index: int, waiting: list[str]) -> None:
    place = f"messages.[{index}].role"
    follows = "messages with role 'tool' must be a response to a preceeding message with 'tool_calls'."
    require(message.get("tool_call_id") in waiting, f"Invalid parameter: {follows} ({place})")
    _check_content(message.get("content"), index)
    waiting.remove(message["tool_call_id"])


def _unanswered(waiting: list[str]) -> str:
    return (
        "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. "
        f"The following tool_call_ids did not have response messages: {', '.join(waiting)}"
    )


def _check_message(message: Json, index: int) -> list[str]:
    """Return the ids of the calls that have to be answered next."""
    calls = message.get("tool_calls")
    if message["role"] != "assistant":
        require(calls is None, f"Unrecognized parameter: 'messages[{index}].tool_calls'.")
        _check_content(message.get("content"), index)
        return []
    require(calls is None or calls, f"Invalid 'messages[{index}].tool_calls': empty array.")
    if not calls:
        _check_content(message.get("content"), index)
    for call in calls or ():
        whole = isinstance(call["function"].get("arguments"), str) and call.get("id") and call.get("type")
        require(whole, f"Missing required parameter: 'messages[{index}].tool_calls[0]'.")
    return [call["id"] for call in calls or ()]


def _check_content(content: object, index: int) -> None:
    missing = f"Invalid value for 'content': expected a string, got null. (messages.[{index}].content)"
    require(content is not None and content != [], missing)
    for part in content if isinstance(content, list) else ():
        known = part.get("type") in {"text", "image_url", "input_audio", "file", "refusal"}
        require(known, f"Invalid value: {part.get('type')!r} (messages[{index}].content)")
        if part["type"] == "image_url":
            match = DATA_URL.fullmatch(part["image_url"]["url"])
            require(match or part["image_url"]["url"].startswith("http"), "Invalid image URL.", "invalid_image_url")
            if match:
                image(match[1], match[2], f"messages[{index}].content")


@define
class ChatSpeaker:
    """Says a reply in chunks of a completion."""

    model: str
    counts: bool
    id: str = field(factory=lambda: new_id("chatcmpl-"))
    created: int = field(factory=lambda: int(time.time()))
    said: list[str] = field(factory=list)
    thought: list[str] = field(factory=list)
    calls: list[Json] = field(factory=list)

    def begin(self) -> bytes:
        return self._chunk({"role": "assistant", "content": "", "refusal": None})

    def text(self, parts: Sequence[str]) -> Iterator[bytes]:
        for part in parts:
            self.said.append(part)
            yield self._chunk({"content": part})

    def reasoning(self, parts: Sequence[str]) -> Iterator[bytes]:
        for part in parts:
            self.thought.append(part)
            yield self._chunk({"reasoning_content": part})

    def call(self, call: Call, parts: Sequence[str]) -> Iterator[bytes]:
        call_id = new_id("call_") if call.id is None else call.id
        index = len(self.calls)
        function = {"name": call.tool, "arguments": arguments(call)}
        self.calls.append({"id": call_id, "type": "function", "function": function})
        first = {"index": index, "id": call_id, "type": "function", "function": {**function, "arguments": ""}}
        yield self._chunk({"tool_calls": [first]})
        for part in parts:
            yield self._chunk({"tool_calls": [{"index": index, "function": {"arguments": part}}]})

    def end(self, reply: Reply) -> bytes:
        last = self._chunk({}, FINISH[reply.stop_reason])
        if self.counts:
            last += sse({**self._head("chat.completion.chunk"), "choices": [], "usage": usage(reply.tokens)})
        return last + sse(b"[DONE]")

    def trouble(self, status: int, message: str) -> bytes:
        return sse(error_body(status, message))

    def whole(self, reply: Reply) -> Json:
        message: Json = {"role": "assistant", "content": "".join(self.said) or None, "refusal": None, "annotations": []}
        if self.thought:
            message["reasoning_content"] = "".join(self.thought)
        if self.calls:
            message["tool_calls"] = self.calls
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": FINISH[reply.stop_reason]}
        return {**self._head("chat.completion"), "choices": [choice], "usage": usage(reply.tokens)}

    def _head(self, kind: str) -> Json:
        named_as = {"id": self.id, "object": kind, "created": self.created, "model": self.model}
        return {**named_as, "service_tier": "default", "system_fingerprint": f"fp_{signature(self.model)[:10]}"}

    def _chunk(self, delta: Json, finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        usage_so_far = {"usage": None} if self.counts else {}
        return sse({**self._head("chat.completion.chunk"), "choices": [choice], **usage_so_far})


def usage(tokens: Tokens) -> Json:
    """Return ``tokens`` as Chat Completions counts them."""
    return {
        "prompt_tokens": tokens.input,
        "completion_tokens": tokens.output,
        "total_tokens": tokens.input + tokens.output,
        "prompt_tokens_details": {"cached_tokens": tokens.cache_read, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": tokens.reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }
