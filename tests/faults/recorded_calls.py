"""What a process asked of its disk and said on its output, from strace's record."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson
from attrs import define, frozen

DISK_CALLS = "mkdir,pwrite64,lseek,write,ftruncate,fdatasync,fsync,rename,unlink"
"""All that changes a store's files, and ``write`` for the output too. What is mapped, SQLite's cache.db-shm, is not
written by calls; SQLite makes it anew."""

_LINE = re.compile(rb"^(\d+) +(.*)$")
_RESUMED = re.compile(rb"^<\.\.\. \w+ resumed>(.*)$")
_CALL = re.compile(rb"^(\w+)\((.*)\) += (-?\d+)")
_TEXT = re.compile(rb'"([^"]*)"')
_FILE = re.compile(rb"^\d+<([^>]*)>")
_LAST = re.compile(rb", (-?\d+)$")
_UNFINISHED = b" <unfinished ...>"


def recording(trace: Path) -> list[str]:
    """Return the command under which a program's calls go to the file ``trace``, every byte of them."""
    options = ["-f", "--seccomp-bpf", "-y", "-xx", "-s", str(1 << 26)]
    return ["strace", *options, "-e", f"trace={DISK_CALLS}", "-e", "signal=none", "-o", str(trace)]


@frozen
class Call:
    """A call that succeeded, or an fsync that didn't. ``path``: of its file; ``data``: what was written, or a second
    path; ``at``: where, or a length."""

    name: str
    path: str
    data: bytes = b""
    at: int = 0
    failed: bool = False


@frozen
class Said:
    """A message on the output."""

    message: dict[str, Any]


@define
class _Begun:
    line: int
    text: bytes


def read_calls(trace: Path) -> list[Call | Said]:
    """Return the calls in the order in which they took effect, and each message where its writing began."""
    found = sorted(_calls(trace), key=lambda each: each[0])
    return list(_with_messages([call for _, call in found]))


def _calls(trace: Path) -> Iterator[tuple[int, Call]]:
    """Yield calls with the number of the line that orders them: where a write to a pipe began, where others ended."""
    begun: dict[bytes, _Begun] = {}
    with trace.open("rb") as lines:
        for number, line in enumerate(lines):
            if (parts := _LINE.match(line.rstrip(b"\n"))) is None:
                continue
            thread, text = parts.groups()
            first = number
            if text.endswith(_UNFINISHED):
                begun[thread] = _Begun(number, text.removesuffix(_UNFINISHED))
                continue
            if resumed := _RESUMED.match(text):
                earlier = begun.pop(thread)
                first, text = earlier.line, earlier.text + resumed[1]
            if (call := _call(text)) is not None:
                yield (first if _is_pipe(call.path) else number), call


def _call(text: bytes) -> Call | None:
    if (parts := _CALL.match(text)) is None:
        return None
    name, arguments, result = parts[1].decode(), parts[2], int(parts[3])
    if result < 0 and name not in {"fsync", "fdatasync"}:
        return None
    texts = [_plain(each) for each in _TEXT.findall(arguments)]
    if name in {"mkdir", "unlink", "rename"}:
        return Call(name, texts[0].decode(), texts[-1])
    file = _FILE.match(arguments)
    assert file, text[:200]
    last = _LAST.search(arguments)
    at = int(last[1]) if last and name in {"pwrite64", "ftruncate"} else result
    return Call(name, _plain(file[1]).decode(), texts[0][:result] if texts else b"", at, failed=result < 0)


def _plain(text: bytes) -> bytes:
    if not text.startswith(b"\\x"):
        return text
    return bytes.fromhex(text.replace(b"\\x", b"").decode())


def _is_pipe(path: str) -> bool:
    return path.startswith("pipe:")


def _with_messages(calls: Sequence[Call]) -> Iterator[Call | Said]:
    """Put the messages in the place of the writes that they went out with."""
    output = next((call.path for call in calls if _is_pipe(call.path) and call.data.startswith(b'{"')), "")
    pending = b""
    for call in calls:
        if call.path != output:
            yield call
            continue
        *lines, pending = (pending + call.data).split(b"\n")
        yield from (Said(orjson.loads(line)) for line in lines)
