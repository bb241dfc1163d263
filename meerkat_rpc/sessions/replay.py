"""Exactly once: what a repeated turn id is answered with."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence

from attrs import frozen

from meerkat_rpc.domain import LoggedEvent, RunResult, TurnRecord
from meerkat_rpc.errors import InvalidArgument
from meerkat_rpc.sessions.ending import answer, prompt_digest
from meerkat_rpc.sessions.journal import Journal
from meerkat_rpc.sessions.service import StartTurn
from meerkat_rpc.sessions.transcript import text_of
from meerkat_rpc.sessions.turn import LiveTurn


@frozen
class Replay:
    """The handle of a turn that an earlier call started. ``wait`` returns its result once there is one."""

    session_id: str
    turn_id: str
    wait: Callable[[], Awaitable[RunResult]]
    replayed: bool = True

    async def events(self) -> AsyncGenerator[Sequence[LoggedEvent], None]:
        """Yield nothing: the events belong to the call that started the turn."""
        return
        yield  # makes this a generator

    async def result(self) -> RunResult:
        """Return the turn's result, or raise what it failed with."""
        return await self.wait()


def of_running(turn: LiveTurn, request: StartTurn) -> Replay:
    """Return the handle of ``turn``, which runs here.

    Raises:
        InvalidArgument: the id was used for another prompt.
    """
    check_prompt(digest_of(turn), request)
    return Replay(turn.session_id, turn.turn_id, turn.result)


async def of_ended(journal: Journal, session_id: str, record: TurnRecord) -> RunResult:
    """Return what the ended turn ``record`` is answered with, or raise it."""
    messages = await journal.messages(record.first_message, record.message_count)
    return answer(session_id, record, text_of(messages))


def digest_of(turn: LiveTurn) -> str:
    """Return the digest of what the turn was started with."""
    return prompt_digest(turn.prompt, turn.wanted.attachments)


def check_prompt(digest: str, request: StartTurn) -> None:
    """Raise ``InvalidArgument`` unless ``request`` brings what ``digest`` was made of."""
    if prompt_digest(request.prompt, request.attachments) != digest:
        raise InvalidArgument("params.turn_id: this id was used before, with another prompt")
