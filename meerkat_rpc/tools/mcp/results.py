"""What a server answered to a call, as JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from meerkat_rpc.domain import JSON
from meerkat_rpc.tools.base import ToolOutcome

if TYPE_CHECKING:
    from mcp_types import CallToolResult, ContentBlock

MAX_DATA_CHARS = 128 << 10
"""How much base64 of an image, a sound or a file is passed on; of more than that only the size. No model reads base64
well, and half of it is of use to nobody."""


def outcome(result: CallToolResult) -> ToolOutcome:
    """Return the result: a lone text as a string, structured content as it is, anything else as a list of blocks."""
    blocks = [_block(block) for block in result.content]
    return ToolOutcome(_put_together(blocks, result.structured_content), result.is_error)


def _put_together(blocks: Sequence[JSON], structured: JSON) -> JSON:
    text = blocks[0]["text"] if len(blocks) == 1 and blocks[0]["type"] == "text" else None
    if structured is None:
        return blocks if text is None else text
    if text is not None and structured == {"result": text}:
        return text
    if not blocks or (text is not None and _says_the_same(text, structured)):
        return structured
    return {"structured_content": structured, "content": blocks}


def _says_the_same(text: str, structured: JSON) -> bool:
    """Return whether a text is only there for clients that don't know structured content."""
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return structured in (said, {"result": said})


def _block(block: ContentBlock) -> JSON:
    shown = block.model_dump(mode="json", by_alias=True, exclude_none=True)
    shown.pop("_meta", None)
    for holder in (shown, shown.get("resource")):
        if isinstance(holder, dict):
            _leave_out_long_data(holder)
    return shown


def _leave_out_long_data(holder: dict[str, JSON]) -> None:
    for name in ("data", "blob"):
        data = holder.get(name)
        if isinstance(data, str) and len(data) > MAX_DATA_CHARS:
            del holder[name]
            holder["note"] = f"{len(data) * 3 // 4} bytes, left out"
