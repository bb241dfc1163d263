"""The configuration file as ``config/get``, ``config/set`` and ``config/patch`` see it.

TOML that people edit too: comments and order are kept, and the generation comes from the content, so that an edit by
hand counts like any other. Secrets are never shown. Synchronous: the caller runs it in a thread.
"""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from meerkat_rpc.agent_settings import McpServer
from meerkat_rpc.config import config_content, parse_config
from meerkat_rpc.config_check import check_config
from meerkat_rpc.config_secrets import masked, unmasked
from meerkat_rpc.errors import InvalidArgument, StoreError

GENERATION_BITS = 52
"""What of the content's digest makes the generation: as many bits as a JavaScript number keeps exactly."""

PRIVATE_MODE = 0o600
"""The user's own file may hold keys."""

SHARED_MODE = 0o644
"""A project's file is there to be checked in."""


class ConfigFile:
    """The configuration file at ``path``, whether it exists yet or not.

    Args:
        path: where it is.
        project: the folder of the project that it belongs to; None for the user's own file.

    Raises:
        InvalidArgument: a link leads out of the project, which would have another file written.
    """

    def __init__(self, path: str, project: str | None = None) -> None:
        # Dotfiles are often symbolic links: the rename is to replace what they point to.
        self.path = os.path.realpath(path)
        self._shared = project is not None
        if project is not None and not self.path.startswith(os.path.join(os.path.realpath(project), "")):
            raise InvalidArgument(f"{path}: leads out of the project, to {self.path}")

    def read(self) -> tuple[dict[str, Any], int]:
        """Return ``(settings, generation)``, secrets masked; ``({}, 0)`` when there is no file.

        Raises:
            InvalidArgument: the file is not a valid configuration; names the file and the line.
            StoreError: it can't be read.
        """
        content = self._content()
        return masked(self._parse(content)), _generation(content)

    def write(self, config: Mapping[str, Any], expected_generation: int | None) -> tuple[dict[str, Any], int]:
        """Put ``config`` in place of all the settings and return what ``read`` would.

        Raises:
            InvalidArgument: a setting is unknown or wrong (``params.config.…``), or ``expected_generation`` is stale.
            StoreError: the file can't be written.
        """
        return self._replaced(lambda _old: config, "params.config", expected_generation)

    def patch(self, patch: Mapping[str, Any], expected_generation: int | None) -> tuple[dict[str, Any], int]:
        """Change the settings by a merge patch (RFC 7396), ``None`` removing one, and return what ``read`` would.

        Raises as ``write`` does, with ``params.patch.…``.
        """
        return self._replaced(lambda old: merge(old, patch), "params.patch", expected_generation)

    def rules(self) -> list[str]:
        """Return the calls of tools that are allowed without asking. Raises as ``read`` does."""
        return _rules(self._parse(self._content()))

    def allow_rule(self, rule: str) -> bool:
        """Allow what ``rule`` names (``TOOL`` or ``TOOL:DETAIL``) without asking; return whether it wasn't already.

        Raises as ``write`` does, with ``approvals.allow: …``.
        """
        return self._changed(lambda old: old if rule in _rules(old) else _with_rules(old, [*_rules(old), rule]))

    def remove_rule(self, rule: str) -> bool:
        """Have what ``rule`` names asked for again; return whether there was that rule. Raises as ``write`` does."""
        return self._changed(lambda old: _with_rules(old, [kept for kept in _rules(old) if kept != rule]))

    def set_mcp_server(self, server: McpServer) -> bool:
        """Add an MCP server, or put it in the place of the one of its name; return whether anything changed.

        Raises as ``write`` does, with ``mcp.servers.NAME: …``.
        """
        from meerkat_rpc.config_tables import mcp_table

        def change(old: dict[str, Any]) -> dict[str, Any]:
            return _with_server(_with_server(old, server.name, None), server.name, mcp_table(server))

        return self._changed(change)

    def remove_mcp_server(self, name: str) -> bool:
        """Remove an MCP server; return whether there was one of that name. Raises as ``write`` does."""
        return self._changed(lambda old: _with_server(old, name, None))

    def _replaced(
        self, change: Callable[[dict[str, Any]], Any], path: str, expected_generation: int | None
    ) -> tuple[dict[str, Any], int]:
        with self._lock():
            content = self._content()
            if expected_generation is not None and expected_generation != _generation(content):
                raise InvalidArgument(
                    f"params.expected_generation: the configuration changed, its generation is {_generation(content)}",
                    generation=_generation(content),
                )
            old = self._parse(content)
            new = unmasked(change(old), old, path)
            return masked(new), _generation(self._put(content, new, path))

    def _changed(self, change: Callable[[dict[str, Any]], dict[str, Any]]) -> bool:
        with self._lock():
            content = self._content()
            old = self._parse(content)
            new = change(old)
            if new != old:
                self._put(content, new, "")
            return new != old

    def _put(self, content: bytes | None, new: dict[str, Any], path: str) -> bytes:
        """Have the file say ``new`` instead of ``content``, and return its content then."""
        from meerkat_rpc.config_edit import edited

        check_config(new, path)
        written = edited(content or b"", new)
        if written != content:
            self._parse(written)  # what could not be read again, for its size perhaps, is not written
            self._replace_file(written)
        return written

    def _parse(self, content: bytes | None) -> dict[str, Any]:
        return {} if content is None else parse_config(content, self.path)

    def _content(self) -> bytes | None:
        try:
            return config_content(self.path)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError(f"{self.path}: {error.strerror}") from error

    def _replace_file(self, content: bytes) -> None:
        """Replace the file, durably and at once: a reader sees the old content or the new."""
        try:
            handle, temporary = tempfile.mkstemp(prefix=".config-", dir=os.path.dirname(self.path))
            try:
                os.chmod(temporary, self._mode())  # the umask may have taken more away than it should
                with os.fdopen(handle, "wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(handle)
                os.replace(temporary, self.path)
            except BaseException:
                with suppress(OSError):
                    os.unlink(temporary)
                raise
            _sync_folder(os.path.dirname(self.path))
        except OSError as error:
            raise StoreError(f"{self.path}: {error.strerror}") from error

    def _mode(self) -> int:
        """Return the permissions of the file to be written: a project's keeps those that it has."""
        if not self._shared:
            return PRIVATE_MODE
        try:
            return stat.S_IMODE(os.stat(self.path).st_mode)
        except FileNotFoundError:
            return SHARED_MODE

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """Keep other processes from writing meanwhile, where the platform has a lock that dies with its holder."""
        try:
            import fcntl
        except ImportError:
            fcntl = None  # type: ignore[assignment]
        folder = os.path.dirname(self.path)
        try:
            os.makedirs(folder, mode=0o777 if self._shared else 0o700, exist_ok=True)
            lock = self._lock_file(folder)
        except OSError as error:
            raise StoreError(f"{self.path}: {error.strerror}") from error
        try:
            if fcntl is not None:
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)  # by which the lock is freed

    def _lock_file(self, folder: str) -> int:
        """Return a descriptor to lock: of the folder itself in a project, which no further file is to be put into."""
        if self._shared and hasattr(os, "O_DIRECTORY"):
            return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        return os.open(self.path + ".lock", os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), PRIVATE_MODE)


def _sync_folder(path: str) -> None:
    """Make a rename in ``path`` durable, where the platform can open a folder."""
    if hasattr(os, "O_DIRECTORY"):
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _generation(content: bytes | None) -> int:
    if content is None:
        return 0
    return int.from_bytes(hashlib.sha256(content).digest()[:8], "big") >> (64 - GENERATION_BITS)


def merge(target: Any, patch: Any) -> Any:
    """Return ``target`` with ``patch`` applied: RFC 7396 section 2."""
    if not isinstance(patch, Mapping):
        return patch
    merged = dict(target) if isinstance(target, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge(merged.get(name), value)
    return merged


def _rules(config: Mapping[str, Any]) -> list[str]:
    return list(config.get("approvals", {}).get("allow", ()))


def _with_rules(config: dict[str, Any], rules: list[str]) -> dict[str, Any]:
    if rules == _rules(config):
        return config
    changed: dict[str, Any] = merge(config, {"approvals": {"allow": rules}})
    return changed


def _with_server(config: dict[str, Any], name: str, table: dict[str, Any] | None) -> dict[str, Any]:
    if table is None and name not in config.get("mcp", {}).get("servers", {}):
        return config
    changed: dict[str, Any] = merge(config, {"mcp": {"servers": {name: table}}})
    return changed
