"""What a command or a server that tools start gets to see of our environment: everything but what is secret."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping

from meerkat_rpc.agent_settings import AgentSettings

_SECRET_NAME = re.compile(r"KEY|TOKEN|SECRET|PASSW|PASSPHRASE|PWD_|CREDENTIAL|PRIVATE|COOKIE", re.IGNORECASE)
"""Names under which secrets are kept. Better a variable too many is missing than one key too many is lent."""

_WITH_PASSWORD = re.compile(r"[a-z][a-z0-9+.-]*://[^/\s:@]*:[^/\s@]+@", re.IGNORECASE)
"""An address with a password in it, as databases and proxies have them under any name."""


def without_secrets(environment: Mapping[str, str] | None = None, also: Collection[str] = ()) -> dict[str, str]:
    """Return ``environment`` (None: ours) without what looks like a secret.

    Args:
        environment: the variables to choose from.
        also: names that are secret whatever they look like.
    """
    given = os.environ if environment is None else environment
    return {name: value for name, value in given.items() if name not in also and not _is_secret(name, value)}


def _is_secret(name: str, value: str) -> bool:
    return _SECRET_NAME.search(name) is not None or _WITH_PASSWORD.search(value) is not None


def secret_names(settings: AgentSettings) -> frozenset[str]:
    """Return the variables that are configured to hold providers' keys, whatever their names look like."""
    return frozenset(name for provider in settings.providers.values() if (name := provider.api_key_env) is not None)
