"""What a model is shown of the attachments: images and documents it can read, text as text, and of the rest a note."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING

from attrs import frozen

from meerkat_rpc.agents.llm.providers import KINDS, Provider
from meerkat_rpc.domain import Attachment, Message

if TYPE_CHECKING:
    from pydantic_ai.messages import BinaryContent

SHOWN_TEXT_BYTES = 256 * 1024
"""How much of a text file is put into the prompt: some 75,000 tokens, more than most windows have room for."""

IMAGES = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
"""The formats that every vendor's models see."""

DOCUMENTS = frozenset({"application/pdf"})
"""Likewise, at the vendors' own addresses."""

Reads = Callable[[str], Awaitable[bytes]]


@frozen
class Attached:
    """What stands for an attachment in the prompt: ``text``, or ``content`` of ``media_type``, or both."""

    text: str = ""
    content: bytes | None = None
    media_type: str = ""

    def binary(self) -> BinaryContent:
        """Return the content as pydantic-ai has it."""
        from pydantic_ai.messages import BinaryContent

        assert self.content is not None
        return BinaryContent(self.content, media_type=self.media_type)


async def attachments_of(messages: Iterable[Message], read: Reads, readable: frozenset[str]) -> dict[str, Attached]:
    """Return what the attachments of ``messages`` become, by digest.

    Args:
        messages: the conversation.
        read: gives the content for a digest.
        readable: the media types that the model can read, besides text.
    """
    wanted = {one.digest: one for message in messages for one in message.attachments}
    return {digest: _attached(one, await read(digest), readable) for digest, one in wanted.items()}


def readable_by(provider: Provider) -> frozenset[str]:
    """Return the media types that the models of ``provider`` can read, as far as one can tell."""
    if provider.kind not in KINDS:
        return frozenset()
    return IMAGES | DOCUMENTS if provider.own else IMAGES


def _attached(attachment: Attachment, content: bytes, readable: frozenset[str]) -> Attached:
    media_type = attachment.media_type.partition(";")[0].strip().lower()
    if media_type in readable:
        return Attached(f"[attached: {attachment.name}]", content, media_type)
    return Attached(text_of(attachment, content))


def text_of(attachment: Attachment, content: bytes) -> str:
    """Return an attachment in words: a text file whole, in a fenced block; of anything else, that it was there."""
    text = _as_text(content)
    if text is None:
        return (
            f"[attached: {attachment.name}, {attachment.media_type}, {attachment.size} bytes; this model can't read it]"
        )
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall(r"`+", text)), default=0))
    cut = len(content) - SHOWN_TEXT_BYTES
    rest = f"\n[{cut} more bytes are not shown]" if cut > 0 else ""
    return f"{attachment.name}:\n{fence}\n{text}\n{fence}{rest}"


def _as_text(content: bytes) -> str | None:
    """Return the beginning of ``content`` as text; None where it is none."""
    beginning = content[:SHOWN_TEXT_BYTES]
    if b"\0" in beginning:
        return None
    try:
        return beginning.decode()
    except UnicodeDecodeError as error:
        is_cut = len(content) > SHOWN_TEXT_BYTES and error.start > SHOWN_TEXT_BYTES - 4
        return beginning[: error.start].decode() if is_cut else None
