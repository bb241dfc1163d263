"""The variables of the configuration's ``env``: set where the environment has none, and kept up with the file."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping


class ConfiguredEnvironment:
    """Variables in ``environ`` that are ours because nobody had set them."""

    def __init__(self, environ: MutableMapping[str, str]) -> None:
        self._environ = environ
        self._ours: set[str] = set()

    def apply(self, variables: Mapping[str, str]) -> None:
        """Have ``variables`` hold, except where the environment had one of its own; those of before don't any more."""
        for name in self._ours - variables.keys():
            self._environ.pop(name, None)
        self._ours &= variables.keys()
        for name, value in variables.items():
            if name in self._ours or name not in self._environ:
                self._environ[name] = value
                self._ours.add(name)
