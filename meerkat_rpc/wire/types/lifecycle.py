"""How a connection begins, and how requests are cancelled."""

from __future__ import annotations

from meerkat_rpc.wire.types.marks import JSON, Positive, message


@message
class ClientInfo:
    """Who is calling."""

    name: str | None = None
    version: str | None = None


@message
class ServerInfo:
    """Who answers."""

    name: str
    version: str


@message
class StoreInfo:
    """Where sessions are kept: ``kind`` is "diskcache" or "memory"."""

    kind: str
    path: str | None = None


@message
class InitializeParams:
    """``process_id`` is watched: when it is gone the server ends, as when the pipe closes.

    Of a client's ``capabilities`` these are known. ``prepare``, true where a person is about to ask the default model
    something: it is made ready then, at the price of its memory. ``session_events``, false where the client follows
    sessions by streams: no ``session/event`` comes then, and what else would come behind those comes behind the
    streams' events. ``session_changes``, true where the client shows a list of sessions: ``sessions/changed`` comes
    then. Another ``initialize`` says it all anew.
    """

    client_info: ClientInfo | None = None
    process_id: Positive | None = None
    contract_version: str | None = None
    capabilities: dict[str, JSON] | None = None


@message
class InitializeResult:
    """What the server is and can do. ``capabilities`` repeats those of the client's that change what it is sent, as
    they hold."""

    server_info: ServerInfo
    contract_version: str
    methods: list[str]
    capabilities: dict[str, JSON]
    store: StoreInfo


@message
class CancelParams:
    """The request to cancel, by its id."""

    request_id: int | str


@message
class CancelResult:
    """False when no such request was in flight."""

    cancelled: bool


@message
class CancelRequestParams:
    """The request to cancel, by its id."""

    id: int | str
