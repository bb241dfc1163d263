"""A turn with a language model: pydantic-ai runs the loop of model calls and tools, the session's turn has the say.

The loop is entered anew, with the messages that are to be read now, whenever something other than the loop changed
them: after a failed call, after compaction, and for a prompt that came in at what would have been the end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic_ai import Agent, AgentRetries
from pydantic_ai.agent import AgentRun, CallToolsNode, ModelRequestNode
from pydantic_ai.exceptions import (
    AgentRunError,
    ModelContextWindowExceededError,
    UnexpectedModelBehavior,
    UserError,
)
from pydantic_ai.messages import FunctionToolResultEvent, ModelMessage, ModelRequest, ModelRequestPart, ModelResponse
from pydantic_ai.settings import ModelSettings
from pydantic_graph import End

from meerkat_rpc.agent_settings import AgentSettings
from meerkat_rpc.agents.base import AgentResult, AgentTurn
from meerkat_rpc.agents.llm.attachments import Attached, attachments_of, readable_by
from meerkat_rpc.agents.llm.call_events import CallEvents, text_of, with_unique_ids
from meerkat_rpc.agents.llm.connecting import Connection
from meerkat_rpc.agents.llm.failures import pause_s, provider_error, said
from meerkat_rpc.agents.llm.hanging_up import hanging_up
from meerkat_rpc.agents.llm.history import BYTES_PER_TOKEN, conversation, estimated_tokens, user_parts
from meerkat_rpc.agents.llm.structured import OUTPUT_RETRIES, Structured
from meerkat_rpc.agents.llm.toolset import UNLIMITED, TurnTools
from meerkat_rpc.domain import Message, QueuedPrompt, Retrying, ToolExecutionCompleted, ToolResultReceived
from meerkat_rpc.errors import MeerkatError, ProviderError

Run = AgentRun[object, Any]


class Running:
    """One turn. ``call_settings`` are pydantic-ai's, for each model call."""

    def __init__(
        self, turn: AgentTurn, connection: Connection, settings: AgentSettings, call_settings: Mapping[str, Any]
    ) -> None:
        self._turn = turn
        self._connection = connection
        self._retrying = settings.retry
        self._tools = TurnTools(turn)
        schema = turn.config.output_schema
        self._structured = Structured(schema) if schema is not None else None
        self._agent = self._made(call_settings)
        self._calls = 0
        self._failed_attempts = 0
        self._tokens = 0
        self._has_called = False
        self._is_open = False  # a call that was begun: another try of it is no further call
        self._is_cut = False  # compaction ran for this call
        self._ids: set[str] = set()
        self._responses: dict[str, ModelResponse] = {}
        self._stop_reason = "end_turn"

    def _made(self, call_settings: Mapping[str, Any]) -> Agent[object, Any]:
        output_type: Any = str if self._structured is None else self._structured.output_type(self._connection)
        wanted = self._structured.instructions if self._structured is not None else None
        agent: Agent[object, Any] = Agent(
            self._connection.model,
            output_type=output_type,
            instructions=[text for text in (self._turn.config.system_prompt, wanted) if text],
            name="meerkat-rpc",
            model_settings=ModelSettings(**call_settings),  # type: ignore[typeddict-item]
            retries=AgentRetries(tools=UNLIMITED, output=OUTPUT_RETRIES),
            toolsets=[self._tools] if self._connection.model.profile.get("supports_tools", True) else [],
        )
        if self._structured is not None:
            agent.output_validator(self._structured.check)
        return agent

    async def run(self) -> AgentResult:
        """Run the turn to its end.

        Raises:
            ProviderError: the provider failed, for good or more often than is tried.
        """
        messages: list[ModelMessage] | None = await self._opening()
        try:
            while messages is not None:
                async with self._agent.iter(message_history=messages) as run:
                    messages = await self._go_through(run)
        except (AgentRunError, UserError) as error:  # the loop can't go on with what the model or the session gave it
            raise provider_error(error, self._connection) from None
        if self._structured is None:
            return AgentResult(self._stop_reason)
        return AgentResult(self._stop_reason, self._structured.output, self._structured.warnings)

    # -- What is read ---------------------------------------------------------------------------------------------

    async def _opening(self) -> list[ModelMessage]:
        """Return what the first model call reads. Of a resumed turn, that is after the tools it had left to run."""
        if self._turn.resumed:
            await self._answer_open_calls()
        await self._turn.steering()
        messages = await self._messages()
        self._calls = sum(message.role == "assistant" for message in messages if message.turn_id == self._turn.turn_id)
        self._ids = {call.id for message in messages for call in message.tool_calls}
        self._tokens = estimated_tokens(messages) + self._fixed_tokens()
        return await self._converted(messages)

    async def _answer_open_calls(self) -> None:
        so_far = await self._turn.so_far()
        answered = {message.tool_result.id for message in so_far if message.tool_result is not None}
        last = next((message for message in reversed(so_far) if message.role == "assistant"), None)
        calls = [call for call in (last.tool_calls if last is not None else ()) if call.id not in answered]
        try:
            async with asyncio.TaskGroup() as group:
                for call in calls:
                    group.create_task(self._turn.run_tool(call.id, call.name, call.args))
        except BaseExceptionGroup as failed:
            raise failed.exceptions[0] from None

    async def _messages(self) -> list[Message]:
        return [*await self._turn.history(), *await self._turn.so_far()]

    async def _converted(self, messages: Sequence[Message]) -> list[ModelMessage]:
        return conversation(messages, await self._attached(messages), self._responses)

    async def _attached(self, messages: Sequence[Message]) -> dict[str, Attached]:
        return await attachments_of(messages, self._turn.attachment, readable_by(self._connection.provider))

    def _fixed_tokens(self) -> int:
        return round(len((self._turn.config.system_prompt or "").encode()) / BYTES_PER_TOKEN)

    # -- The loop -------------------------------------------------------------------------------------------------

    async def _go_through(self, run: Run) -> list[ModelMessage] | None:
        """Follow the loop. Return what to enter it anew with; None at the turn's end."""
        node = run.next_node
        while not isinstance(node, End):
            if isinstance(node, ModelRequestNode):
                if (messages := await self._prepared(run, node)) is not None:
                    return messages
                if (messages := await self._called(run, node)) is not None:
                    return messages
                node = await run.next(node)
            elif isinstance(node, CallToolsNode):
                if not node.model_response.tool_calls and (added := await self._turn.steering()):
                    return [*run.all_messages(), ModelRequest(parts=await self._added_parts(added))]
                following = await self._acted(run, node)
                if following is None:
                    return None
                node = following
            else:
                node = await run.next(node)
        return None

    async def _prepared(self, run: Run, node: ModelRequestNode[object, Any]) -> list[ModelMessage] | None:
        """Get a model call ready: put in what was added to the turn. Return a new beginning where one is needed."""
        if self._is_open:
            return None
        if added := await self._turn.steering():
            node.request.parts = [*node.request.parts, *await self._added_parts(added)]
        if self._is_cut:
            return None
        tokens = self._tokens + _tokens_of(node.request.parts) if self._has_called else self._tokens
        if not await self._turn.compact_if_due(tokens, self._connection.model.context_window):
            return None
        return await self._after_cut()

    async def _after_cut(self) -> list[ModelMessage]:
        self._is_cut = True
        return await self._converted(await self._messages())

    async def _added_parts(self, added: Sequence[QueuedPrompt]) -> list[ModelRequestPart]:
        messages = [
            Message("user", prompt.prompt, prompt.turn_id, 0, kind="steer", attachments=prompt.attachments)
            for prompt in added
        ]
        attached = await self._attached(messages)
        return [part for message in messages for part in user_parts(message, attached)]

    async def _called(self, run: Run, node: ModelRequestNode[object, Any]) -> list[ModelMessage] | None:
        """Make one model call. Return None if it succeeded; if not, what to try again with, when it is time to."""
        events = CallEvents(self._turn)
        before = [*run.all_messages(), node.request]
        if not self._is_open:
            self._is_open = True
            self._calls += 1
            await events.begin(self._calls)
        try:
            async with hanging_up(), node.stream(run.ctx) as stream:
                async for event in stream:
                    await events.take(event)
        except MeerkatError:
            raise
        except ModelContextWindowExceededError as error:
            return await self._shortened(error)
        except Exception as error:  # noqa: BLE001 - the vendors' clients raise what they like
            await self._pause(error, events)
            return before
        await self._completed(events, run.all_messages()[-1])
        return None

    async def _completed(self, events: CallEvents, response: ModelMessage) -> None:
        assert isinstance(response, ModelResponse)
        self._is_open = self._is_cut = False
        self._has_called = True
        self._failed_attempts = 0
        response.parts = with_unique_ids(response.parts, self._ids)
        self._responses |= {call.tool_call_id: response for call in response.tool_calls}
        self._tokens = response.usage.input_tokens + response.usage.output_tokens
        self._stop_reason = await events.complete(response)

    async def _shortened(self, error: ModelContextWindowExceededError) -> list[ModelMessage]:
        """Have the history cut that the provider found too long, and return it.

        Raises:
            ProviderError: it can't be, or has been just now.
        """
        window = self._connection.model.context_window or self._tokens
        if self._is_cut or not await self._turn.compact_if_due(max(self._tokens, window), window):
            raise provider_error(error, self._connection) from None
        return await self._after_cut()

    async def _pause(self, error: Exception, events: CallEvents) -> None:
        """Wait before the next try.

        Raises:
            ProviderError: there is none.
        """
        self._failed_attempts += 1
        pause = None if events.said else pause_s(error, self._failed_attempts, self._retrying)
        if pause is None:
            raise provider_error(error, self._connection) from None
        happened = said(error, self._connection)
        attempts = self._retrying.max_attempts
        await self._turn.emit(Retrying(self._failed_attempts, attempts, happened, round(pause * 1000)))
        await asyncio.sleep(pause)

    async def _acted(self, run: Run, node: CallToolsNode[object, Any]) -> Any:
        """Do what a response asks for, and return the loop's next step; None when the turn has ended."""
        if not node.model_response.tool_calls and self._structured is None:
            return None
        try:
            async with node.stream(run.ctx) as events:
                async for event in events:
                    if isinstance(event, FunctionToolResultEvent) and event.tool_call_id not in self._tools.ran:
                        await self._refused(event)
            return await run.next(node)
        except UnexpectedModelBehavior as error:
            if node.model_response.tool_calls or self._structured is None:
                raise ProviderError(f"{self._connection.name}: {error.message}") from None
            self._structured.unparsed(text_of(node.model_response))
            return None

    async def _refused(self, event: FunctionToolResultEvent) -> None:
        """Say what became of a call that never reached a tool: nobody knows its name, or its arguments are no JSON."""
        part = event.part
        await self._turn.emit(
            ToolExecutionCompleted(part.tool_call_id, part.tool_name, part.content, is_error=True, duration_ms=0)
        )
        await self._turn.emit(ToolResultReceived(part.tool_call_id, part.tool_name, is_error=True))


def _tokens_of(parts: Sequence[ModelRequestPart]) -> int:
    return round(sum(len(str(getattr(part, "content", ""))) for part in parts) / BYTES_PER_TOKEN)
