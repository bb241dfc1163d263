"""What a sweep is: one kind of fault, injected again and again, with a report of what that broke."""

from __future__ import annotations

import os
import shutil
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec

from attrs import define, field, frozen

SHOWN_DEFECTS = 20
"""Defects printed for each sweep: the first ones say what is wrong."""


@define
class Report:
    """What a sweep found. ``seed`` makes its random choices, and repeats them."""

    seed: int
    cases: int = 0
    defects: list[str] = field(factory=list)
    figures: list[str] = field(factory=list)
    _begun: float = field(factory=time.monotonic)
    _shown: float = 0.0

    @contextmanager
    def case(self, name: str) -> Iterator[None]:
        """Count a case. What the block raises is a defect of it, and the sweep goes on."""
        self.cases += 1
        self._progress(name)
        try:
            yield
        except Exception as error:  # noqa: BLE001 - whatever goes wrong with one case is what a sweep looks for
            self.defect(f"{name}: {_where(error)}{type(error).__name__}: {error}")

    def defect(self, text: str) -> None:
        """Note what is wrong."""
        self.defects.append(text)
        if len(self.defects) <= SHOWN_DEFECTS:
            print(f"  ✗ {text[:2000]}", file=sys.stderr, flush=True)

    def figure(self, what: str, value: str) -> None:
        """Note what was measured, for the table."""
        self.figures.append(f"{what} {value}")

    @property
    def seconds(self) -> float:
        """How long it has taken so far."""
        return time.monotonic() - self._begun

    def _progress(self, name: str) -> None:
        if self.seconds - self._shown >= 10:
            self._shown = self.seconds
            print(f"  … {self.seconds:.0f} s, case {self.cases}: {name}", file=sys.stderr, flush=True)


def _where(error: Exception) -> str:
    """Return the line of the sweep that raised."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "/tests/" in frame.filename]
    return f"{frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno}: " if frames else ""


@frozen
class Sweep:
    """One kind of fault. ``size`` is what ``run`` makes of it: cases, turns, seconds."""

    name: str
    what: str
    run: Callable[[Report, int], None]
    short: int
    full: int
    needs: Sequence[str] = ()
    imports: Sequence[str] = ()
    as_root: bool = False

    def missing(self) -> list[str]:
        """Return the programs, rights and modules that it needs and that aren't here."""
        programs = [program for program in self.needs if shutil.which(program) is None]
        if self.as_root and os.geteuid() != 0:
            programs.append("the right to mount")
        return programs + [module for module in self.imports if find_spec(module) is None]


SWEEPS: dict[str, Sweep] = {}
"""Every sweep, by name."""


def sweep(
    *, short: int, full: int, needs: Sequence[str] = (), imports: Sequence[str] = (), as_root: bool = False
) -> Callable[[Callable[[Report, int], None]], Callable[[Report, int], None]]:
    """Register a function as the sweep of its name, described by the first line of its docstring.

    Args:
        short: the size in ``make test``, which takes about 15 s.
        full: the size in ``make faults``.
        needs: programs that must be there.
        imports: modules that must be there.
        as_root: whether it can be run by root only.
    """

    def register(run: Callable[[Report, int], None]) -> Callable[[Report, int], None]:
        what = (run.__doc__ or "").partition("\n")[0]
        SWEEPS[run.__name__] = Sweep(run.__name__, what, run, short, full, needs, imports, as_root)
        return run

    return register
