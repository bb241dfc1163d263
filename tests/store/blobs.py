"""Attachments, and what waits in a session, for the tests of stores."""

from __future__ import annotations

import hashlib
from typing import Any

from meerkat_rpc.domain import (
    AgentConfig,
    Approval,
    Attachment,
    Compaction,
    QueuedPrompt,
    SessionChange,
    SessionHead,
    Spent,
    ToolCall,
)
from meerkat_rpc.store.base import Store
from tests.store.sessions import NOW, message, next_head


def digest_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def attachment(content: bytes, name: str = "naïve 漢字.png") -> Attachment:
    return Attachment("image", name, "image/png", digest_of(content), len(content))


def brought(*contents: bytes) -> dict[str, bytes]:
    return {digest_of(content): content for content in contents}


async def attach(store: Store, head: SessionHead, *contents: bytes, bring: bool = True) -> SessionHead:
    """Commit a message with attachments and return the session's new head."""
    said = message("look", attachments=tuple(map(attachment, contents)))
    following = next_head(head, message_count=head.message_count + 1)
    await store.commit(SessionChange(following, [said], blobs=brought(*contents) if bring else {}))
    return following


def waiting(text: str) -> dict[str, Any]:
    """Return what a head may hold for agents, each with ``text`` in it."""
    call = Approval(
        "a1", "t", "tool", text, {"x": [1, text]}, ("yes", "no"), NOW, "key", True, "rule", "yes", "session"
    )
    config = AgentConfig("m", provider_params={"a": text}, budget={"turn": {"tokens": 3}})
    attached = (attachment(b"x"),)
    return {
        "approvals": (call, Approval("a2", "t", "tool", "", None, (), NOW)),
        "allowed": ("write:/tmp/*", text),
        "queue": (QueuedPrompt("q1", text, config, attached, steer=True), QueuedPrompt("q2", "")),
        "context": (
            message(text, kind="context", attachments=attached),
            message("", tool_calls=(ToolCall("i", "n", []),)),
        ),
        "compaction": Compaction(7, text, 3, 9000),
        "spent": Spent(1, 2, 3),
        "turn_config": config,
    }
