"""The service behind the handlers, while it opens and when it can't.

A store that won't open doesn't end the server: the editor would only say that it crashed. Each call answers with the
reason instead, and each call tries again, so the server works as soon as the fault is mended.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from meerkat_rpc.errors import StoreError
from meerkat_rpc.sessions.service import SessionService

OpenService = Callable[[], Awaitable[SessionService]]


class Opening:
    """Opens the service once, as soon as it is asked to or somebody needs it; tells ``opened`` when it is."""

    def __init__(self, open_service: OpenService, opened: Callable[[SessionService], None]) -> None:
        self._open_service = open_service
        self._tell = opened
        self._service: SessionService | None = None
        self._task: asyncio.Task[SessionService] | None = None
        self._closed = False

    @property
    def opened(self) -> SessionService | None:
        """The service, if it is open."""
        return self._service

    def begin(self) -> asyncio.Task[SessionService]:
        """Begin to open."""
        self._task = asyncio.get_running_loop().create_task(self._open(), name="open")
        self._task.add_done_callback(_retrieve)
        return self._task

    async def service(self) -> SessionService:
        """Return the service.

        Raises:
            StoreError: it can't be opened, or has been closed.
        """
        if self._closed:
            raise StoreError("the server is shutting down")
        if self._service is not None:
            return self._service
        task = self.begin() if self._task is None or self._task.done() else self._task
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Close the service, if it is or is about to be open. May be called twice."""
        self._closed = True  # else a call that is still on its way would open it again
        if self._task is not None:
            await asyncio.wait({self._task})
        service, self._service = self._service, None
        if service is not None:
            await service.close()

    async def _open(self) -> SessionService:
        self._service = await self._open_service()
        self._tell(self._service)
        return self._service


def _retrieve(task: asyncio.Task[SessionService]) -> None:
    if not task.cancelled():
        task.exception()  # told to each caller, not to asyncio's log
