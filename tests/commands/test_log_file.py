"""A log file that several processes write to."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import pytest

from meerkat_rpc.commands.log_file import LogFile

WRITER = """
import logging, sys
from meerkat_rpc.commands.log_file import LogFile

log = logging.getLogger()
log.addHandler(LogFile(sys.argv[1], limit=30_000, old=20))
for number in range(2000):
    log.warning("%s line %d %s", sys.argv[2], number, "x" * (number % 50))
"""


def record(text: str) -> logging.LogRecord:
    return logging.LogRecord("x", logging.WARNING, __file__, 1, text, (), None)


def test_processes_that_share_a_log_lose_no_line_and_break_none(tmp_path: Path) -> None:
    log, names = tmp_path / "log", ["one", "two", "three"]
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(log), name]) for name in names]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    lines = "".join(path.read_text() for path in tmp_path.iterdir()).splitlines()
    wanted = {f"{name} line {number} {'x' * (number % 50)}" for name in names for number in range(2000)}
    assert set(lines) == wanted
    assert len(lines) == len(wanted)
    files = sorted(tmp_path.iterdir())
    assert len(files) > 5
    assert max(path.stat().st_size for path in files) < 31_000


def test_a_log_that_was_removed_or_moved_is_begun_anew(tmp_path: Path) -> None:
    handler = LogFile(str(tmp_path / "log"))
    for text in ("one", "two"):
        handler.emit(record(text))
        (tmp_path / "log").rename(tmp_path / text)
    handler.emit(record("three"))
    handler.close()
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        "one": "one\n",
        "two": "two\n",
        "log": "three\n",
    }


def test_a_log_that_is_no_plain_file_is_not_put_aside(tmp_path: Path) -> None:
    handler = LogFile("/dev/null", limit=0)
    handler.emit(record("nothing"))
    handler.close()
    assert Path("/dev/null").is_char_device()


@pytest.mark.parametrize("path", ["", "missing/log"])
def test_a_log_that_cannot_be_written_is_an_error(tmp_path: Path, path: str) -> None:
    with pytest.raises(OSError, match="directory"):
        LogFile(str(tmp_path / path))
