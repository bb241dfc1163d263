"""What both of OpenAI's protocols share: the key, the form of an error, the choice of tools."""

from __future__ import annotations

from tests.providers.checking import require
from tests.providers.http import Request
from tests.providers.speaking import Json, RefusedError

KINDS = {
    400: ("invalid_request_error", None),
    401: ("invalid_request_error", "invalid_api_key"),
    403: ("invalid_request_error", "unsupported_country_region_territory"),
    404: ("invalid_request_error", "model_not_found"),
    429: ("requests", "rate_limit_exceeded"),
}


def error_body(status: int, message: str, code: str | None = None) -> Json:
    """Return the body of an error."""
    kind, usual = KINDS.get(status, ("server_error", None))
    return {"error": {"message": message, "type": kind, "param": None, "code": code or usual}}


def authorise(request: Request, key: str) -> None:
    """Refuse a request without the key; like the real one, say what was given, masked."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not given:
        raise RefusedError("You didn't provide an API key.", 401)
    if given != key:
        masked = f"{given[:4]}{'*' * 12}{given[-4:]}" if len(given) > 8 else "*" * len(given)
        raise RefusedError(f"Incorrect API key provided: {masked}.", 401, "invalid_api_key")
    require(request.headers.get("content-type", "").startswith("application/json"), "you must send JSON")


def known_tools(choice: object, names: set[str]) -> None:
    """Refuse a choice of a tool that isn't offered."""
    if not isinstance(choice, dict):
        require(choice in {None, "none", "auto", "required"}, f"Invalid value: {choice!r} ('tool_choice').")
        return
    allowed = choice.get("allowed_tools", choice)
    picked = allowed.get("tools", [choice]) if isinstance(allowed, dict) else [choice]
    for tool in picked:
        name = tool.get("function", tool).get("name")
        require(name in names, f"Tool choice '{name}' not found in 'tools' parameter.")
