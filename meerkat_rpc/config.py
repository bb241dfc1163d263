"""Where a setting comes from: option, environment, configuration file, default, in this order.

On the path to the first reply: platformdirs (10 to 30 ms of import) is left out on Linux, where a test holds the
lines about XDG below against it, and tomllib is loaded only when there is a file to read.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

from meerkat_rpc.config_keys import KEYS, Key, age_ms, check_value, fits
from meerkat_rpc.errors import InvalidArgument

APP = "meerkat-rpc"

REALM_CHARS = 100
"""The longest name of a store: file systems take 255 bytes."""

MAX_CONFIG_BYTES = 128 * 1024
"""The largest configuration file: many times what people write, and parsed in tenths of a second whatever is in it."""

MAX_DOTS = 500
"""Dots on one line of a configuration file: tomllib's time and memory grow with the square of a dotted key's length,
and a project's file may be a stranger's."""


class Settings(NamedTuple):
    """What the program runs with.

    ``store`` is an absolute path; None with ``ephemeral`` (sessions live in memory and end with the process) and with
    ``isolated`` (the store is a temporary directory that whoever opens it makes, and removes at exit).
    ``model``, ``contract``, ``log_file``: None when nobody named one. ``given_model``: the one that an option or the
    environment named, before which no file's goes. ``cwd`` is the folder of sessions that name none.
    ``fold_after_ms``: None for never.
    ``env``: variables to set where the environment has none. ``config_file`` may not exist.
    """

    store: str | None
    ephemeral: bool
    isolated: bool
    model: str | None
    contract: str | None
    cwd: str | None
    max_sessions: int
    framing: Literal["auto", "jsonl", "content-length"]
    drain_timeout_s: float
    max_frame_bytes: int
    fold_after_ms: int | None
    log_level: str
    log_file: str | None
    env: Mapping[str, str]
    config_file: str
    given_model: str | None = None


def resolve(options: Mapping[str, object | None], environ: Mapping[str, str]) -> Settings:
    """Return the settings that hold.

    Args:
        options: the options of ``commands/serve_options.py`` by their names; None or absent when not given.
        environ: the environment.

    Raises:
        InvalidArgument: a value is wrong, in the configuration file perhaps; the message says where.
    """
    config_file = config_path(options, environ)
    config = read_config(config_file)
    found = {name: _pick(key, options, environ, config) for name, key in KEYS.items()}
    ephemeral, isolated = bool(options.get("ephemeral")), bool(options.get("isolated"))
    return Settings(
        store=None if ephemeral or isolated else _store(options, environ, found["store"]),
        ephemeral=ephemeral,
        isolated=isolated and not ephemeral,
        model=found["model"],
        contract=found["contract"],
        cwd=_optional_path(options.get("context_root")),
        max_sessions=found["max_sessions"],
        framing=found["framing"],
        drain_timeout_s=float(found["drain_timeout"]),
        max_frame_bytes=found["max_frame_bytes"],
        fold_after_ms=age_ms(found["fold_after"], "fold_after"),
        log_level=found["log_level"],
        log_file=_optional_path(found["log_file"]),
        env=found["env"] or {},
        config_file=config_file,
        given_model=next((str(model) for _, model in _candidates(KEYS["model"], options, environ)), None),
    )


def config_path(options: Mapping[str, object | None], environ: Mapping[str, str]) -> str:
    """Return where the configuration file is or would be, absolute."""
    if given := environ.get("MEERKAT_CONFIG"):
        return absolute(given)
    if root := options.get("user_config_root"):
        return os.path.join(absolute(str(root)), "config.toml")
    return os.path.join(_user_directory(environ, "config"), "config.toml")


def read_config(path: str) -> dict[str, Any]:
    """Return what the configuration file says; nothing when there is none.

    Raises:
        InvalidArgument: it can't be read, is not TOML, or holds what a configuration may not; with its name and line.
    """
    try:
        content = config_content(path)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise InvalidArgument(f"{path}: {error.strerror}") from error
    return parse_config(content, path)


def config_content(path: str) -> bytes:
    """Return the content of a configuration file. Waits for nobody: a pipe or a device in its place is refused.

    Raises:
        OSError: it can't be read.
        InvalidArgument: it is no file, or far too large for one of these.
    """
    with open(path, "rb", buffering=0, opener=_without_waiting) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise InvalidArgument(f"{path}: not a file")
        content = file.read(MAX_CONFIG_BYTES + 1)
    if len(content) > MAX_CONFIG_BYTES:
        raise InvalidArgument(f"{path}: larger than {MAX_CONFIG_BYTES >> 10} KiB, which no configuration is")
    return content


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def parse_config(content: bytes, path: str) -> dict[str, Any]:
    """Return what ``content`` says; ``path`` is for messages. Raises ``InvalidArgument`` as ``read_config`` does."""
    text = _text(content, path)
    config = _toml(text, path)
    if all(name in KEYS and fits(KEYS[name], value) for name, value in config.items()):
        return config  # as most are, and the rest need not be loaded before the first reply
    from meerkat_rpc.config_check import WrongSetting, check_config

    try:
        check_config(config, "")
    except WrongSetting as error:
        from meerkat_rpc.config_lines import line_of

        raise InvalidArgument(f"{path}, line {line_of(error.keys, text)}: {error.message}") from None
    return config


def _text(content: bytes, path: str) -> str:
    if content.startswith(b"\xef\xbb\xbf"):
        raise InvalidArgument(f"{path}: begins with a byte order mark; save it as UTF-8 without one")
    if len(content) > MAX_CONFIG_BYTES or any(line.count(b".") > MAX_DOTS for line in content.split(b"\n")):
        raise InvalidArgument(f"{path}: too large, or a line with more than {MAX_DOTS} dots in it")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise InvalidArgument(f"{path}: not UTF-8 at byte {error.start}") from error


def _toml(text: str, path: str) -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads(text)
    except ValueError as error:  # tomllib's own, and Python's for a number of more than 4300 digits
        raise InvalidArgument(f"{path}: {error}") from error
    except RecursionError:
        raise InvalidArgument(f"{path}: nested too deep") from None


def default_store(environ: Mapping[str, str]) -> str:
    """Return the directory of the store when nobody names one."""
    return os.path.join(_user_directory(environ, "state"), "store")


def absolute(path: str) -> str:
    """Return ``path`` absolute, with ``~`` expanded."""
    return os.path.abspath(os.path.expanduser(path))


def _pick(key: Key, options: Mapping[str, object | None], environ: Mapping[str, str], config: Mapping[str, Any]) -> Any:
    for source, value in _candidates(key, options, environ):
        check_value(key, value, source)
        return value
    return config.get(key.name, key.default)


def _candidates(
    key: Key, options: Mapping[str, object | None], environ: Mapping[str, str]
) -> Iterator[tuple[str, object]]:
    """Yield what was given, with its name for messages, first the option and then the variable."""
    if (option := options.get(key.name)) is not None:
        yield "--" + key.name.replace("_", "-"), option
    if key.environment and (variable := environ.get(key.environment)):
        yield key.environment, variable


def _store(options: Mapping[str, object | None], environ: Mapping[str, str], found: str | None) -> str:
    """Return the store's directory. ``--realm`` and ``--state-root`` are options: they go before the environment."""
    if options.get("store") is None and (options.get("realm") or options.get("state_root")):
        root = options.get("state_root") or _user_directory(environ, "state")
        realm = options.get("realm")
        return os.path.join(absolute(str(root)), *(("realms", _realm(str(realm))) if realm else ("store",)))
    return absolute(found) if found else default_store(environ)


def _realm(name: str) -> str:
    """Return ``name`` if it can name a directory on every platform."""
    plain = all(c.isalnum() or c in "._-" for c in name)
    if not plain or name[0] in ".-" or name[-1] == "." or len(name) > REALM_CHARS:
        raise InvalidArgument(f'--realm: expected letters, digits, ".", "_" and "-", got "{name[:60]}"')
    return name


def _optional_path(value: object | None) -> str | None:
    return absolute(str(value)) if value else None


def _user_directory(environ: Mapping[str, str], kind: str) -> str:
    """Return the user's directory for our ``kind`` of files: "state" or "config"."""
    if sys.platform != "linux":
        import platformdirs

        find = platformdirs.user_state_dir if kind == "state" else platformdirs.user_config_dir
        return find(APP, appauthor=False)
    given = environ.get(f"XDG_{kind.upper()}_HOME", "").strip()
    if os.path.isabs(given):  # the specification: a relative one is to be ignored
        return os.path.join(given, APP)
    return os.path.join(os.path.expanduser("~"), ".local/state" if kind == "state" else ".config", APP)
