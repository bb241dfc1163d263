"""Where the providers' keys come from: the environment, else the operating system's keyring.

A key is never stored, logged or shown; ``scrubbed`` takes it out of what providers say.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import Callable
from importlib.util import find_spec

from meerkat_rpc.agents.llm.providers import Provider
from meerkat_rpc.errors import ProviderError

SERVICE = "meerkat-rpc"
"""Under which name keys stand in the keyring; the user is the provider's name."""

KEYRING_TIMEOUT_S = 3.0
"""How long the keyring may take. One that is locked may ask a person; one without a desktop may wait for ever."""

SHORTEST_SECRET = 6
"""Characters. What is shorter is a placeholder such as ``none``, and would be found in every other word."""


async def key_for(provider: Provider) -> str | None:
    """Return the key of ``provider``; None where it has none and needs none.

    Raises:
        ProviderError: it needs one; the message says how to set it.
    """
    if key := key_in_environment(provider):
        return key
    if (key := await _with_timeout(lambda: _keyring_password(provider.name))) is not None:
        return key
    if provider.key_required:
        raise ProviderError(missing_key(provider), provider=provider.name)
    return None


def key_in_environment(provider: Provider) -> str | None:
    """Return the key that the environment has for ``provider``."""
    return next((key for name in provider.key_names if (key := os.environ.get(name, "").strip())), None)


def missing_key(provider: Provider) -> str:
    """Return what to do about a key that isn't there."""
    return (
        f"no key for {provider.name}: set {' or '.join(provider.key_names)}, or put it into the keyring with: "
        f"keyring set {SERVICE} {provider.name}"
    )


def scrubbed(text: str, key: str | None) -> str:
    """Return ``text`` without ``key``."""
    return text.replace(key, "…") if key and len(key) >= SHORTEST_SECRET else text


def _keyring_password(name: str) -> str | None:
    """Return the keyring's entry. Blocks, perhaps for ever."""
    if find_spec("keyring") is None:
        return None
    import keyring

    return keyring.get_password(SERVICE, name) or None


async def _with_timeout(ask: Callable[[], str | None]) -> str | None:
    """Return what ``ask`` returns, in a thread that nobody waits for at exit; None if it fails or takes too long."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[str | None] = loop.create_future()

    def settle(key: str | None) -> None:
        if not answer.done():
            answer.set_result(key)

    def look() -> None:
        try:
            key = ask()
        except Exception:  # noqa: BLE001 - a keyring that can't be used is one without the key
            key = None
        with contextlib.suppress(RuntimeError):  # the loop is closed: it took that long
            loop.call_soon_threadsafe(settle, key)

    threading.Thread(target=look, name="keyring", daemon=True).start()
    try:
        return await asyncio.wait_for(answer, KEYRING_TIMEOUT_S)
    except TimeoutError:
        return None
