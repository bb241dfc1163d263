"""The sweeps in their short form. ``make faults`` runs them whole."""

import os

import pytest

from tests.faults.every import SWEEPS
from tests.faults.sweep import Report


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.usefixtures("starts_unmeasured")
@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in SWEEPS])
def test_a_short_sweep_finds_nothing(name: str) -> None:
    sweep = SWEEPS[name]
    if missing := sweep.missing():
        # A machine of a developer's may do without; continuous integration has to bring what is needed.
        assert "CI" not in os.environ, f"not found: {missing}"
        pytest.skip(f"not found: {missing}")
    report = Report(seed=1)
    sweep.run(report, sweep.short)
    assert report.defects == []
    assert report.cases > 0


def test_what_a_case_raises_is_a_defect_of_that_case() -> None:
    report = Report(seed=1)
    with report.case("first"):
        raise ValueError("broken")
    with report.case("second"):
        pass
    assert report.cases == 2
    (defect,) = report.defects
    assert "first" in defect
    assert "ValueError: broken" in defect


def test_every_sweep_says_what_it_does() -> None:
    assert [each.name for each in SWEEPS.values() if not each.what.endswith(".")] == []
