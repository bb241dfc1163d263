"""The configuration file of a project: where it is, and whether its user trusts it.

``config_trust.py`` says what of it holds. Light: a server looks for one before it knows that there is any.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, NamedTuple

PROJECT_FILE = os.path.join(".meerkat", "config.toml")


class Ignored(NamedTuple):
    """A setting of a project's file that doesn't hold, and why not."""

    setting: str
    reason: str


class Held(NamedTuple):
    """What holds in a project: the user's configuration and the project's together, and what was left out."""

    config: Mapping[str, Any]
    ignored: tuple[Ignored, ...]


def project_file(cwd: str) -> str | None:
    """Return the nearest configuration file of a project at or above ``cwd``; None when there is none.

    Looked for up to the repository's root or the user's home, those included; outside of both only in ``cwd`` itself:
    what lies in ``/tmp`` is anybody's.
    """
    if "\0" in cwd:
        return None
    here = os.path.realpath(cwd)
    home = os.path.realpath(os.path.expanduser("~"))
    found, place = None, here
    while True:
        if found is None and os.path.isfile(os.path.join(place, PROJECT_FILE)):
            found = place
        if place == home or os.path.lexists(os.path.join(place, ".git")):
            break
        if (above := os.path.dirname(place)) == place:
            found = found if found == here else None
            break
        place = above
    return None if found is None else os.path.join(found, PROJECT_FILE)


def project_folder(file: str) -> str:
    """Return the folder of the project whose configuration file ``file`` is."""
    return os.path.dirname(os.path.dirname(file))


def is_trusted(project: str, user: Mapping[str, Any]) -> bool:
    """Return whether the ``user``'s configuration trusts the folder ``project``, which has no links in it."""
    trusted = user.get("trusted_projects", ())
    return any(os.path.realpath(os.path.expanduser(path)) == project for path in trusted)
