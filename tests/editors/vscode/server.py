"""Visual Studio Code's own server, with the extension installed from its .vsix. Its workbench runs in a browser."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.editors.programs import require
from tests.editors.workplace import BOUND_S, Workplace

SETTINGS: Mapping[str, Any] = {
    "workbench.startupEditor": "none",
    "workbench.tips.enabled": False,
    "workbench.colorTheme": "Default Dark Modern",
    "window.autoDetectColorScheme": False,
    "security.workspace.trust.enabled": False,
    "extensions.ignoreRecommendations": True,
    "chat.commandCenter.enabled": False,
    "editor.accessibilitySupport": "off",
}
"""What a test's VS Code begins with: nothing that opens by itself."""

ADDRESS = re.compile(r"Web UI available at (http://\S+?:(\d+))")


class VSCodeServer:
    """A running server: the program that has the extension host, and everything on disk."""

    def __init__(
        self,
        workplace: Workplace,
        vsix: Path,
        settings: Mapping[str, Any] | None = None,
        **environment: str,
    ) -> None:
        self.workplace = workplace
        self.environment = environment
        self.data = workplace.home / "vscode"
        self.settings_file = self.data / "user" / "User" / "settings.json"
        self.settings = {**SETTINGS, **(settings or {})}
        self.write_settings()
        self.install(vsix)
        self.url, self._port = "", "0"
        self._process: subprocess.Popen[str] | None = None

    def write_settings(self, **changes: Any) -> None:
        """Change the user's settings, also while the editor runs: it sees that the file changed."""
        self.settings.update(changes)
        self.settings_file.parent.mkdir(parents=True, exist_ok=True)
        self.settings_file.write_text(json.dumps(self.settings, indent=2))

    def install(self, vsix: Path) -> None:
        """Install an extension."""
        self._run("--install-extension", str(vsix))

    def start(self) -> None:
        """Start it and wait for its address; again at the same one, by which the browser knows what it keeps."""
        self._process = subprocess.Popen(
            self._command("--host", "127.0.0.1", "--port", self._port, "--without-connection-token"),
            env=self._environment(),
            cwd=self.workplace.home,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if found := ADDRESS.search(line):
                self.url, self._port = found[1], found[2]
                return
        raise RuntimeError("VS Code's server ended before it had an address")

    def stop(self) -> None:
        """End it and everything that it started."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(BOUND_S)
        assert self._process.stdout is not None
        self._process.stdout.close()
        self._process = None

    def _run(self, *arguments: str) -> None:
        done = subprocess.run(
            self._command(*arguments), env=self._environment(), capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{arguments}: {done.stdout}{done.stderr}")

    def _command(self, *arguments: str) -> list[str]:
        folders = {"user-data-dir": "user", "server-data-dir": "server", "extensions-dir": "extensions"}
        options = [part for option, name in folders.items() for part in (f"--{option}", str(self.data / name))]
        return [
            require("node"),
            require("vscode"),
            *("--accept-server-license-terms", "--telemetry-level", "off", "--disable-workspace-trust"),
            *options,
            *arguments,
        ]

    def _environment(self) -> dict[str, str]:
        # As if started from a shell: it takes this environment, and not that of a login shell of its own.
        return self.workplace.environment(EXTENSIONS_GALLERY="{}", VSCODE_CLI="1", **self.environment)
