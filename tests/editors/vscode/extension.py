"""Builds the extension as people get it: one .vsix."""

from __future__ import annotations

import fcntl
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.editors.programs import ROOT, require

FOLDER = ROOT / "editors" / "vscode"


def build(target: Path) -> Path:
    """Build the extension out of its sources into the folder ``target``; return the .vsix."""
    vsix = target / "meerkat.vsix"
    with _alone():
        install_packages()
        npm("run", "package", "--", "--out", str(vsix))
    return vsix


@contextmanager
def _alone() -> Iterator[None]:
    """Builds share the folders that packages and bundles go to: one at a time, whatever process it is in."""
    with (FOLDER / "package.json").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def install_packages() -> None:
    """Install what the sources are built with, as the lock file has it, unless it is there already."""
    lock, installed = FOLDER / "package-lock.json", FOLDER / "node_modules" / ".package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        npm("ci", "--ignore-scripts", "--no-fund", "--no-audit")


def npm(*arguments: str) -> str:
    """Run npm in the extension's folder; return what it printed. Raises, with all of it, if it failed."""
    done = subprocess.run(
        [require("npm"), *arguments],
        cwd=FOLDER,
        env={**os.environ, "npm_config_update_notifier": "false"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"npm {' '.join(arguments)}: exit code {done.returncode}\n{done.stdout}")
    return done.stdout
