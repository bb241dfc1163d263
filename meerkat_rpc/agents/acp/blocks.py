"""From a prompt and what came with it to the protocol's content blocks, as far as the agent takes them."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from attrs import frozen

from meerkat_rpc.agents.acp.lines import Message
from meerkat_rpc.domain import Attachment

if TYPE_CHECKING:
    from acp.schema import PromptCapabilities

MAX_NAME_CHARS = 100
"""How much of an attachment's name its temporary file keeps: file systems take 255 bytes."""


def text_block(text: str) -> Message:
    """Return ``text`` as a block."""
    return {"type": "text", "text": text}


@frozen
class PromptBlocks:
    """Makes blocks for one agent.

    Args:
        takes: what the agent takes besides text and links, which every agent does.
        content: returns an attachment's bytes by its digest.
        scratch: returns a private folder that lasts as long as the agent.
    """

    takes: PromptCapabilities
    content: Callable[[str], Awaitable[bytes]]
    scratch: Callable[[], Path]

    async def of(self, prompt: str, attachments: Sequence[Attachment]) -> list[Message]:
        """Return a prompt's blocks."""
        attached = [await self._attached(item) for item in attachments]
        return [text_block(prompt), *attached] if prompt or not attached else attached

    async def _attached(self, item: Attachment) -> Message:
        content = await self.content(item.digest)
        if item.kind == "image" and self.takes.image:
            return {"type": "image", "mimeType": item.media_type, "data": base64.b64encode(content).decode()}
        text = None if item.kind == "image" else _text(content)
        if self.takes.embedded_context and item.kind == "file":
            return {"type": "resource", "resource": _resource(item, content, text)}
        if text is not None:
            return text_block(f"The user attached the file {item.name}:\n\n{text}")
        path = await asyncio.to_thread(self._put_down, item, content)
        link = {"type": "resource_link", "uri": path.as_uri(), "name": item.name, "size": item.size}
        return {**link, "mimeType": item.media_type}

    def _put_down(self, item: Attachment, content: bytes) -> Path:
        """Write an attachment that the agent takes no other way to a file, for it to open."""
        folder = self.scratch() / item.digest[:16]
        folder.mkdir(mode=0o700, exist_ok=True)
        name = "".join(char if char.isalnum() or char in "._- " else "_" for char in item.name[-MAX_NAME_CHARS:])
        path = folder / (name.strip(". ") or "attachment")
        path.write_bytes(content)
        return path


def _resource(item: Attachment, content: bytes, text: str | None) -> Message:
    about = {"uri": f"attachment:///{quote(item.name)}", "mimeType": item.media_type}
    return {**about, "text": text} if text is not None else {**about, "blob": base64.b64encode(content).decode()}


def _text(content: bytes) -> str | None:
    """Return ``content`` as text, None where it is none: a media type is a guess by the file's name."""
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text
