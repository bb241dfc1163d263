"""The embedded model as one of pydantic-ai's, so that it runs behind the same agent as the providers' models.

It is told of tools in words and calls none itself: nothing so small gets that right.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pydantic_ai import RunContext
from pydantic_ai.messages import (
    BinaryContent,
    ModelMessage,
    ModelRequest,
    ModelRequestPart,
    ModelResponse,
    ModelResponseStreamEvent,
    RetryFeedbackPart,
    SystemPromptPart,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
    UserPromptPart,
)
from pydantic_ai.models import Model, ModelRequestParameters, StreamedResponse
from pydantic_ai.profiles import ModelProfile
from pydantic_ai.settings import ModelSettings
from pydantic_ai.usage import RequestUsage

from meerkat_rpc.agents.llama import Completion, Generation, LlamaModel, PromptTooLong
from meerkat_rpc.agents.prompt import ChatMessage, Prompt, chat, prompt_of, told_call, told_result
from meerkat_rpc.errors import ProviderError

PROFILE = ModelProfile(
    supports_tools=False,
    supports_image_input=False,
    supports_document_input=False,
    supports_json_schema_output=True,
    native_output_requires_schema_in_instructions=False,
)
"""What the model can do; the schema of an answer is enforced while it is generated."""


class LocalModel(Model[None]):
    """A ``LlamaModel``. ``request`` is what each generation is asked for besides the messages, in OpenAI's terms.

    It has no ``context_window``, for compaction would have it summarise for longer than anybody waits: what doesn't
    fit the real window is left out of the prompt instead.
    """

    def __init__(self, name: str, llama: LlamaModel, request: Mapping[str, Any]) -> None:
        super().__init__(profile=PROFILE)
        self._name = name
        self._llama = llama
        self._request = request

    @property
    def model_name(self) -> str:
        """See ``Model``."""
        return self._name

    @property
    def system(self) -> str:
        """See ``Model``."""
        return "local"

    async def request(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
    ) -> ModelResponse:
        """See ``Model``."""
        async with self.request_stream(messages, model_settings, model_request_parameters) as stream:
            async for _event in stream:
                pass
        return stream.get()

    @asynccontextmanager
    async def request_stream(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
        run_context: RunContext[Any] | None = None,
    ) -> AsyncGenerator[StreamedResponse]:
        """See ``Model``. Waits for the first text.

        Raises:
            ProviderError: the model can't be loaded, or the prompt alone is too long for it.
        """
        max_tokens = (model_settings or {}).get("max_tokens", self._request["max_tokens"])
        generation, first = await self._begun(_prompt(messages), max_tokens)
        try:
            yield LocalStream(model_request_parameters, self._name, generation, first)
        finally:
            generation.stop()

    async def _begun(self, prompt: Prompt, max_tokens: int) -> tuple[Generation, str | None]:
        """Generate, with less history each time the model counts more tokens than there is room for."""
        window = self._llama.context_tokens
        room = window - min(max_tokens, window // 2)
        while True:
            prompt = prompt.fitted(room)
            request = {**self._request, "max_tokens": max_tokens, "messages": prompt.messages()}
            generation = self._llama.generate(request, room)
            try:
                return generation, await generation.next_text()
            except PromptTooLong as error:
                if not prompt.exchanges:
                    raise ProviderError(_too_long(self._name, error.tokens, room, window)) from None
                prompt = prompt.counted(error.tokens)
            except BaseException:
                generation.stop()
                raise


def _too_long(name: str, tokens: int, room: int, window: int) -> str:
    return (
        f"The prompt takes {tokens} tokens and {name} has room for {room}: its window is {window}, and the "
        "rest is reserved for the answer (max_tokens, at most half the window). Shorten the prompt or ask for less."
    )


@dataclass
class LocalStream(StreamedResponse):
    """A generation, from its ``first`` text on."""

    _name: str
    _generation: Generation
    _first: str | None
    _timestamp: datetime = field(default_factory=lambda: datetime.now(UTC))

    async def _get_event_iterator(self) -> AsyncIterator[ModelResponseStreamEvent]:
        text = self._first
        while text is not None:
            for event in self._parts_manager.handle_text_delta(vendor_part_id="text", content=text):
                yield event
            text = await self._generation.next_text()
        self._take(self._generation.completion)

    def _take(self, completion: Completion) -> None:
        self.finish_reason = "length" if completion.finish_reason == "length" else "stop"
        usage = completion.usage
        self._usage = RequestUsage(
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cache_read_tokens=usage.cache_read_tokens or 0,
        )

    async def close_stream(self) -> None:
        """See ``StreamedResponse``."""
        self._generation.stop()

    @property
    def model_name(self) -> str:
        """See ``StreamedResponse``."""
        return self._name

    @property
    def provider_name(self) -> str:
        """See ``StreamedResponse``."""
        return "local"

    @property
    def provider_url(self) -> None:
        """See ``StreamedResponse``."""
        return

    @property
    def timestamp(self) -> datetime:
        """See ``StreamedResponse``."""
        return self._timestamp


def _prompt(messages: Sequence[ModelMessage]) -> Prompt:
    """Return the conversation as the chat template takes it. An exchange begins with what a user said."""
    exchanges: list[list[ChatMessage]] = [[]]
    system = [message.instructions for message in messages[-1:] if isinstance(message, ModelRequest)]
    for message in messages:
        if isinstance(message, ModelResponse):
            exchanges[-1].append(chat("assistant", _answer(message)))
            continue
        for part in message.parts:
            if isinstance(part, UserPromptPart):
                exchanges.append([])
            if isinstance(part, SystemPromptPart):
                system.append(part.content)
            else:
                exchanges[-1].append(chat("user", _asked(part)))
    return prompt_of("\n\n".join(text for text in system if text) or None, exchanges)


def _answer(response: ModelResponse) -> str:
    parts = []
    for part in response.parts:
        if isinstance(part, TextPart):
            parts.append(part.content)
        elif isinstance(part, ToolCallPart):
            parts.append(told_call(part.tool_name, part.args_as_dict()))
    return "\n".join(parts)


def _asked(part: ModelRequestPart) -> str:
    if isinstance(part, ToolReturnPart):
        return told_result(part.tool_name, part.model_response_str())
    if isinstance(part, RetryFeedbackPart):
        return part.model_response()
    if not isinstance(part, UserPromptPart):
        return ""
    if isinstance(part.content, str):
        return part.content
    return "\n\n".join(_text(item) for item in part.content)


def _text(item: object) -> str:
    if isinstance(item, str):
        return item
    return f"[attached: {item.media_type}]" if isinstance(item, BinaryContent) else str(getattr(item, "content", ""))
