"""How fast the package is in a real Emacs: a long session's end on screen, and an answer as fast as it can come."""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path

from tests.editors.emacs.terminal import Emacs
from tests.editors.measures import DELTAS, OPENINGS, SCRIPT, TURNS, Streaming
from tests.editors.workplace import Workplace

MEASURE = Path(__file__).with_name("measure.el")


def opening(workplace: Workplace) -> list[float]:
    """Return the milliseconds from the command that opens a session of ``TURNS`` turns until its end is on screen."""
    session_id = workplace.long_session(TURNS)
    return _measured(workplace, f'(measure-opening "{session_id}" {OPENINGS} %s)')


def streaming(workplace: Workplace) -> Streaming:
    """Let the fastest answer come and return how Emacs took it."""
    session_id = workplace.session(script=SCRIPT)
    total, stall, words = _measured(workplace, f'(measure-streaming "{session_id}" %s)')
    assert words == DELTAS, f"{words} words of {DELTAS} are shown"
    return Streaming(total_ms=total, stall_ms={"main": stall})


def _measured(workplace: Workplace, form: str) -> list[float]:
    """Evaluate a form, which is given a file's name, and return the numbers that it leaves in the file."""
    file = workplace.home / "measured"
    with Emacs(workplace) as emacs:
        emacs.command("meerkat-new")  # the server is there, as it is but once a day
        emacs.see("Ask echo")
        emacs.evaluate(f'(load "{MEASURE}" nil t)')
        emacs.evaluate(form % f'"{file}"')
        emacs.see(lambda _: file.exists())
    return [float(number) for number in file.read_text().split()]


def main() -> None:
    """Print both figures."""
    with tempfile.TemporaryDirectory() as folder:
        took = opening(Workplace(Path(folder) / "opening"))
        print(f"open {TURNS} turns: median {statistics.median(took):.0f} ms of {[round(ms) for ms in took]}")  # noqa: T201
        print(f"{DELTAS} deltas: {streaming(Workplace(Path(folder) / 'streaming'))}")  # noqa: T201


if __name__ == "__main__":
    main()
