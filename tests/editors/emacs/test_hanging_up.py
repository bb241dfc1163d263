"""Emacs whose terminal goes away: the window is closed, the connection to the machine breaks."""

from __future__ import annotations

import os
import time
from typing import Any

import psutil
import pytest

from tests.editors.emacs.terminal import Emacs
from tests.editors.workplace import BOUND_S, Workplace

pytestmark = pytest.mark.slow

SCRIPT: list[dict[str, Any]] = [{"text": "Said before the end. "}, {"sleep_ms": 600_000}]


def test_emacs_and_its_server_end_with_the_terminal_and_what_was_said_is_kept(workplace: Workplace) -> None:
    session_id = workplace.session(script=SCRIPT, title="cut off")
    emacs = Emacs(workplace)
    emacs.command("meerkat-resume")
    emacs.see("Session:")
    emacs.type("cut off\r")
    emacs.see("*meerkat: cut off")
    emacs.type("Go on.\r")
    emacs.see("Said before the end.")
    process = psutil.Process(emacs.child.pid)
    os.close(emacs.child.child_fd)
    end = time.monotonic() + BOUND_S
    while workplace.server_pids() or process.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < end, (workplace.server_pids(), process.status(), process.cpu_times())
        time.sleep(0.05)
    view = workplace.ask("session/read", session_id=session_id)
    assert (view["last_turn"]["outcome"], view["last_assistant_text"]) == ("interrupted", "Said before the end. ")
