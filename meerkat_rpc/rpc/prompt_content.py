"""From a prompt as it is sent, text or blocks, to text and attachments."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence

from attrs import define, field, frozen

from meerkat_rpc.domain import Attachment
from meerkat_rpc.errors import InvalidArgument
from meerkat_rpc.wire import types as wire

MAX_ATTACHMENT_BYTES = 20 << 20
"""The largest attachment: what providers take of one image or document, and a commit that takes a tenth of a second."""

MAX_PROMPT_BYTES = 64 << 20
"""All attachments of one prompt: as much as one message may bring, and half a second of a commit."""

MAX_ATTACHMENTS = 100
"""Attachments of one prompt: more than a model looks at."""

BETWEEN_TEXTS = "\n\n"

_SIGNATURES = ((b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"GIF8", "image/gif"))
"""How the images that every provider takes begin (their specifications); WebP is told apart below."""

Block = wire.ImageBlock | wire.FileBlock
FindBlob = Callable[[str], Awaitable[bytes]]
FindFolder = Callable[[], Awaitable[str | None]]


@frozen
class PromptContent:
    """What a prompt comes to. ``blobs`` has the contents of ``attachments``, by digest."""

    text: str
    attachments: Sequence[Attachment] = ()
    blobs: Mapping[str, bytes] = field(factory=dict)


async def prompt_content(
    prompt: wire.Prompt, blob: FindBlob, folder: FindFolder, path: str = "params.prompt"
) -> PromptContent:
    """Return the content of ``prompt``.

    Args:
        prompt: as it was sent.
        blob: finds the content of a digest.
        folder: finds the session's folder, where relative paths begin.
        path: where the prompt stands, for messages.

    Raises:
        InvalidArgument: nothing is in it, a block is wrong, or a file can't be read.
    """
    if isinstance(prompt, str):
        return PromptContent(prompt)
    texts = [block.text for block in prompt if isinstance(block, wire.TextBlock) and block.text]
    reader = _Reader(blob, folder)
    for index, block in enumerate(prompt):
        if not isinstance(block, wire.TextBlock):
            await reader.read(block, f"{path}[{index}]")
    if not texts and not reader.attachments:
        raise InvalidArgument(f"{path}: expected a text, or at least one block that is not empty")
    if len(reader.attachments) > MAX_ATTACHMENTS:
        raise InvalidArgument(f"{path}: expected at most {MAX_ATTACHMENTS} attachments")
    return PromptContent(BETWEEN_TEXTS.join(texts), tuple(reader.attachments), reader.blobs)


@define
class _Reader:
    """Reads the blocks of one prompt."""

    _blob: FindBlob
    _folder: FindFolder
    attachments: list[Attachment] = field(factory=list)
    blobs: dict[str, bytes] = field(factory=dict)

    async def read(self, block: Block, path: str) -> None:
        """Read one block."""
        given = [name for name in ("data", "path", "digest") if getattr(block, name) is not None]
        if len(given) != 1:
            raise InvalidArgument(f"{path}: expected exactly one of data, path, digest")
        name = block.name or (os.path.basename(block.path) if block.path else block.type)
        content = await self._content(block, path)
        media_type = block.media_type or media_type_of(name, content)
        if block.type == "image" and not media_type.startswith("image/"):
            raise InvalidArgument(f"{path}: expected an image, got {media_type}")
        digest = hashlib.sha256(content).hexdigest()
        self.blobs[digest] = content  # one that was there may be deleted before this is committed
        self.attachments.append(Attachment(block.type, name, media_type, digest, len(content)))

    async def _content(self, block: Block, path: str) -> bytes:
        if block.data is not None:
            content = _decoded(block.data, f"{path}.data")
        elif block.digest is not None:
            content = await self._stored(block.digest, f"{path}.digest")
        else:
            content = await asyncio.to_thread(_file, await self._located(str(block.path), path), f"{path}.path")
        if len(content) + sum(item.size for item in self.attachments) > MAX_PROMPT_BYTES:
            raise InvalidArgument(
                f"{path}: all attachments are larger than {MAX_PROMPT_BYTES} bytes", limit=MAX_PROMPT_BYTES
            )
        if len(content) > MAX_ATTACHMENT_BYTES:
            raise InvalidArgument(f"{path}: larger than {MAX_ATTACHMENT_BYTES} bytes", limit=MAX_ATTACHMENT_BYTES)
        return content

    async def _stored(self, digest: str, path: str) -> bytes:
        try:
            return await self._blob(digest)
        except InvalidArgument:
            raise InvalidArgument(f"{path}: no attachment has this digest") from None

    async def _located(self, name: str, path: str) -> str:
        if os.path.isabs(name):
            return name
        folder = await self._folder()
        if folder is None:
            raise InvalidArgument(f"{path}.path: expected an absolute path: the session has no cwd")
        return os.path.join(folder, name)


def _decoded(data: str, path: str) -> bytes:
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidArgument(f"{path}: expected base64") from None


def _file(name: str, path: str) -> bytes:
    try:
        if os.path.exists(name) and not os.path.isfile(name):  # a device or a pipe might never end
            raise InvalidArgument(f"{path}: {name} is no regular file")
        with open(name, "rb") as file:
            return file.read(MAX_ATTACHMENT_BYTES + 1)
    except OSError as error:
        raise InvalidArgument(f"{path}: {name}: {error.strerror}") from error
    except ValueError as error:  # a NUL in the name
        raise InvalidArgument(f"{path}: {error}") from error


def media_type_of(name: str, content: bytes) -> str:
    """Return the media type that ``content`` shows or, failing that, that ``name`` suggests."""
    for signature, media_type in _SIGNATURES:
        if content.startswith(signature):
            return media_type
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    import mimetypes

    guessed = mimetypes.guess_type(name, strict=False)[0]
    return guessed or ("application/octet-stream" if b"\0" in content[:8192] else "text/plain")
