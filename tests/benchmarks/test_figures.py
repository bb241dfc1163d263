import subprocess
import sys
from pathlib import Path

import pytest

from tests.benchmarks.figures import AT_LEAST, AT_MOST, Figure, median, number, row
from tests.unmeasured import unmeasured

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("goal", "value", "mark"),
    [((AT_MOST, 2.0), 2.0, "✓"), ((AT_MOST, 2.0), 2.1, "✗"), ((AT_LEAST, 2.0), 2.1, "✓"), ((AT_LEAST, 2.0), 1.9, "✗")],
)
def test_a_figure_says_whether_it_reached_its_goal(goal: tuple[str, float], value: float, mark: str) -> None:
    assert mark in row(Figure("a thing", value, "ms", goal))


def test_a_figure_without_a_goal_says_neither() -> None:
    assert not {"✓", "✗"} & set(row(Figure("a thing", 1.0, "ms")))


def test_samples_are_shown_by_their_median_and_their_extremes() -> None:
    figure = median("a thing", [3.0, 1.0, 200.0], "ms")
    assert (figure.value, figure.spread) == (3.0, (1.0, 200.0))


@pytest.mark.parametrize(
    ("value", "shown"), [(0.0342, "0.0342"), (0.25, "0.25"), (12.34, "12.3"), (100_234.5, "100,234")]
)
def test_a_number_has_the_digits_that_matter(value: float, shown: str) -> None:
    assert number(value) == shown


def _printed(*benchmarks: str) -> str:
    """Return what is printed of benchmarks that take only a few samples."""
    command = [sys.executable, "-m", "tests.benchmarks", "--rounds", "3", *benchmarks]
    return subprocess.run(command, cwd=ROOT, env=unmeasured(), capture_output=True, text=True, check=True).stdout


@pytest.mark.slow
def test_a_benchmark_runs_and_prints_its_rows() -> None:
    printed = _printed("create", "first_delta")
    assert "session created, durable" in printed
    assert "model's first byte → client" in printed


@pytest.mark.slow
def test_a_benchmark_of_language_models_runs_beside_pydantic_ai() -> None:
    printed = _printed("llm_first_event")
    assert "anthropic: provider's first byte → client" in printed
    assert printed.count("pydantic-ai bare") == 4
