"""``meerkat-rpc doctor``: is everything here that is needed? Looks and tells; mends nothing and makes nothing."""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import stat
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from meerkat_rpc.commands.finding import NOTE, OK, PROBLEM, Finding
from meerkat_rpc.commands.serve_options import add_store_options
from meerkat_rpc.errors import MeerkatError

if TYPE_CHECKING:
    from meerkat_rpc.config import Settings
    from meerkat_rpc.store.disk_check import StoreReport

HELP = "check the installation, the configuration, the store and the models"

_MARKS = {OK: ("✓", 32), NOTE: ("!", 33), PROBLEM: ("✗", 31)}
"""How each is shown: a character, and its colour as a terminal knows it (ECMA-48: green, yellow, red)."""

PACKAGES = ("attrs", "cattrs", "diskcache", "orjson", "platformdirs", "psutil", "pygls", "tomlkit")
"""What a server needs, by the names they are installed under."""

LOW_SPACE = 256 << 20
"""Bytes free below which it is said: a long session is some megabytes, and SQLite needs room to tidy up."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("--json", action="store_true", help="as JSON")
    add_store_options(parser)


def run(args: argparse.Namespace) -> int:
    """Print what was found; return 1 when something is a problem, else 0."""
    findings = list(_findings(vars(args)))
    if args.json:
        print(json.dumps([finding._asdict() for finding in findings], ensure_ascii=False, indent=2))
    else:
        _print(findings)
    return int(any(finding.level == PROBLEM for finding in findings))


def _findings(options: dict[str, object]) -> Iterator[Finding]:
    from meerkat_rpc.commands.doctor_agents import agents_configuration, extras
    from meerkat_rpc.config import resolve

    yield _python()
    yield from _packages()
    yield from extras()
    try:
        settings = resolve(options, os.environ)
    except MeerkatError as error:
        yield Finding(PROBLEM, "settings", error.message)
        return
    found = "read" if os.path.exists(settings.config_file) else "none, defaults hold"
    yield Finding(OK, "configuration file", f"{settings.config_file} ({found})")
    for name, value in settings.env.items():
        os.environ.setdefault(name, value)
    yield from agents_configuration(settings.config_file, os.path.abspath(settings.cwd or "."))
    if settings.store is not None:
        yield from _store(settings.store)
    yield from _models(settings)


def _python() -> Finding:
    level = OK if sys.version_info >= (3, 11) else PROBLEM
    return Finding(level, "Python", f"{platform.python_version()} ({sys.executable}) on {platform.platform()}")


def _packages() -> Iterator[Finding]:
    from importlib.metadata import PackageNotFoundError, version

    from meerkat_rpc import __version__

    yield Finding(OK, "meerkat-rpc", __version__)
    versions = []
    for package in PACKAGES:
        try:
            versions.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            yield Finding(PROBLEM, package, "not installed; run: pip install meerkat-rpc")
    yield Finding(OK, "packages", ", ".join(versions))


# -- The store -----------------------------------------------------------------------------------------------------


def _store(path: str) -> Iterator[Finding]:
    from meerkat_rpc.store.disk_check import check_store

    place = path
    while not os.path.lexists(place):
        place = os.path.dirname(place)
    report = check_store(path)
    yield Finding(OK, "SQLite", report.sqlite_version)
    yield _space(place)
    if place != path:
        yield _could_be_made(path, place)
        return
    yield from _permissions(path)
    yield from _content(report)


def _space(place: str) -> Finding:
    free = shutil.disk_usage(place).free
    return Finding(OK if free >= LOW_SPACE else PROBLEM, "disk space", f"{free / 1e9:.1f} GB free at {place}")


def _could_be_made(path: str, place: str) -> Finding:
    if os.access(place, os.W_OK | os.X_OK):
        return Finding(NOTE, "store", f"{path}: none yet; it is made when it is first used")
    return Finding(PROBLEM, "store", f"{path}: there is none, and {place} may not be written to")


def _permissions(path: str) -> Iterator[Finding]:
    mode = stat.S_IMODE(os.stat(path).st_mode)
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        yield Finding(PROBLEM, "permissions", f"{path}: may not be read and written (mode {mode:04o})")
    elif mode & 0o077 and hasattr(os, "geteuid"):
        yield Finding(NOTE, "permissions", f"{path}: open to others (mode {mode:04o}); the next start makes it 0700")
    else:
        yield Finding(OK, "permissions", f"{path}: mode {mode:04o}")


def _content(report: StoreReport) -> Iterator[Finding]:
    for problem in report.problems:
        yield Finding(PROBLEM, "store", problem)
    if not report.problems:
        size = sum(report.files.values())
        yield Finding(OK, "store", f"{report.path}: {report.sessions} sessions, {size / 1e6:.1f} MB, every row checked")


# -- The models ----------------------------------------------------------------------------------------------------


def _models(settings: Settings) -> Iterator[Finding]:
    from meerkat_rpc.agents.registry import AgentRegistry

    registry = AgentRegistry(settings.model)
    for model in registry.models():
        level = OK if model.missing is None else NOTE
        yield Finding(level, f"model {model.id}", model.missing or model.description)
    default = registry.default_model
    if default is None:
        yield Finding(NOTE, "default model", "none: sessions have to name one, or set MEERKAT_MODEL")
    else:
        yield Finding(OK, "default model", default)


# -- The report ------------------------------------------------------------------------------------------------------


def _print(findings: list[Finding]) -> None:
    from meerkat_rpc.commands.sessions_view import printable

    width = max(len(finding.what) for finding in findings)
    coloured = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    for level, what, detail in findings:
        mark, colour = _MARKS[level]
        print(f"\033[{colour}m{mark}\033[0m" if coloured else mark, f"{what:<{width}} ", printable(detail))
