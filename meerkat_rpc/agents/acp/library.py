"""The protocol's library, which is an optional part of the installation."""

from __future__ import annotations

import asyncio
import importlib

from meerkat_rpc.agents.acp.known import PIP_HINT
from meerkat_rpc.errors import ProviderError


async def load_library() -> None:
    """Import the protocol's library, which takes half a second, without holding up the event loop.

    Raises:
        ProviderError: it is not installed.
    """
    try:
        await asyncio.to_thread(importlib.import_module, "acp")
    except ImportError as error:
        raise ProviderError(f"the Agent Client Protocol's library can't be loaded ({error}): {PIP_HINT}") from error
