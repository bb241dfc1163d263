"""What Responses takes."""

from __future__ import annotations

from tests.providers.checking import DATA_URL, image, named, number, only, require, schema, unique, words
from tests.providers.http import Request
from tests.providers.openai_errors import authorise, known_tools
from tests.providers.speaking import Json, signature

PARAMETERS = words(
    "background context_management conversation include input instructions max_output_tokens max_tool_calls metadata "
    "model parallel_tool_calls previous_response_id prompt prompt_cache_key prompt_cache_retention reasoning "
    "safety_identifier service_tier store stream stream_options temperature text tool_choice tools top_logprobs top_p "
    "truncation user"
)
ITEMS = frozenset({"message", "function_call", "function_call_output", "reasoning", "item_reference"})
PARTS = frozenset({"input_text", "input_image", "input_file", "output_text", "refusal"})


def check_request(request: Request, body: Json, key: str) -> None:
    """Check a request.

    Raises:
        RefusedError: the provider would not take it.
    """
    authorise(request, key)
    only(body, PARAMETERS, "Unknown parameter: '{}'.", "unknown_parameter")
    require(isinstance(body.get("model"), str) and body["model"], "Missing required parameter: 'model'.")
    number(body, "temperature", 0, 2)
    number(body, "top_p", 0, 1)
    number(body, "max_output_tokens", 16, 2**31, whole=True)
    kept = body.get("previous_response_id") is None and body.get("conversation") is None
    require(kept, "Previous response not found: nothing is kept here.", "previous_response_not_found")
    _check_tools(body)
    _check_format((body.get("text") or {}).get("format"))
    _check_input(body.get("input"))


def _check_tools(body: Json) -> None:
    tools = body.get("tools") or []
    for index, tool in enumerate(tools):
        require(tool.get("type") == "function", f"Invalid value: {tool.get('type')!r} ('tools[{index}].type').")
        require("function" not in tool, f"Unknown parameter: 'tools[{index}].function'.")
        named(tool.get("name"), r"[a-zA-Z0-9_-]{1,64}", f"tools[{index}].name")
        where = f"Invalid schema for function '{tool['name']}'"
        schema(tool.get("parameters"), where, strict=bool(tool.get("strict", True)))
    unique([tool["name"] for tool in tools], "Invalid 'tools': duplicate function name '{}'.")
    known_tools(body.get("tool_choice"), {tool["name"] for tool in tools})


def _check_format(wanted: Json | None) -> None:
    if wanted is not None and wanted.get("type") == "json_schema":
        named(wanted.get("name"), r"[a-zA-Z0-9_-]{1,64}", "text.format.name")
        schema(wanted.get("schema"), "Invalid schema for response_format", strict=bool(wanted.get("strict")))


def _check_input(items: object) -> None:
    require(items, "One of 'input' or 'previous_response_id' or 'prompt' or 'conversation' must be provided.")
    calls: list[str] = []
    answered: list[str] = []
    for index, item in enumerate(items if isinstance(items, list) else ()):
        kind = item.get("type", "message")
        require(kind in ITEMS, f"Invalid value: {kind!r} ('input[{index}].type').")
        if kind == "message":
            _check_message(item, index)
        elif kind == "function_call":
            require(isinstance(item.get("arguments"), str), f"Missing required parameter: 'input[{index}].arguments'.")
            require(item.get("call_id"), f"Invalid 'input[{index}].call_id': empty string.")
            calls.append(item["call_id"])
        elif kind == "function_call_output":
            known = item.get("call_id") in calls
            require(known, f"No tool call found for function call output with call_id {item.get('call_id')}.")
            answered.append(item["call_id"])
        elif kind == "reasoning":
            _check_reasoning(item, index, following=items[index + 1 :] if isinstance(items, list) else [])
    unique(answered, "Duplicate tool output for function call {}.")
    for call_id in calls:
        require(call_id in answered, f"No tool output found for function call {call_id}.")


def _check_message(item: Json, index: int) -> None:
    role, content = item.get("role"), item.get("content")
    require(role in {"user", "system", "developer", "assistant"}, f"Invalid value: {role!r} ('input[{index}].role').")
    require(content is not None and content != [], f"Missing required parameter: 'input[{index}].content'.")
    for part in content if isinstance(content, list) else ():
        kind = part.get("type")
        own = {"output_text", "refusal"} if role == "assistant" else PARTS - {"output_text", "refusal"}
        require(kind in own, f"Invalid value: {kind!r}. Supported values are: {sorted(own)} ('input[{index}]').")
        if kind == "input_image" and (match := DATA_URL.fullmatch(part.get("image_url") or "")):
            image(match[1], match[2], f"input[{index}].content")


def _check_reasoning(item: Json, index: int, following: list[Json]) -> None:
    require(isinstance(item.get("summary"), list), f"Missing required parameter: 'input[{index}].summary'.")
    sealed = item.get("encrypted_content")
    genuine = sealed == signature(item.get("id", ""))
    require(genuine, f"Item with id '{item.get('id')}' not found, and its encrypted content could not be verified.")
    after = following[0] if following else {}
    goes_on = after.get("type", "message") == "function_call" or after.get("role") == "assistant"
    chained = after.get("type") == "reasoning"
    alone = f"Item '{item.get('id')}' of type 'reasoning' was provided without its required following item."
    require(goes_on or chained, alone)
