"""What a user says, and what it may cost."""

from __future__ import annotations

from typing import Literal

from meerkat_rpc.wire.types.marks import Count, Digest, Positive, Text, message


@message
class TextBlock:
    """A piece of a prompt's text. Blocks of text are joined with an empty line between."""

    type: Literal["text"]
    text: str


@message
class ImageBlock:
    """An image: its content as base64 in ``data``, a file that the server reads, or the ``digest`` of one it has.

    ``media_type`` is told from the name or the content where it isn't given.
    """

    type: Literal["image"]
    data: str | None = None
    path: str | None = None
    digest: Digest | None = None
    media_type: str | None = None
    name: str | None = None


@message
class FileBlock:
    """A file, of any kind: as for an image. A relative ``path`` begins at the session's ``cwd``. What the file holds
    now is kept; later changes of it don't matter."""

    type: Literal["file"]
    data: str | None = None
    path: str | None = None
    digest: Digest | None = None
    media_type: str | None = None
    name: str | None = None


PromptBlock = TextBlock | ImageBlock | FileBlock
Prompt = Text | list[PromptBlock]
"""What a user says: text, or blocks."""


@message
class Limits:
    """What may be used up. What is not given has no limit here."""

    tokens: Positive | None = None
    duration_ms: Positive | None = None
    tool_calls: Count | None = None
    model_calls: Count | None = None


@message
class Budget:
    """The limits of each turn, and of the whole session. Time that a turn waits for a person doesn't count."""

    turn: Limits | None = None
    session: Limits | None = None
