"""pydantic-ai used bare against a provider: what shows that the provider speaks its protocol."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import define, field
from pydantic_ai import Agent
from pydantic_ai.messages import (
    AgentStreamEvent,
    FunctionToolCallEvent,
    FunctionToolResultEvent,
    ModelMessage,
    PartDeltaEvent,
    PartStartEvent,
    TextPart,
    TextPartDelta,
    ThinkingPart,
    ThinkingPartDelta,
)
from pydantic_ai.models import Model
from pydantic_ai.usage import RunUsage

from tests.providers.provider import KEY, MODELS, Provider


def model(kind: str, provider: Provider, name: str | None = None, key: str = KEY) -> Model:
    """Return pydantic-ai's model of the protocol ``kind``, at ``provider``."""
    return connected(kind, provider.base_url(kind), name or MODELS[kind], key)


def connected(kind: str, url: str, name: str, key: str) -> Model:
    """Return pydantic-ai's model called ``name`` at ``url``."""
    if kind == "anthropic":
        from pydantic_ai.models.anthropic import AnthropicModel
        from pydantic_ai.providers.anthropic import AnthropicProvider

        return AnthropicModel(name, provider=AnthropicProvider(api_key=key, base_url=url))
    if kind == "google":
        from pydantic_ai.models.google import GoogleModel
        from pydantic_ai.providers.google import GoogleProvider

        return GoogleModel(name, provider=GoogleProvider(api_key=key, base_url=url))
    from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
    from pydantic_ai.providers.openai import OpenAIProvider

    openai = OpenAIProvider(api_key=key, base_url=url)
    return OpenAIChatModel(name, provider=openai) if kind == "openai" else OpenAIResponsesModel(name, provider=openai)


@define
class Heard:
    """What came of a run."""

    text: list[str] = field(factory=list)
    reasoning: list[str] = field(factory=list)
    calls: list[tuple[str, Any]] = field(factory=list)
    call_ids: list[str] = field(factory=list)
    results: list[Any] = field(factory=list)
    order: list[str] = field(factory=list)
    output: Any = None
    usage: RunUsage = field(factory=RunUsage)
    messages: list[ModelMessage] = field(factory=list)

    def take(self, event: AgentStreamEvent) -> None:
        """Note an event."""
        match event:
            case PartStartEvent(part=TextPart(content=text)) | PartDeltaEvent(delta=TextPartDelta(content_delta=text)):
                self._piece("text", self.text, text)
            case (
                PartStartEvent(part=ThinkingPart(content=text))
                | PartDeltaEvent(delta=ThinkingPartDelta(content_delta=text))
            ):
                self._piece("reasoning", self.reasoning, text)
            case FunctionToolCallEvent(part=part):
                self.calls.append((part.tool_name, part.args_as_dict()))
                self.call_ids.append(part.tool_call_id)
                self.order.append("call")
            case FunctionToolResultEvent():
                self.order.append("result")
            case _:
                pass

    def _piece(self, what: str, pieces: list[str], piece: str | None) -> None:
        if piece:
            pieces.append(piece)
            self.order.append(what)


async def run(agent: Agent[None, Any], prompt: Any = "go", history: Sequence[ModelMessage] = (), **more: Any) -> Heard:
    """Run a turn in a stream and return what was heard."""
    heard = Heard()
    async with agent.iter(prompt, message_history=list(history), **more) as running:
        async for node in running:
            if Agent.is_model_request_node(node) or Agent.is_call_tools_node(node):
                async with node.stream(running.ctx) as events:
                    async for event in events:
                        heard.take(event)
    assert running.result is not None
    heard.output = running.result.output
    heard.usage = running.result.usage
    heard.messages = running.result.all_messages()
    return heard
