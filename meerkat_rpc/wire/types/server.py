"""The server itself: capabilities, models, configuration, health."""

from __future__ import annotations

from typing import Literal

from meerkat_rpc.wire.types.lifecycle import StoreInfo
from meerkat_rpc.wire.types.marks import JSON, Count, message


@message
class Capability:
    """One capability: on, or what to do to turn it on.

    ``status`` says the same as meerkat's clients read it: "Available", or an object whose one key says why not.
    """

    id: str
    description: str
    available: bool
    status: JSON
    hint: str | None = None


@message
class CapabilitiesResult:
    """Every capability this program knows of."""

    contract_version: str
    capabilities: list[Capability]


@message
class Model:
    """A model. ``missing`` says what to install or set before it can be used."""

    id: str
    provider: str
    description: str
    available: bool
    is_default: bool
    context_window: Count | None = None
    missing: str | None = None


@message
class ModelsCatalogResult:
    """Every model that an installed agent offers."""

    models: list[Model]
    default_model: str | None


@message
class IgnoredSetting:
    """A setting of a project's file that doesn't hold, and why."""

    setting: str
    reason: str


@message
class ConfigResult:
    """The configuration file's settings. ``generation`` changes whenever the file does; 0 when there is no file.

    ``restart``: the settings that have changed since the server started and hold from its next start on; ``ignored``:
    what of the project's file doesn't hold; ``problems``: why a file is not in use as it is. Each only where there are
    any.
    """

    config: dict[str, JSON]
    generation: Count
    path: str
    restart: list[str] | None = None
    ignored: list[IgnoredSetting] | None = None
    problems: list[str] | None = None


@message
class ConfigGetParams:
    """Without ``project``, the user's file; with it, the file of the project in that folder."""

    project: str | None = None


@message
class ConfigSetParams:
    """The whole new configuration. Refused when ``expected_generation`` is given and stale."""

    config: dict[str, JSON]
    expected_generation: Count | None = None
    project: str | None = None


@message
class ConfigPatchParams:
    """A merge patch (RFC 7396): ``null`` removes a key. Refused when ``expected_generation`` is given and stale."""

    patch: dict[str, JSON]
    expected_generation: Count | None = None
    project: str | None = None


@message
class HealthResult:
    """Figures about the running server. ``uptime_ms`` and ``memory_bytes`` (resident) are measured as it answers.

    ``tasks`` counts what is going on at once: requests, turns, streams and what keeps them going. In a quiet server it
    is always the same. ``store_bytes`` is what the store's files take, ``wal_bytes`` the part of it that is the
    write-ahead log, ``free_bytes`` the part that holds nothing; ``disk_free_bytes`` is what is left on the disk. They
    are null without a store on disk, and when it doesn't answer within a second ("degraded").
    """

    status: Literal["ok", "degraded"]
    version: str
    uptime_ms: Count
    live_sessions: Count
    running_turns: Count
    stored_sessions: Count
    max_sessions: Count
    tasks: Count
    memory_bytes: Count | None
    store_bytes: Count | None
    wal_bytes: Count | None
    free_bytes: Count | None
    disk_free_bytes: Count | None
    store: StoreInfo
