"""The domain's exceptions.

    MeerkatError
    ├── InvalidArgument        the caller's value is wrong; names the path of the value
    ├── SessionNotFound        unknown, deleted, or archived for writing
    ├── SessionBusy            a turn is running, here or in another process
    ├── SessionNotRunning      the call needs a running turn
    ├── TurnInterrupted        the turn was interrupted; carries what it had said
    ├── ProviderError          the model's provider refused, failed or isn't set up
    ├── BudgetExhausted        tokens, time or tool calls ran out
    ├── AgentError             anything else an agent raised
    ├── CapacityExhausted      too many live sessions
    ├── CapabilityUnavailable  the feature is off or not installed
    └── StoreError             the store refused
        ├── RevisionConflict   somebody else committed first; nothing was written
        │   └── TurnTaken      and it was this very turn
        └── StoreCorrupt       a row can't be trusted; names the row

Each class has the stable upper-case ``code`` that hosts match on. The numbers of JSON-RPC are the wire's
business (``rpc/mapping.py``). ``data`` holds facts for the caller and must be JSON-representable.
"""

from __future__ import annotations

from typing import Any, ClassVar

SHOWN_CHARS = 60
"""How much of a name that a caller got wrong is repeated: enough to know it by, whatever was sent."""


def cut(text: str) -> str:
    """Return ``text`` as a message repeats it."""
    return text if len(text) <= SHOWN_CHARS else text[: SHOWN_CHARS - 1] + "…"


class MeerkatError(Exception):
    """Base of everything this program raises on purpose.

    Args:
        message: one sentence for a person, saying what to do where something can be done.
        data: facts for programs, JSON-representable (``session_id``, ``turn_id``, limits …).
    """

    code: ClassVar[str] = "INTERNAL_ERROR"

    def __init__(self, message: str, **data: Any) -> None:
        super().__init__(message)
        self.message = message
        self.data: dict[str, Any] = data


class InvalidArgument(MeerkatError):
    """A value of the caller's is wrong. ``message`` begins with the path of the value."""

    code = "INVALID_PARAMS"


class SessionNotFound(MeerkatError):
    """The session is unknown, deleted, or archived and the call would write."""

    code = "SESSION_NOT_FOUND"


class SessionBusy(MeerkatError):
    """A turn is running in the session. ``data["owner"]`` names the process when it is another one."""

    code = "SESSION_BUSY"


class SessionNotRunning(MeerkatError):
    """The call needs a running turn and there is none."""

    code = "SESSION_NOT_RUNNING"


class TurnInterrupted(MeerkatError):
    """The turn was interrupted. ``data`` has ``text`` (what it had said) and ``usage``."""

    code = "TURN_CANCELLED"


class ProviderError(MeerkatError):
    """The model's provider refused, failed, or is not set up."""

    code = "PROVIDER_ERROR"


class BudgetExhausted(MeerkatError):
    """A budget of tokens, time or tool calls ran out."""

    code = "BUDGET_EXHAUSTED"


class AgentError(MeerkatError):
    """Anything else that an agent raised."""

    code = "AGENT_ERROR"


class CapacityExhausted(MeerkatError):
    """Too many live sessions. ``data`` has ``active`` and ``max``."""

    code = "CAPACITY_EXHAUSTED"


class CapabilityUnavailable(MeerkatError):
    """The feature is off or not installed; the message says how to turn it on."""

    code = "CAPABILITY_UNAVAILABLE"


class StoreError(MeerkatError):
    """The store refused: full disk, read-only, locked for too long, gone."""

    code = "STORE_ERROR"


class RevisionConflict(StoreError):
    """Somebody else committed to the session first. Nothing was written; reload and decide again."""


class TurnTaken(RevisionConflict):
    """The turn to be admitted is there already. Nothing was written: a turn id runs once, in whichever process."""


class StoreCorrupt(StoreError):
    """A stored row can't be trusted. ``data["row"]`` names it; its bytes are left as they are."""


_KINDS: tuple[type[MeerkatError], ...] = (
    InvalidArgument,
    SessionNotFound,
    SessionBusy,
    SessionNotRunning,
    TurnInterrupted,
    ProviderError,
    BudgetExhausted,
    AgentError,
    CapacityExhausted,
    CapabilityUnavailable,
    StoreError,
)

BY_CODE = {kind.code: kind for kind in _KINDS}
"""The class of each code, for errors that come back out of a store or a script."""
