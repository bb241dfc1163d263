"""One turn's talk with an agent: what it says is told in order, what it asks is answered beside that."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any

from attrs import define, field

from meerkat_rpc.agents.acp.files import FileMissing, FileRefused, Folder
from meerkat_rpc.agents.acp.lines import Message
from meerkat_rpc.agents.acp.narration import Narration
from meerkat_rpc.agents.acp.peer import Peer
from meerkat_rpc.agents.acp.permissions import CANCELLED, Permissions
from meerkat_rpc.agents.acp.prompt_end import PromptEnd
from meerkat_rpc.agents.acp.tool_call import AgentToolCall
from meerkat_rpc.agents.base import AgentTurn

HIGH_WATER = 256
"""How many updates may wait to be told before the agent is no longer read: enough for a burst of small ones."""

CANCEL_S = 0.8
"""How long a cancelled agent may take to stop before it is killed. An interrupted turn has a second in all."""


@define(eq=False)
class _Question:
    """A permission that the agent asks for. ``call`` is known once what came before it has been told."""

    params: Message
    call: asyncio.Future[AgentToolCall | None] = field(factory=lambda: asyncio.get_running_loop().create_future())


class Conversation:
    """The ``Listener`` of one turn, for each of its prompts."""

    def __init__(self, turn: AgentTurn, peer: Peer) -> None:
        self._peer = peer
        self._folder = Folder(turn.cwd) if turn.cwd is not None else None
        self._narration = Narration(turn.emit)
        self._permissions = Permissions(turn, writes_allowed=peer.writes_allowed)
        self._said: asyncio.Queue[Message | _Question | Exception | None] = asyncio.Queue()
        self._taken = asyncio.Event()
        self._answering: set[asyncio.Task[Any]] = set()
        self._listening = False

    async def hold(self, blocks: Sequence[Message]) -> PromptEnd:
        """Have one prompt worked on and tell what happens. When cancelled, the agent is told, and killed if it goes on.

        Raises:
            ProviderError: the agent refused the prompt, or died.
        """
        await self._narration.begin()
        self._said, self._listening, self._peer.listener = asyncio.Queue(), True, self
        prompting = asyncio.create_task(self._peer.prompt(blocks))
        prompting.add_done_callback(lambda _: self._said.put_nowait(None))
        try:
            await self._tell_all()
            end = await prompting
            await self._narration.end(end)
        finally:
            self._stop_listening()
            await self._stop(prompting)
        return end

    async def _tell_all(self) -> None:
        """Tell what the agent says, until its prompt has ended."""
        while (said := await self._said.get()) is not None:
            self._taken.set()
            if isinstance(said, Exception):
                raise said
            if isinstance(said, _Question):
                call = await self._narration.show(said.params.get("toolCall"))
                if not said.call.done():
                    said.call.set_result(call)
            else:
                await self._narration.take(said)

    def _stop_listening(self) -> None:
        """Take no more. Questions that wait are answered: nobody decided."""
        self._listening = False
        self._taken.set()
        for task in self._answering:
            task.cancel()

    async def _stop(self, prompting: asyncio.Task[PromptEnd]) -> None:
        """See to it that the agent no longer works on the prompt."""
        try:
            if not prompting.done():
                async with asyncio.timeout(CANCEL_S):
                    await self._peer.cancel()
                    await asyncio.wait({prompting})
        except TimeoutError:
            pass
        finally:
            self._peer.listener = None
            self._peer.writes_allowed = self._permissions.writes_allowed
            if not prompting.done():
                prompting.cancel()
                await self._peer.end(grace_s=0)
            elif not prompting.cancelled():
                prompting.exception()  # told already, or of no interest any more

    # -- what the peer tells us

    async def room(self) -> None:
        """See ``Listener``."""
        while self._listening and self._said.qsize() >= HIGH_WATER:
            self._taken.clear()
            await self._taken.wait()

    def updated(self, update: Message) -> None:
        """See ``Listener``."""
        if self._listening:
            self._said.put_nowait(update)

    async def requested(self, method: str, params: Message) -> Mapping[str, Any]:
        """See ``Listener``."""
        from acp import RequestError

        if method == "session/request_permission":
            if not self._listening:
                return CANCELLED
            question = _Question(params)
            self._said.put_nowait(question)  # at once, to keep its place among the updates
            return await self._beside(self._ask(question), CANCELLED)
        if method == "fs/read_text_file" and self._folder is not None:
            return await self._beside(self._read(self._folder, params))
        if method == "fs/write_text_file" and self._folder is not None:
            return await self._beside(self._write(self._folder, params))
        raise RequestError.method_not_found(method)

    async def _beside(
        self, work: Coroutine[Any, Any, Mapping[str, Any]], otherwise: Mapping[str, Any] | None = None
    ) -> Mapping[str, Any]:
        """Do ``work`` beside the telling; ``otherwise`` is the answer if the turn ends before. What fails for another
        reason than the agent's request fails the turn."""
        from acp import RequestError

        task = asyncio.create_task(work)
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)
        if not self._listening:
            task.cancel()
        await asyncio.wait({task})
        if task.cancelled():
            if otherwise is None:
                raise RequestError.invalid_request({"details": "the turn has ended"})
            return otherwise
        match task.exception():
            case None:
                return task.result()
            case FileMissing() as error:
                raise RequestError.resource_not_found(str(error))
            case FileRefused() as error:
                raise RequestError.invalid_params({"details": str(error)})
            case Exception() as error:
                self._said.put_nowait(error)
        raise RequestError.internal_error()

    async def _ask(self, question: _Question) -> Mapping[str, Any]:
        return await self._permissions.ask(question.params, await question.call)

    async def _read(self, folder: Folder, params: Message) -> Mapping[str, Any]:
        wanted = params.get("path"), params.get("line"), params.get("limit")
        return {"content": await asyncio.to_thread(folder.read, *wanted)}

    async def _write(self, folder: Folder, params: Message) -> Mapping[str, Any]:
        path, content = params.get("path"), params.get("content")
        if not isinstance(path, str) or not isinstance(content, str):
            raise FileRefused("path, content: expected strings")
        if not await self._permissions.may_write(folder, path, content):
            raise FileRefused(f"{path}: the user did not allow it")
        await asyncio.to_thread(folder.write, await asyncio.to_thread(folder.locate, path), content)
        return {}
