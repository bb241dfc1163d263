"""From a session's messages to what pydantic-ai gives its models.

What comes out is a history that every provider takes: turns alternate, every tool call is answered at once, nothing is
empty. pydantic-ai does the rest, such as the roles' names.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic_ai.messages import (
    ModelMessage,
    ModelRequest,
    ModelRequestPart,
    ModelResponse,
    ModelResponsePart,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
    UserContent,
    UserPromptPart,
)

from meerkat_rpc.agents.llm.attachments import SHOWN_TEXT_BYTES, Attached
from meerkat_rpc.domain import JSON, Attachment, Message, ToolCall

UNANSWERED = "interrupted"
"""The result of a tool call that has none: its turn ended before."""

BYTES_PER_TOKEN = 3.5
"""The guess that sizes are made with until the provider has counted."""

MESSAGE_BYTES = 16
"""What each message has around its text, rounded up."""

IMAGE_BYTES = 5000
"""An image counts some 1,500 tokens, whatever its file's size."""

INTRODUCTIONS: Mapping[str | None, str] = {
    "summary": "Summary of the conversation so far:",
    "context": "Context, not a request:",
}
"""What is said before the messages that no user wrote."""

BEGINNING = "(The conversation began before this.)"
"""Put before an answer without a question: providers want the user to begin."""

NO_TEXT = "(no text)"
"""An empty prompt: providers refuse nothing at all."""


def conversation(
    messages: Sequence[Message], attached: Mapping[str, Attached], known: Mapping[str, ModelResponse] | None = None
) -> list[ModelMessage]:
    """Return ``messages`` as a model reads them.

    Args:
        messages: the history, oldest first.
        attached: by digest, the attachments that the model gets to see.
        known: by the id of a tool call, the model's own response that made it, kept whole where there is one: it may
            have signed its reasoning.
    """
    requests = _Conversation()
    answers = {message.tool_result.id: message for message in messages if message.tool_result is not None}
    for message in messages:
        if message.role == "assistant":
            requests.answer(_response(message, known or {}))
            requests.ask(_results(message.tool_calls, answers))
        elif message.role == "user":
            requests.ask(user_parts(message, attached))
    if not requests.messages or isinstance(requests.messages[-1], ModelResponse):
        requests.ask([UserPromptPart(NO_TEXT)])
    return requests.messages


def estimated_tokens(messages: Iterable[Message]) -> int:
    """Return a guess of how many tokens ``messages`` take."""
    return round(sum(_size(message) for message in messages) / BYTES_PER_TOKEN)


class _Conversation:
    """Puts requests and responses together so that they alternate."""

    def __init__(self) -> None:
        self.messages: list[ModelMessage] = []

    def ask(self, parts: Sequence[ModelRequestPart]) -> None:
        """Add to the request at the end."""
        if not parts:
            return
        if self.messages and isinstance(last := self.messages[-1], ModelRequest):
            last.parts = [*last.parts, *parts]
        else:
            self.messages.append(ModelRequest(parts=list(parts)))

    def answer(self, response: ModelResponse | None) -> None:
        """Add a response, unless it says nothing. Two in a row are one."""
        if response is None:
            return
        if not self.messages:
            self.messages.append(ModelRequest(parts=[UserPromptPart(BEGINNING)]))
        if isinstance(last := self.messages[-1], ModelResponse):
            self.messages[-1] = ModelResponse(parts=[*last.parts, *response.parts])
        else:
            self.messages.append(response)


def _response(message: Message, known: Mapping[str, ModelResponse]) -> ModelResponse | None:
    if message.tool_calls and (own := known.get(message.tool_calls[0].id)) is not None:
        return own
    parts: list[ModelResponsePart] = [TextPart(message.content)] if message.content.strip() else []
    parts += [ToolCallPart(call.name, _args(call.args), call.id) for call in message.tool_calls]
    return ModelResponse(parts=parts) if parts else None


def _args(args: JSON) -> dict[str, Any]:
    return args if isinstance(args, dict) else {"value": args}


def _results(calls: Sequence[ToolCall], answers: Mapping[str, Message]) -> list[ModelRequestPart]:
    results: list[ModelRequestPart] = []
    for call in calls:
        answer = answers.get(call.id)
        failed = answer is None or (answer.tool_result is not None and answer.tool_result.is_error)
        content = UNANSWERED if answer is None else answer.content
        results.append(ToolReturnPart(call.name, content, call.id, outcome="failed" if failed else "success"))
    return results


def user_parts(message: Message, attached: Mapping[str, Attached]) -> list[ModelRequestPart]:
    """Return what a user's message becomes: nothing, if it is empty."""
    contents = [attached[one.digest] for one in message.attachments if one.digest in attached]
    words = [INTRODUCTIONS.get(message.kind, ""), message.content, *(one.text for one in contents)]
    text = "\n\n".join(word for word in words if word.strip())
    binaries = [one.binary() for one in contents if one.content is not None]
    if not binaries:
        return [UserPromptPart(text)] if text else []
    content: list[UserContent] = [text, *binaries] if text else [*binaries]
    return [UserPromptPart(content)]


def _size(message: Message) -> int:
    calls = sum(len(call.name) + len(str(call.args)) for call in message.tool_calls)
    attached = sum(_attached_size(one) for one in message.attachments)
    return len(message.content.encode()) + calls + attached + MESSAGE_BYTES


def _attached_size(attachment: Attachment) -> int:
    return IMAGE_BYTES if attachment.kind == "image" else min(attachment.size, SHOWN_TEXT_BYTES)
