"""Emacs without a terminal: it runs ERT tests and checks of the package's files."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from attrs import frozen

from tests.editors.emacs.terminal import package
from tests.editors.programs import require
from tests.editors.workplace import Workplace

FOLDER = Path(__file__).parent / "ert"

BOUND_S = 300
"""For all tests together; each waits for a minute at most."""


@frozen
class Result:
    """What became of an ERT test; ``reason`` is the condition that failed it."""

    outcome: str
    reason: str


def names() -> list[str]:
    """Return the names of all ERT tests."""
    texts = [path.read_text() for path in sorted(FOLDER.glob("test-*.el"))]
    return [name for text in texts for name in re.findall(r"^\(ert-deftest (\S+) ", text, re.MULTILINE)]


def run_tests(workplace: Workplace) -> Mapping[str, Result]:
    """Run every ERT test in one Emacs and return what became of each."""
    results = workplace.home / "ert-results"
    files = [word for path in sorted(FOLDER.glob("test-*.el")) for word in ("-l", str(path))]
    ran = run_emacs(workplace, "-L", str(FOLDER), *files, "--eval", f'(support-run "{results}")')
    assert results.exists(), f"Emacs ended before the tests did:\n{ran.stdout[-3000:]}\n{ran.stderr[-3000:]}"
    lines = [line.split("\t") for line in results.read_text().splitlines()]
    return {name: Result(outcome, reason) for name, outcome, reason in lines}


def run_emacs(workplace: Workplace, *args: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run Emacs with the package and ``args`` until it ends."""
    return subprocess.run(
        [require("emacs"), "-Q", "--batch", "-L", package(), *args],
        env=workplace.environment(**environment),
        cwd=workplace.folder,
        capture_output=True,
        text=True,
        timeout=BOUND_S,
        check=False,
    )
