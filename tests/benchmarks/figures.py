"""What a figure is, and the table that is printed of them."""

from __future__ import annotations

import os
import platform
import statistics
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

AT_MOST, AT_LEAST = "≤", "≥"


class Figure(NamedTuple):
    """A measured value. ``spread`` is the lowest and the highest sample, ``rivals`` what the others reach."""

    what: str
    value: float
    unit: str
    goal: tuple[str, float] | None = None
    rivals: str = ""
    spread: tuple[float, float] | None = None

    @property
    def reached(self) -> bool | None:
        """Whether the goal was reached, None without one."""
        if self.goal is None:
            return None
        sign, bound = self.goal
        return self.value <= bound if sign == AT_MOST else self.value >= bound


Benchmark = Callable[[], Iterable[Figure]]
BENCHMARKS: dict[str, Benchmark] = {}
"""Name → what measures it, in the order of the table."""


def benchmark(measure: Benchmark) -> Benchmark:
    """Register ``measure`` under its name."""
    BENCHMARKS[measure.__name__] = measure
    return measure


def median(
    what: str, samples: Sequence[float], unit: str, goal: tuple[str, float] | None = None, rivals: str = ""
) -> Figure:
    """Return the figure that the samples' median makes."""
    return Figure(what, statistics.median(samples), unit, goal, rivals, (min(samples), max(samples)))


def heading() -> str:
    """Return where this is measured."""
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return f"Python {platform.python_version()}, {sys.platform}, {os.cpu_count()} cores{load}\n"


def row(figure: Figure) -> str:
    """Return the table's row of ``figure``."""
    goal = f"{figure.goal[0]} {number(figure.goal[1])}" if figure.goal else ""
    mark = {True: "✓", False: "✗", None: " "}[figure.reached]
    spread = f"{number(figure.spread[0])} … {number(figure.spread[1])}" if figure.spread else ""
    value = f"{number(figure.value)} {figure.unit}"
    return f"{figure.what:<58} {value:>16}  {goal:>11} {mark}  {spread:<22} {figure.rivals}".rstrip()


def number(value: float) -> str:
    """Return ``value`` with as many digits as matter."""
    if value >= 100:
        return f"{value:,.0f}"
    if value >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if value >= 0.1 else f"{value:.4f}"


COLUMNS = f"{'what':<58} {'median':>16}  {'goal':>11}    {'lowest … highest':<22} the best of the others"
