"""What turns are given besides their session: tools, settings, and where a rule goes that is to hold for ever."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from attrs import frozen

from meerkat_rpc.agent_settings import SettingsFor, defaults
from meerkat_rpc.tools.base import ToolSource


@frozen
class Surroundings:
    """What every turn of a service finds.

    Args:
        tools: where tools come from.
        settings_for: the settings that hold in a session's folder.
        remember: keeps a rule of approvals for every session to come; None where nothing can keep it.
    """

    tools: Sequence[ToolSource] = ()
    settings_for: SettingsFor = defaults
    remember: Callable[[str], Awaitable[None]] | None = None
