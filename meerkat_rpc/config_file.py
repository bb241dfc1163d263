"""The configuration file as ``config/get``, ``config/set`` and ``config/patch`` see it.

TOML that people edit too: comments and order are kept, and the generation comes from the content, so that an edit by
hand counts like any other. Secrets are never shown. Synchronous: the caller runs it in a thread.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
import tomllib
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager, suppress
from typing import Any

from meerkat_rpc.config import parse_config
from meerkat_rpc.config_check import check_config
from meerkat_rpc.errors import InvalidArgument, StoreError

SECRET_WORDS = ("key", "token", "secret", "pass", "credential", "auth")
"""A text whose name has one of these in it is a secret."""

_ADDRESS_WITH_USER = re.compile(r"://[^/\s]*@")
"""And so is, whatever its name, an address that brings a user along (RFC 3986 section 3.2.1), and often a password."""

MASK = "***"
"""Shown for a secret. Written back, it means the value that is there."""

GENERATION_BITS = 52
"""What of the content's digest makes the generation: as many bits as a JavaScript number keeps exactly."""


class ConfigFile:
    """The configuration file at ``path``, whether it exists yet or not."""

    def __init__(self, path: str) -> None:
        # Dotfiles are often symbolic links: the rename is to replace what they point to.
        self.path = os.path.realpath(path)

    def read(self) -> tuple[dict[str, Any], int]:
        """Return ``(settings, generation)``, secrets masked; ``({}, 0)`` when there is no file.

        Raises:
            InvalidArgument: the file is not a valid configuration; names the file and the line.
            StoreError: it can't be read.
        """
        content = self._content()
        return _masked(self._parse(content)), _generation(content)

    def write(self, config: Mapping[str, Any], expected_generation: int | None) -> tuple[dict[str, Any], int]:
        """Put ``config`` in place of all the settings and return what ``read`` would.

        Raises:
            InvalidArgument: a setting is unknown or wrong (``params.config.…``), or ``expected_generation`` is stale.
            StoreError: the file can't be written.
        """
        check_config(config, "params.config")
        return self._replace(lambda _old: config, "params.config", expected_generation)

    def patch(self, patch: Mapping[str, Any], expected_generation: int | None) -> tuple[dict[str, Any], int]:
        """Change the settings by a merge patch (RFC 7396), ``None`` removing one, and return what ``read`` would.

        Raises as ``write`` does, with ``params.patch.…``.
        """
        return self._replace(lambda old: _merge(old, patch), "params.patch", expected_generation)

    def _replace(
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
            new = _unmasked(change(old), old, path)
            check_config(new, path)
            written = _edited(content or b"", new)
            self._put(written)
        return _masked(new), _generation(written)

    def _parse(self, content: bytes | None) -> dict[str, Any]:
        return {} if content is None else parse_config(content, self.path)

    def _content(self) -> bytes | None:
        try:
            with open(self.path, "rb") as file:
                return file.read()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError(f"{self.path}: {error.strerror}") from error

    def _put(self, content: bytes) -> None:
        """Replace the file, durably and at once: a reader sees the old content or the new."""
        try:
            handle, temporary = tempfile.mkstemp(prefix=".config-", dir=os.path.dirname(self.path))
            try:
                os.chmod(temporary, 0o600)  # the umask may have taken more away than it should
                with os.fdopen(handle, "wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(handle)
                os.replace(temporary, self.path)
            except BaseException:
                with suppress(OSError):
                    os.unlink(temporary)
                raise
        except OSError as error:
            raise StoreError(f"{self.path}: {error.strerror}") from error

    @contextmanager
    def _lock(self) -> Iterator[None]:
        """Keep other processes from writing meanwhile, where the platform has a lock that dies with its holder."""
        try:
            import fcntl
        except ImportError:
            fcntl = None  # type: ignore[assignment]
        try:
            os.makedirs(os.path.dirname(self.path), mode=0o700, exist_ok=True)
            lock = open(self.path + ".lock", "ab")  # noqa: SIM115 - closed below, by which the lock is freed
        except OSError as error:
            raise StoreError(f"{self.path}: {error.strerror}") from error
        with lock:
            if fcntl is not None:
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _generation(content: bytes | None) -> int:
    if content is None:
        return 0
    return int.from_bytes(hashlib.sha256(content).digest()[:8], "big") >> (64 - GENERATION_BITS)


def _merge(target: Any, patch: Any) -> Any:
    """Return ``target`` with ``patch`` applied: RFC 7396 section 2."""
    if not isinstance(patch, Mapping):
        return patch
    merged = dict(target) if isinstance(target, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = _merge(merged.get(name), value)
    return merged


def is_secret(name: str, value: object) -> bool:
    """Whether ``value``, a setting called ``name``, is to be hidden."""
    named = any(word in name.lower() for word in SECRET_WORDS)
    return named or (isinstance(value, str) and _ADDRESS_WITH_USER.search(value) is not None)


def _masked(value: Any, name: str = "") -> Any:
    if isinstance(value, Mapping):
        return {key: _masked(item, key) for key, item in value.items()}
    return MASK if isinstance(value, str) and is_secret(name, value) else value


def _unmasked(new: Any, old: Any, path: str, name: str = "") -> Any:
    """Return ``new`` with each mask replaced by the secret in its place in ``old``."""
    if isinstance(new, Mapping):
        before = old if isinstance(old, Mapping) else {}
        return {key: _unmasked(item, before.get(key), f"{path}.{key}", key) for key, item in new.items()}
    if new != MASK or not is_secret(name, old):
        return new
    if old is None:
        raise InvalidArgument(f'{path}: "{MASK}" stands for the value that is there, and there is none')
    return old


def _edited(content: bytes, new: Mapping[str, Any]) -> bytes:
    """Return the TOML of ``new``, made by editing ``content`` so that comments and order stay."""
    import tomlkit

    document = tomlkit.parse(content)
    _edit(document, new)
    text = tomlkit.dumps(document)
    if tomllib.loads(text) != new:  # layout comes second: never write what reads back as something else
        text = tomlkit.dumps(new)
    return text.encode()


def _edit(table: MutableMapping[str, Any], new: Mapping[str, Any]) -> None:
    for name in [name for name in table if name not in new]:
        del table[name]
    for name, value in new.items():
        current = table.get(name)
        if isinstance(current, MutableMapping) and isinstance(value, Mapping):
            _edit(current, value)
        elif current != value:
            table[name] = value
