"""Reading a text file whole and replacing it at once, both through descriptors (``folder``)."""

from __future__ import annotations

import os
import secrets
import stat
from contextlib import suppress

from meerkat_rpc.errors import InvalidArgument
from meerkat_rpc.tools.builtin.folder import Place, kind_of, open_file

MAX_TEXT_BYTES = 8 << 20
"""The largest file that is edited or overwritten: larger ones are data, and made by programs."""

TEMPORARY = ".meerkat-{}.tmp"


def load(at: Place) -> str | None:
    """Return the file's text, None where there is no file.

    Raises:
        InvalidArgument: it is no plain file, too large, or no UTF-8.
        OSError: it can't be read.
    """
    try:
        descriptor = open_file(at)
    except FileNotFoundError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        content = file.read(MAX_TEXT_BYTES + 1)
    if len(content) > MAX_TEXT_BYTES:
        raise InvalidArgument(f"path: {at.path} is larger than the {MAX_TEXT_BYTES >> 20} MiB that a tool changes")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidArgument(f"path: {at.path} isn't UTF-8 (byte {error.start}); a tool doesn't change it") from None


def replace(at: Place, text: str) -> None:
    """Put ``text`` in the place of the file, or make it: readers see the old file or the new one, never a part.

    A file keeps its mode; one without write permission is left alone.

    Raises:
        InvalidArgument: it is no plain file, or read-only.
        OSError: it can't be written.
    """
    mode = _mode(at)
    name = TEMPORARY.format(secrets.token_hex(8))
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
    descriptor = os.open(name, flags, 0o666 if mode is None else 0o600, dir_fd=at.folder)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(encoded(text))
            file.flush()
            if mode is not None:
                os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        os.rename(name, at.name, src_dir_fd=at.folder, dst_dir_fd=at.folder)
    except BaseException:
        with suppress(OSError):
            os.unlink(name, dir_fd=at.folder)
        raise


def encoded(text: str) -> bytes:
    """Return ``text`` as bytes. Raises ``InvalidArgument`` when it has no UTF-8 form, or a too long one."""
    try:
        content = text.encode("utf-8")
    except UnicodeEncodeError:
        raise InvalidArgument("content: has a lone surrogate, which no text file can hold") from None
    if len(content) > MAX_TEXT_BYTES:
        raise InvalidArgument(f"content: larger than the {MAX_TEXT_BYTES >> 20} MiB that a tool writes")
    return content


def _mode(at: Place) -> int | None:
    """Return the permissions of the file that is there, None if there is none. Raises ``InvalidArgument``."""
    try:
        mode = os.stat(at.name, dir_fd=at.folder, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(mode):
        raise InvalidArgument(f"path: {at.path} is {kind_of(mode)}, not a file")
    if not mode & stat.S_IWUSR:
        raise InvalidArgument(f"path: {at.path} is read-only")
    return stat.S_IMODE(mode)
