"""The protocol's content blocks as people and models read them, within bounds.

Blocks come from somebody else's program: whatever is not as the protocol says is left out, and what is large is named
instead of repeated.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import orjson

from meerkat_rpc.domain import JSON
from meerkat_rpc.tools.builtin.diffs import diff

MAX_TEXT_CHARS = 200_000
"""How much of one text in a tool's result is kept: more than a model reads with profit, less than a log's worth."""


def text_of(block: Any) -> str:
    """Return what ``block`` says, as the assistant's text: a picture or a link becomes its name."""
    if not isinstance(block, dict):
        return ""
    match block.get("type"):
        case "text":
            return _string(block.get("text"))
        case "resource_link":
            return f"[{_string(block.get('title')) or _string(block.get('name'))}]({_string(block.get('uri'))})"
        case "resource":
            resource = block.get("resource")
            resource = resource if isinstance(resource, dict) else {}
            return _string(resource.get("text")) or f"[{_string(resource.get('uri'))}]"
        case "image" | "audio" as kind:
            return f"[{kind}: {_string(block.get('mimeType'))}]"
        case _:
            return ""


async def tool_content(items: Any) -> JSON:
    """Return what a tool call has to show: its text alone, or a list where there is more; None where there is nothing.

    A changed file is shown as a unified diff.
    """
    shown = [await _shown(item) for item in items if isinstance(item, dict)] if isinstance(items, list) else []
    shown = [item for item in shown if item]
    texts = [item for item in shown if isinstance(item, str)]
    if len(texts) == len(shown):
        return "\n".join(texts) or None
    return [{"type": "text", "text": item} if isinstance(item, str) else item for item in shown]


async def _shown(item: dict[str, Any]) -> JSON:
    match item.get("type"):
        case "diff":
            path, old, new = _string(item.get("path")), item.get("oldText"), _string(item.get("newText"))
            return {"type": "diff", "path": path, "diff": await changes(path, _string(old) or None, new)}
        case "content":
            block = item.get("content")
            if isinstance(block, dict) and block.get("type") in {"image", "audio"}:
                size = len(_string(block.get("data"))) * 3 // 4
                return {"type": block["type"], "media_type": _string(block.get("mimeType")), "bytes": size}
            return cut(text_of(block))
        case _:
            return None


async def changes(path: str, before: str | None, after: str) -> str:
    """Return what changes in the file at ``path``, as a unified diff; ``before`` is None where there is no file yet."""
    return (await asyncio.to_thread(diff, path.lstrip("/"), before, after)).text


def cut(text: str) -> str:
    """Return ``text``, cut where it is too long."""
    return text if len(text) <= MAX_TEXT_CHARS else f"{text[:MAX_TEXT_CHARS]}… ({len(text)} characters in all)"


def bounded(value: JSON) -> JSON:
    """Return ``value`` if it is small and shallow enough to be kept, else the beginning of its text."""
    try:
        encoded = orjson.dumps(value)
    except (orjson.JSONEncodeError, RecursionError):
        return cut(str(value)) if not isinstance(value, dict | list) else "(nested too deeply to be kept)"
    return value if len(encoded) <= MAX_TEXT_CHARS else cut(encoded.decode())


def paths_of(call: dict[str, Any]) -> Sequence[str]:
    """Return the files that a tool call names: its places, and what its diffs change."""
    named = [
        *_items(call.get("locations")),
        *(item for item in _items(call.get("content")) if item.get("type") == "diff"),
    ]
    return list(dict.fromkeys(path for item in named if (path := _string(item.get("path")))))


def _items(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _string(value: Any) -> str:
    return value if isinstance(value, str) else ""
