"""The servers of one conversation: each started when it is first spoken to, all over the same store."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from meerkat_rpc.transcript.format import Header
from meerkat_rpc.transcript.invariants import Invariants
from meerkat_rpc.transcript.patterns import Mismatch, substitute
from meerkat_rpc.transcript.server import Server
from meerkat_rpc.wire.framing import Style


class Options(NamedTuple):
    """How to run. ``command`` is the server's; ``own`` says that it takes our options, so it gets a store of its own.

    ``timeout`` bounds each wait, in seconds.
    """

    command: Sequence[str]
    own: bool
    timeout: float = 20.0


class Peer:
    """A server and what is known of it."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.invariants = Invariants()


class Peers:
    """Servers by the names that steps call them (``on``)."""

    def __init__(self, header: Header, framing: Style, options: Options, folder: str) -> None:
        self.timeout = header.timeout or options.timeout
        self._header = header
        self._framing: Style = framing
        self._options = options
        self._folder = folder
        self._peers: dict[str, Peer] = {}

    def __iter__(self) -> Iterator[str]:
        return iter([*self._peers])

    def __getitem__(self, name: str) -> Peer:
        """Return the server, started if it wasn't yet. Raises ``OSError`` when it can't be."""
        if name not in self._peers:
            self.start(name, self._header.args, {"tmp": self._folder})
        return self._peers[name]

    def start(self, name: str, args: Sequence[str] | None, names: Mapping[str, Any]) -> None:
        """Start a server with ``args`` (the header's when None), in place of one that has ended.

        Raises:
            Mismatch: the one of that name still runs.
            OSError: it can't be started.
        """
        if old := self._peers.pop(name, None):
            if old.server.running:
                self._peers[name] = old
                raise Mismatch("", "a server that has ended, before another is started", "it runs")
            old.server.kill()
        argv = [*self._options.command, *self._own_options()]
        argv += substitute([*(self._header.args if args is None else args)], names)
        env = _environment(self._folder, substitute({**self._header.env}, names))
        self._peers[name] = Peer(Server(argv, env, self._framing, self.timeout))

    def stderr(self, name: str) -> str:
        """Return what the server said on stderr; nothing if it was never started."""
        return self._peers[name].server.stderr if name in self._peers else ""

    def abandon(self) -> None:
        """Leave no process behind."""
        for peer in self._peers.values():
            peer.server.kill()

    def _own_options(self) -> list[str]:
        if not self._options.own:
            return []
        store = ["--store", f"{self._folder}/store"] if self._header.store else []
        return ["--user-config-root", f"{self._folder}/config", *store]


def _environment(folder: str, given: Mapping[str, str]) -> dict[str, str]:
    """Return an environment in which neither the user's settings nor the user's sessions are met."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MEERKAT_")}
    own = {f"XDG_{kind}_HOME": os.path.join(folder, kind.lower()) for kind in ("CONFIG", "DATA", "STATE", "CACHE")}
    return {**kept, **own, **given}
