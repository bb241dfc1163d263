"""The protocol's library, which is an optional part of the installation."""

from __future__ import annotations

import importlib

from meerkat_rpc.agents.acp.known import PIP_HINT
from meerkat_rpc.errors import ProviderError
from meerkat_rpc.heavy_imports import importing


async def load_library() -> None:
    """Import the protocol's library, which takes half a second, without holding up the event loop.

    Raises:
        ProviderError: it is not installed.
    """
    try:
        await importing(importlib.import_module, "acp")
    except ImportError as error:
        raise ProviderError(f"the Agent Client Protocol's library can't be loaded ({error}): {PIP_HINT}") from error
