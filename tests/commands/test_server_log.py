"""The server's log: who may read it, and what it doesn't say."""

from __future__ import annotations

import logging
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from meerkat_rpc.commands.log_file import OLD_LOG_FILES
from meerkat_rpc.commands.server_log import LOG_FORMAT, PlacesFormatter
from tests.rpc.driver import Server


def shown(error: BaseException) -> str:
    """Return how the log shows ``error``."""
    record = logging.LogRecord(
        "x", logging.ERROR, __file__, 1, "it failed", (), (type(error), error, error.__traceback__)
    )
    return PlacesFormatter(LOG_FORMAT).format(record)


def test_an_exception_is_shown_by_kind_and_place_and_not_by_what_it_says() -> None:
    try:
        try:
            raise KeyError("a secret")
        except KeyError as error:
            raise ValueError("another secret") from error
    except ValueError as error:
        text = shown(error)
    assert "secret" not in text
    assert "ValueError\n" in text
    assert "KeyError\n" in text
    assert text.count("test_server_log.py") == 2


def test_exceptions_that_led_to_each_other_in_a_circle_are_shown_once() -> None:
    first, second = ValueError(), KeyError()
    first.__cause__, second.__cause__ = second, first
    assert shown(first).endswith("ValueError\nKeyError")


@pytest.fixture(params=[0o000, 0o022, 0o777], ids=["umask 000", "umask 022", "umask 777"])
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


def serve(*options: str) -> subprocess.CompletedProcess[bytes]:
    """Have a server log a warning and end."""
    return subprocess.run(
        [sys.executable, "-m", "meerkat_rpc", "serve", "--ephemeral", *options],
        input=b'{"jsonrpc":"2.0","id":1,"result":{}}\n',
        capture_output=True,
        timeout=60,
        check=True,
    )


@pytest.mark.usefixtures("umask")
def test_a_log_file_is_private_whatever_the_umask(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert serve("--log-file", str(log)).stderr == b""
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert "no request of ours" in log.read_text()


def test_a_log_file_that_others_may_read_is_made_private(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("before\n")
    log.chmod(0o666)
    serve("--log-file", str(log))
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert log.read_text().startswith("before\n")


def test_a_log_that_is_no_plain_file_keeps_its_mode(tmp_path: Path) -> None:
    before = Path(os.devnull).stat().st_mode
    serve("--log-file", os.devnull)
    assert Path(os.devnull).stat().st_mode == before


def test_a_log_file_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    said = serve("--log-file", str(tmp_path / "no" / "such" / "log")).stderr
    assert b"can't be written" in said
    assert b"no request of ours" in said


def test_a_full_log_file_is_put_aside_and_old_ones_are_removed(tmp_path: Path) -> None:
    log = tmp_path / "log"
    for number in range(OLD_LOG_FILES + 2):
        log.write_bytes(b"x" * (10 << 20))
        with Server("--ephemeral", "--log-file", str(log)) as server:
            server.write(b'{"jsonrpc":"2.0","id":%d,"result":{}}\n' % number)
            server.call("runtime/health")
            server.end_input()
            server.wait()
        assert log.stat().st_size < 1000
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log", "log.1", "log.2"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()} == {0o600}
