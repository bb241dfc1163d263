"""Prompts in blocks: text, and what comes with it."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping, Sequence
from typing import Any

IMAGES = (".png", ".jpg", ".jpeg", ".gif", ".webp")
"""The endings of the images that every provider takes."""

Block = Mapping[str, Any]
Prompt = str | Sequence[Block]
"""What a user says: text, or blocks. ``PromptBlock`` in the schema has every form of a block."""


def text(content: str) -> Block:
    """Return a block of text."""
    return {"type": "text", "text": content}


def attached(path: str | os.PathLike[str], *, media_type: str | None = None) -> Block:
    """Return the block by which the server reads a file now and keeps what is in it: an image, going by its ending, or
    any other file. A relative path begins where this process is."""
    where = os.path.abspath(path)
    return _block(os.path.basename(where), media_type, path=where)


def attached_bytes(content: bytes, name: str, *, media_type: str | None = None) -> Block:
    """Return the block for ``content`` as if it were a file of that name."""
    return _block(name, media_type, data=base64.b64encode(content).decode())


def attached_again(attachment: Mapping[str, Any]) -> Block:
    """Return the block for an attachment that a message of the history has: its content is not sent again."""
    about = {name: attachment[name] for name in ("name", "media_type", "digest")}
    return {"type": attachment["kind"], **about}


def _block(name: str, media_type: str | None, **content: str) -> Block:
    is_image = media_type.startswith("image/") if media_type else name.lower().endswith(IMAGES)
    typed = {"media_type": media_type} if media_type else {}
    return {"type": "image" if is_image else "file", "name": name, **typed, **content}
