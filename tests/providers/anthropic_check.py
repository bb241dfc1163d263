"""What Messages takes."""

from __future__ import annotations

from collections.abc import Sequence

from tests.providers.checking import image, named, number, only, require, schema, unique, words
from tests.providers.http import Request
from tests.providers.speaking import Json, RefusedError, signature

PARAMETERS = words(
    "betas cache_control container context_management inference_geo max_tokens mcp_servers messages metadata model "
    "output_config output_format service_tier speed stop_sequences stream system temperature thinking tool_choice "
    "tools top_k top_p"
)
VERSIONS = frozenset({"2023-06-01", "2026-10-21"})
"""Of the API. The newer one has no parameters of sampling."""

SAMPLING = ("temperature", "top_p", "top_k")
MIN_THINKING = 1024
"""Tokens: the smallest budget of reasoning."""


def check_request(request: Request, body: Json, key: str) -> None:
    """Check a request.

    Raises:
        RefusedError: the provider would not take it.
    """
    _authorise(request, key)
    only(body, PARAMETERS, "{}: Extra inputs are not permitted")
    require(isinstance(body.get("model"), str) and body["model"], "model: Field required")
    require(body.get("max_tokens") is not None, "max_tokens: Field required")
    number(body, "max_tokens", 1, 2**31, whole=True)
    _check_sampling(body, request.headers["anthropic-version"])
    thinks = _check_thinking(body)
    _check_tools(body)
    _check_system(body.get("system"))
    _check_messages(body.get("messages"))
    if thinks:
        _check_thought(body["messages"])


def _authorise(request: Request, key: str) -> None:
    bearer = request.headers.get("authorization", "").removeprefix("Bearer ")
    given = request.headers.get("x-api-key") or bearer
    if not given:
        raise RefusedError("x-api-key header is required", 401)
    if given != key:
        raise RefusedError("invalid x-api-key", 401)
    require(request.headers.get("anthropic-version") in VERSIONS, "anthropic-version: header is required")


def _check_sampling(body: Json, version: str) -> None:
    for name in SAMPLING if version > "2023-06-01" else ():
        require(name not in body, f"{name}: Extra inputs are not permitted")
    number(body, "temperature", 0, 1)
    number(body, "top_p", 0, 1)


def _check_thinking(body: Json) -> bool:
    """Return whether the model has to think before each call of a tool, and not only when it wants to."""
    thinking = body.get("thinking") or {"type": "disabled"}
    require(thinking.get("type") in {"enabled", "disabled", "adaptive"}, "thinking.type: invalid value")
    if thinking["type"] != "enabled":
        return False
    budget = thinking.get("budget_tokens") or 0
    require(budget >= MIN_THINKING, "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024")
    require(budget < body["max_tokens"], "`max_tokens` must be greater than `thinking.budget_tokens`.")
    warm = body.get("temperature") in {None, 1}
    require(warm, "`temperature` may only be set to 1 when thinking is enabled.")
    free = (body.get("tool_choice") or {}).get("type") in {None, "auto", "none"}
    require(free, "Thinking may not be enabled when tool_choice forces tool use.")
    return True


def _check_tools(body: Json) -> None:
    tools = body.get("tools") or []
    for index, tool in enumerate(tools):
        where = f"tools.{index}.custom"
        require(tool.get("type", "custom") in {"custom", None}, f"tools.{index}: no such tool here: {tool.get('type')}")
        named(tool.get("name"), r"[a-zA-Z0-9_-]{1,128}", f"{where}.name")
        schema(tool.get("input_schema"), f"{where}.input_schema", strict=bool(tool.get("strict")))
    unique([tool["name"] for tool in tools], "tools: Tool names must be unique.")
    choice = body.get("tool_choice")
    if choice is not None:
        require(tools or choice.get("type") == "none", "tool_choice may only be specified while providing tools")
        known = choice.get("type") != "tool" or choice.get("name") in {tool["name"] for tool in tools}
        require(known, f"Tool '{choice.get('name')}' not found in provided tools")


def _check_system(system: object) -> None:
    for index, block in enumerate(system if isinstance(system, list) else ()):
        require(block.get("type") == "text", f"system.{index}.type: must be text")
        require(block.get("text"), "system: text content blocks must be non-empty")


def _check_messages(messages: object) -> None:
    require(isinstance(messages, list) and messages, "messages: at least one message is required")
    assert isinstance(messages, list)
    messages = [message for message in messages if message.get("role") != "system"]
    require(messages and messages[0].get("role") == "user", 'messages: first message must use the "user" role')
    waiting: list[str] = []
    for index, (role, blocks) in enumerate(_merged(messages)):
        where = f"messages.{index}"
        require(role in {"user", "assistant"}, f"{where}.role: unexpected value {role!r}")
        require(blocks, f"{where}: all messages must have non-empty content")
        answered = [block.get("tool_use_id") for block in blocks if block.get("type") == "tool_result"]
        _check_results(waiting, answered, where)
        for place, block in enumerate(blocks):
            _check_block(block, role, f"{where}.content.{place}")
        waiting = [block["id"] for block in blocks if block.get("type") == "tool_use"]
        unique(waiting, "messages: `tool_use` ids must be unique: {}")
    _check_last(messages[-1], waiting)


def _merged(messages: Sequence[Json]) -> list[tuple[str, list[Json]]]:
    """Return the messages as turns: consecutive ones of a role are one."""
    turns: list[tuple[str, list[Json]]] = []
    for message in messages:
        role, content = message.get("role", ""), message.get("content")
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else list(content or ())
        if turns and turns[-1][0] == role:
            turns[-1][1].extend(blocks)
        else:
            turns.append((role, blocks))
    return turns


def _check_results(waiting: Sequence[str], answered: Sequence[str | None], where: str) -> None:
    for call_id in answered:
        known = call_id in waiting
        require(known, f"{where}: unexpected `tool_use_id` found in `tool_result` blocks: {call_id}.")
    missing = [call_id for call_id in waiting if call_id not in answered]
    lost = f"{where}: `tool_use` ids were found without `tool_result` blocks immediately after: {', '.join(missing)}."
    require(not missing, lost)
    require(len(answered) == len(set(answered)), f"{where}: each tool_use must have a single result.")


def _check_block(block: Json, role: str, where: str) -> None:
    kind = block.get("type")
    own = {"text", "thinking", "redacted_thinking", "tool_use"} if role == "assistant" else _OF_USERS
    require(kind in own, f"{where}: Input tag '{kind}' found using 'type' does not match any of the expected tags")
    if kind == "text":
        require((block.get("text") or "").strip(), "messages: text content blocks must contain non-whitespace text")
    elif kind == "thinking":
        genuine = block.get("signature") == signature(block.get("thinking", ""))
        require(genuine, f"{where}: Invalid `signature` in `thinking` block")
    elif kind == "tool_use":
        named(block.get("id"), r"[a-zA-Z0-9_-]+", f"{where}.tool_use.id")
        require(isinstance(block.get("input"), dict), f"{where}.tool_use.input: Input should be a valid dictionary")
    elif kind == "image" and block["source"].get("type") == "base64":
        image(block["source"].get("media_type"), block["source"].get("data"), where)


_OF_USERS = frozenset({"text", "image", "document", "tool_result", "search_result"})


def _check_last(message: Json, waiting: Sequence[str]) -> None:
    lost = f"messages: `tool_use` ids were found without `tool_result` blocks immediately after: {', '.join(waiting)}."
    require(not waiting, lost)
    prefill = "This model does not support assistant message prefill. The conversation must end with a user message."
    require(message["role"] == "user", prefill)


def _check_thought(messages: Sequence[Json]) -> None:
    """Refuse a tool loop in mid-air whose assistant turn doesn't begin with what was thought."""
    turns = _merged(messages)
    results = any(block.get("type") == "tool_result" for block in turns[-1][1])
    if results:
        first = turns[-2][1][0].get("type")
        thought = first in {"thinking", "redacted_thinking"}
        expected = "Expected `thinking` or `redacted_thinking`, but found"
        rule = "When `thinking` is enabled, a final `assistant` message must start with a thinking block."
        require(thought, f"messages.{len(turns) - 2}.content.0.type: {expected} `{first}`. {rule}")
