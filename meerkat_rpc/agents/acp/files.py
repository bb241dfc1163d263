"""Files that an agent reads and writes through us: those in the session's folder, and no others.

That keeps an agent honest, not a malicious one in: it is a program of the user's, with the user's rights.
"""

from __future__ import annotations

import io
import os
import stat
from pathlib import Path
from typing import Any

from attrs import frozen

MAX_FILE_BYTES = 16 * 1024 * 1024
"""Largest file that is read or written whole: it goes to the agent as one line of JSON."""


class FileRefused(Exception):
    """A file can't be read or written; the message is for the agent's model."""


class FileMissing(FileRefused):
    """There is no such file."""


@frozen
class Folder:
    """A session's folder. Every method blocks on the disk."""

    path: str

    def locate(self, path: Any) -> Path:
        """Return the file that ``path`` names, links followed.

        Raises:
            FileRefused: it is not an absolute path, or leads out of the folder.
        """
        if not isinstance(path, str) or "\0" in path or not os.path.isabs(path):
            raise FileRefused("path: expected an absolute path")
        found, root = os.path.realpath(path), os.path.realpath(self.path)
        if not Path(found).is_relative_to(root):
            raise FileRefused(f"{path}: outside of the session's folder {self.path}")
        return Path(found)

    def read(self, path: Any, line: Any = None, limit: Any = None) -> str:
        """Return the file's text, from ``line`` (counted from 1) on, at most ``limit`` lines; None means all.

        Raises:
            FileRefused: it can't be read.
        """
        text = self._text(self.locate(path))
        if line is None and limit is None:
            return text
        first = max(line - 1, 0) if isinstance(line, int) else 0
        lines = list(io.StringIO(text, newline=""))[first:]
        return "".join(lines[: max(limit, 0)] if isinstance(limit, int) else lines)

    def before(self, path: Path) -> str:
        """Return the text that writing would replace; empty where there is none, or none that can be read."""
        try:
            return self._text(path)
        except FileRefused:
            return ""

    def write(self, path: Path, content: str) -> None:
        """Write ``content`` to the file, and make the folders that lead to it.

        Raises:
            FileRefused: it can't be written.
        """
        path = self.locate(str(path))  # a link may have been put there while a person was asked
        if len(content) > MAX_FILE_BYTES:
            raise FileRefused(f"{path}: more than {MAX_FILE_BYTES} bytes")
        if path.exists() and not path.is_file():
            raise FileRefused(f"{path}: not a file")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8", newline="")
        except (OSError, UnicodeError) as error:
            raise FileRefused(f"{path}: {getattr(error, 'strerror', None) or error}") from error

    def _text(self, path: Path) -> str:
        try:
            with open(path, "rb", opener=_open_without_waiting) as file:
                if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                    raise FileRefused(f"{path}: not a file")
                content = file.read(MAX_FILE_BYTES + 1)
        except FileNotFoundError:
            raise FileMissing(f"{path}: no such file") from None
        except OSError as error:
            raise FileRefused(f"{path}: {error.strerror or error}") from error
        if len(content) > MAX_FILE_BYTES:
            raise FileRefused(f"{path}: more than {MAX_FILE_BYTES} bytes")
        try:
            return content.decode()
        except UnicodeDecodeError:
            raise FileRefused(f"{path}: not UTF-8 text") from None


def _open_without_waiting(path: str, flags: int) -> int:
    """Open a file; a named pipe would wait for somebody to write."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
