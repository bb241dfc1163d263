"""The configuration of a running server: what the files say now, without reading them when they haven't changed."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any, NamedTuple

from meerkat_rpc.agent_settings import AgentSettings
from meerkat_rpc.config import config_content, parse_config
from meerkat_rpc.config_environment import ConfiguredEnvironment
from meerkat_rpc.config_keys import KEYS
from meerkat_rpc.config_project import Held, Ignored, is_trusted, project_file, project_folder
from meerkat_rpc.errors import InvalidArgument

KEPT_PROJECTS = 64
"""Projects whose files are kept parsed: more than an editor has open. One that was dropped is read again."""

RACY_NS = 50_000_000
"""How long after its last change a file is read again each time: within one tick of the file system's clock it can
change twice and look the same."""

_warn = logging.getLogger(__name__).warning


class ConfigReport(NamedTuple):
    """What holds in a folder and why. ``problems``: what is wrong with the files, whose last good content holds."""

    user: str
    project: str | None
    trusted: bool
    ignored: tuple[Ignored, ...]
    problems: tuple[str, ...]


class _Watched:
    """A file, and what it said when it was last right: ``config``, read from ``good``. ``version`` counts readings."""

    def __init__(self, path: str, warn: Callable[[str], object]) -> None:
        self.path = path
        self.config: Mapping[str, Any] = {}
        self.good: bytes | None = None
        self.problem: str | None = None
        self.version = 0
        self._warn = warn
        self._signature: object = ()
        self._content: bytes | None = None

    def look(self) -> None:
        """Read the file if it isn't as it was. Says what is wrong with it, once for each change."""
        try:
            status = os.stat(self.path)
        except OSError:
            signature = None
        else:
            signature = (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino, status.st_dev)
            if abs(time.time_ns() - status.st_mtime_ns) < RACY_NS:
                self._signature = ()
        if signature != self._signature:
            self._signature = signature
            self._read()

    def _read(self) -> None:
        try:
            content: bytes | None = config_content(self.path)
            if content == self._content and self.version:
                return
            self._content = content
            self.config = parse_config(content or b"", self.path)
            self.good, self.problem = content, None
        except (FileNotFoundError, NotADirectoryError):
            self._content, self.config, self.good, self.problem = None, {}, None, None
        except (InvalidArgument, OSError) as error:
            self._refuse(error.message if isinstance(error, InvalidArgument) else f"{self.path}: {error.strerror}")
        self.version += 1

    def _refuse(self, problem: str) -> None:
        if problem != self.problem:
            self._warn(f"{problem}; the settings from before hold")
        self.problem = problem


class LiveConfig:
    """The settings that hold in a folder right now: the user's file, and over it the project's.

    Args:
        user_path: the user's configuration file; it need not exist.
        environ: the environment that its ``env`` is put into, now and whenever it changes.
        warn: takes what is wrong, once for each change.
    """

    def __init__(
        self,
        user_path: str,
        environ: MutableMapping[str, str] | None = None,
        warn: Callable[[str], object] = _warn,
    ) -> None:
        self._warn = warn
        self._user = _Watched(user_path, warn)
        self._projects: OrderedDict[str, _Watched] = OrderedDict()
        self._settings: OrderedDict[object, tuple[Held, AgentSettings]] = OrderedDict()
        self._lock = threading.Lock()
        self._environment = ConfiguredEnvironment({} if environ is None else environ)
        self._look_at_users()
        self._started = self._user.config

    def settings(self, cwd: str | None) -> AgentSettings:
        """Return the settings of sessions in ``cwd``. Looks at the files, and reads one only when it has changed.

        Never raises: what is wrong with a file is logged, and its last good content holds.
        """
        return self._look(cwd)[1]

    def report(self, cwd: str | None) -> ConfigReport:
        """Return which files hold in ``cwd``, and what of them doesn't."""
        with self._lock:
            project = self._project(cwd)
            found, _settings = self._held(project)
            problems = tuple(file.problem for file in (self._user, project) if file is not None and file.problem)
            trusted = project is not None and is_trusted(project_folder(project.path), self._user.config)
            path = None if project is None else project.path
            return ConfigReport(self._user.path, path, trusted, found.ignored, problems)

    def restart(self) -> list[str]:
        """Return the settings in the user's file that this server would need a restart for: they have changed since."""
        with self._lock:
            self._look_at_users()
            now = self._user.config
            return [name for name, key in KEYS.items() if not key.live and now.get(name) != self._started.get(name)]

    def _look(self, cwd: str | None) -> tuple[Held, AgentSettings]:
        with self._lock:
            return self._held(self._project(cwd))

    def _look_at_users(self) -> None:
        version = self._user.version
        self._user.look()
        if self._user.version != version:
            self._environment.apply(self._user.config.get("env", {}))

    def _project(self, cwd: str | None) -> _Watched | None:
        """Look at the files; return the project's, if there is one besides the user's."""
        self._look_at_users()
        path = None if cwd is None else project_file(cwd)
        if path is None or path == os.path.realpath(self._user.path):
            return None
        project = self._projects.setdefault(path, _Watched(path, self._warn))
        self._projects.move_to_end(path)
        if len(self._projects) > KEPT_PROJECTS:
            self._projects.popitem(last=False)
        project.look()
        return project

    def _held(self, project: _Watched | None) -> tuple[Held, AgentSettings]:
        trusted = project is not None and is_trusted(project_folder(project.path), self._user.config)
        key = (self._user.version, project and (project.path, project.good), trusted)
        if key not in self._settings:
            found = self._both(project, trusted=trusted)
            self._settings[key] = found, _read_tables(found.config)
        self._settings.move_to_end(key)
        if len(self._settings) > KEPT_PROJECTS:
            self._settings.popitem(last=False)
        return self._settings[key]

    def _both(self, project: _Watched | None, *, trusted: bool) -> Held:
        if project is None:
            return Held(self._user.config, ())
        from meerkat_rpc.config_trust import held

        found = held(self._user.config, project.config, home=project_folder(project.path), trusted=trusted)
        for setting, reason in found.ignored:
            self._warn(f"{project.path}: {setting} is ignored: {reason}")
        return found


def _read_tables(config: Mapping[str, Any]) -> AgentSettings:
    """Return the settings of ``config``; where it has no tables, without loading what reads them."""
    if config.keys() <= KEYS.keys():
        return AgentSettings(model=config.get("model"))
    from meerkat_rpc.config_tables import agent_settings

    return agent_settings(config)
