"""What Gemini takes."""

from __future__ import annotations

from collections.abc import Sequence

from tests.providers.checking import image, named, number, only, require, schema, unique, words
from tests.providers.http import Request
from tests.providers.speaking import Json, RefusedError, query, signature

PARAMETERS = words(
    "cachedContent contents generationConfig labels safetySettings serviceTier systemInstruction toolConfig tools store"
)
CONFIG = words(
    "candidateCount enableEnhancedCivicAnswers frequencyPenalty imageConfig logprobs maxOutputTokens mediaResolution "
    "presencePenalty responseJsonSchema responseLogprobs responseMimeType responseModalities responseSchema seed "
    "speechConfig stopSequences temperature thinkingConfig topK topP"
)
DATA = frozenset({"text", "inlineData", "fileData", "functionCall", "functionResponse"})
BESIDE_DATA = frozenset({"thought", "thoughtSignature", "videoMetadata", "mediaResolution", "partMetadata"})
NAME = r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,127}"
UNSIGNED = frozenset({"skip_thought_signature_validator", "c2tpcF90aG91Z2h0X3NpZ25hdHVyZV92YWxpZGF0b3I="})
"""What stands in for the signature of a call that another model made, plain or in base64."""


FREE = frozenset({"args", "response", "parametersJsonSchema", "responseJsonSchema", "parameters", "responseSchema"})
"""Keys whose value isn't Google's to spell."""


def in_camel_case(node: object) -> None:
    """Spell the keys below ``node`` in camel case: the real one takes either spelling."""
    if isinstance(node, list):
        for item in node:
            in_camel_case(item)
    elif isinstance(node, dict):
        for key in list(node):
            first, *others = key.split("_")
            name = first + "".join(map(str.capitalize, others))
            node[name] = node.pop(key)
            if name not in FREE:
                in_camel_case(node[name])


def check_request(request: Request, body: Json, key: str, model: str, *, sse: bool) -> None:
    """Check a request.

    Raises:
        RefusedError: the provider would not take it.
    """
    given = request.headers.get("x-goog-api-key") or query(request).get("key", [""])[0]
    if not given:
        raise RefusedError("Method doesn't allow unregistered callers.", 403)
    require(given == key, "API key not valid. Please pass a valid API key.", "API_KEY_INVALID")
    require(sse, "only alt=sse is served here")
    only(body, PARAMETERS, 'Invalid JSON payload received. Unknown name "{}": Cannot find field.')
    config = body.get("generationConfig") or {}
    only(config, CONFIG, "Invalid JSON payload received. Unknown name \"{}\" at 'generation_config'.")
    number(config, "temperature", 0, 2)
    number(config, "topP", 0, 1)
    number(config, "maxOutputTokens", 1, 2**31, whole=True)
    typed = not (config.get("responseSchema") or config.get("responseJsonSchema")) or (
        config.get("responseMimeType") == "application/json"
    )
    require(typed, "Response schema is only supported with response mime type application/json")
    _check_tools(body)
    _check_contents(body.get("contents"))
    if model.startswith("gemini-3"):
        _check_signatures(body["contents"])


def _check_tools(body: Json) -> None:
    names = []
    for tool in body.get("tools") or ():
        require(tool.keys() <= {"functionDeclarations"}, f"no such tool here: {', '.join(tool)}")
        for function in tool["functionDeclarations"]:
            name = function.get("name")
            named(name, NAME, "function_declarations.name")
            given = function.get("parametersJsonSchema")
            if given is not None:
                schema(given, f"function_declarations[{name}]")
            names.append(name)
    unique(names, "Duplicate function declaration found: {}")
    mode = ((body.get("toolConfig") or {}).get("functionCallingConfig") or {}).get("allowedFunctionNames") or ()
    for name in mode:
        require(name in names, f"allowed_function_names contains a name that isn't declared: {name}")


def _check_contents(contents: object) -> None:
    require(isinstance(contents, list) and contents, "GenerateContentRequest.contents: contents is not specified")
    assert isinstance(contents, list)
    calls: list[Json] = []
    for index, content in enumerate(contents):
        role = content.get("role", "user")
        require(role in {"user", "model"}, "Please use a valid role: user, model.")
        parts = content.get("parts")
        require(parts, f"GenerateContentRequest.contents[{index}].parts: contents.parts must not be empty.")
        for place, part in enumerate(parts):
            _check_part(part, f"contents[{index}].parts[{place}]")
        _check_results(calls, [part["functionResponse"] for part in parts if "functionResponse" in part])
        calls = [part["functionCall"] for part in parts if "functionCall" in part]
        after_user = index > 0 and contents[index - 1].get("role", "user") == "user"
        rule = "Please ensure that function call turn comes immediately after a user turn or after a function response."
        require(not calls or (role == "model" and after_user), rule)
    require(contents[-1].get("role", "user") == "user", "Please ensure that single turn requests end with a user role.")


def _check_part(part: Json, where: str) -> None:
    only(part, DATA | BESIDE_DATA, f"Invalid JSON payload received. Unknown name \"{{}}\" at '{where}'.")
    held = DATA & part.keys()
    require(len(held) == 1, f"{where}.data: required oneof field 'data' must have one initialized field")
    if "inlineData" in part:
        inline = part["inlineData"]
        require(inline.get("mimeType"), f"{where}.inline_data.mime_type: must be specified")
        if inline["mimeType"].startswith("image/"):
            image(inline["mimeType"], _standard(inline.get("data")), where)
    if "functionCall" in part:
        named(part["functionCall"].get("name"), NAME, f"{where}.function_call.name")
        require(isinstance(part["functionCall"].get("args", {}), dict), f"{where}.function_call.args: not a Struct")
    if "functionResponse" in part:
        response = part["functionResponse"]
        require(response.get("name"), f"{where}.function_response.name: Name cannot be empty.")
        require(isinstance(response.get("response"), dict), f"{where}.function_response.response: not a Struct")


def _standard(data: object) -> object:
    """Return base64 in the usual alphabet: Gemini takes either."""
    return data.replace("-", "+").replace("_", "/") if isinstance(data, str) else data


def _check_results(calls: Sequence[Json], results: Sequence[Json]) -> None:
    rule = "Please ensure that the number of function response parts is equal to the number of function call parts"
    require(len(calls) == len(results), f"{rule} of the function call turn.")
    asked, answered = (sorted(part.get("name", "") for part in parts) for parts in (calls, results))
    require(asked == answered, f"{rule}: {', '.join(asked)} were called, {', '.join(answered)} answered.")
    for call in calls:
        given = {result.get("id") for result in results}
        require(not call.get("id") or call["id"] in given or given == {None}, f"no response has the id {call['id']}")


def _check_signatures(contents: Sequence[Json]) -> None:
    """Refuse a step of the running turn whose first function call has lost its signature."""
    said = [index for index, content in enumerate(contents) if _is_prompt(content)]
    for content in contents[said[-1] if said else 0 :]:
        calls = [part for part in content["parts"] if "functionCall" in part]
        if calls:
            name, sign = calls[0]["functionCall"]["name"], calls[0].get("thoughtSignature")
            require(sign, f"Function call is missing a thought_signature in functionCall parts: {name}")
            genuine = sign in UNSIGNED or _standard(sign) == signature(name)
            require(genuine, "Thought signature is not valid.")


def _is_prompt(content: Json) -> bool:
    return content.get("role", "user") == "user" and any("functionResponse" not in part for part in content["parts"])
