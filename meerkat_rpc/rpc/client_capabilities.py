"""What a client says of itself in ``initialize``. On the path to the first reply: light imports only."""

from __future__ import annotations

from typing import NamedTuple


class ClientCapabilities(NamedTuple):
    """The capabilities of clients that this server knows, as they hold for a connection.

    Args:
        prepare: a person is about to ask something of the default model, which is made ready for it. Others would only
            pay for it: a language model takes 40 MB before it has said a word.
        session_events: events come as ``session/event`` too, unasked; else through streams alone.
        session_changes: ``sessions/changed`` comes when a listing is out of date.
    """

    prepare: bool = False
    session_events: bool = True
    session_changes: bool = False

    @staticmethod
    def of(said: object) -> ClientCapabilities:
        """Return what ``initialize`` says, whose ``capabilities`` are ``said``. Each greeting says it all anew."""
        if not isinstance(said, dict):
            return ClientCapabilities()
        known = ClientCapabilities._field_defaults
        return ClientCapabilities(**{name: said[name] for name in known if isinstance(said.get(name), bool)})
